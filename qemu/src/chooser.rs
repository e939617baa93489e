//! What is asked of the real slot chooser, and how its answer is read from the serial line.

use std::path::{Path, PathBuf};

use crate::board::Board;
use crate::machine::Boot;

/// What begins the kernel's own copy of its command line.
const COMMAND_LINE: &str = "ommand line: ";

/// What names the slot on it.
const ROOT: &str = "root=PARTLABEL=root-";

/// What the chooser says before it starts a kernel, in front of the seconds.
const WATCHDOG: &str = "with watchdog set to ";

/// What it says where it finds none to arm.
const NO_WATCHDOG: &str = "Cannot probe watchdog";

/// What came of a boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A kernel has started, with this command line.
    Started {
        /// Letter of the slot whose root it was given, if it was given one.
        slot: Option<char>,
        /// Its command line.
        command_line: String,
        /// Seconds of the watchdog that the chooser says to have armed, if it says so.
        watchdog: Option<u16>,
    },
    /// The chooser is to arm a watchdog, finds none, and has left the machine to the firmware.
    NoWatchdog,
    /// No kernel yet.
    NotYet,
}

/// Reads what the serial line has carried so far.
pub fn verdict(serial: &str) -> Verdict {
    // A line that has not ended may still grow.
    let whole = || serial.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let told = whole().filter(|line| line.starts_with('[')).find_map(|line| {
        let (_, command_line) = line.split_once(COMMAND_LINE)?;
        Some(command_line.trim())
    });
    match told {
        Some(command_line) => Verdict::Started {
            slot: command_line.split_once(ROOT).and_then(|(_, slot)| slot.chars().next()),
            command_line: command_line.to_owned(),
            watchdog: whole().find_map(watchdog),
        },
        None if whole().any(|line| line.contains(NO_WATCHDOG)) => Verdict::NoWatchdog,
        None => Verdict::NotYet,
    }
}

/// Reads the seconds out of what the chooser says last.
fn watchdog(line: &str) -> Option<u16> {
    let (_, told) = line.split_once(WATCHDOG)?;
    told.split_once(' ')?.0.parse().ok()
}

/// A machine that has nothing but what a chooser needs: firmware, a disk and a serial line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bench {
    /// What it is made of.
    pub board: Board,
    /// The firmware.
    pub boot: Boot,
    /// The disk, written to by the chooser.
    pub disk: PathBuf,
    /// Socket of QEMU's own control protocol.
    pub qmp: PathBuf,
    /// File that collects what is written on the serial line.
    pub serial: PathBuf,
    /// A machine that was saved with [`save_command`], to go on with; none for one that is powered on.
    pub saved: Option<PathBuf>,
}

/// Memory of the bench: room to unpack a kernel, and little to save.
const MEMORY_MIB: u32 = 192;

impl Bench {
    /// Returns the arguments of the board's program.
    pub fn arguments(&self) -> Vec<String> {
        let board = self.board;
        let memory = MEMORY_MIB.to_string();
        let serial = format!("file:{}", self.serial.display());
        let mut arguments: Vec<String> = [
            ["-accel", "tcg,tb-size=64"],
            ["-M", board.machine],
            ["-cpu", board.processor],
            ["-m", &memory],
            ["-display", "none"],
            ["-serial", &serial],
        ]
        .concat()
        .into_iter()
        .map(Into::into)
        .collect();
        arguments.extend(["-nodefaults".into(), "-no-user-config".into()]);
        let mut pair = |option: &str, value: String| arguments.extend([option.into(), value]);
        self.boot.arguments(&mut pair);
        if let Some(watchdog) = board.watchdog {
            pair("-device", watchdog.into());
        }
        let disk = self.disk.display().to_string().replace(',', ",,");
        pair("-drive", format!("if=none,id=disk,format=raw,cache=unsafe,file={disk}"));
        pair("-device", "virtio-blk-pci,drive=disk".into());
        pair("-qmp", format!("unix:{},server=on,wait=off", self.qmp.display()));
        if let Some(saved) = &self.saved {
            pair("-incoming", format!("exec:cat {}", quoted(saved)));
        }
        arguments
    }
}

/// Names the command that a machine's state is written to.
pub fn save_command(file: &Path) -> String {
    format!("exec:cat >{}", quoted(file))
}

/// Quotes a path for the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(serial: &str, expected: Option<char>) {
        let slot = match verdict(serial) {
            Verdict::Started { slot, .. } => slot,
            Verdict::NoWatchdog | Verdict::NotYet => None,
        };

        assert_eq!(slot, expected, "{serial:?}");
    }

    #[test]
    fn the_kernels_own_words_tell_the_slot_and_not_the_choosers() {
        check("[    0.000000] Command line: root=PARTLABEL=root-b console=ttyS0\r\n", Some('b'));
        check("[    0.000000] Kernel command line: root=PARTLABEL=root-a\r\n", Some('a'));
        check("args: root=PARTLABEL=root-b console=ttyS0\r\n", None);
        check("[    0.000000] Command line: root=PARTLABEL=root-b", None);
        check("", None);
    }

    #[test]
    fn the_chooser_tells_what_it_armed_or_that_it_found_nothing() {
        let starting = "Starting C:boot-b:vmlinuz with watchdog set to 120 seconds ...\r\n";
        let kernel = "[    0.000000] Command line: root=PARTLABEL=root-b\r\n";
        let refused = "\u{1b}[40mCannot probe watchdog (Unsupported).\r\n";

        let started = verdict(&format!("{starting}{kernel}"));

        assert!(matches!(started, Verdict::Started { watchdog: Some(120), .. }), "{started:?}");
        assert_eq!(verdict(starting), Verdict::NotYet);
        assert_eq!(verdict(refused), Verdict::NoWatchdog);
    }

    #[test]
    fn a_saved_machines_path_is_one_word_to_the_shell() {
        assert_eq!(save_command(Path::new("/it's here")), r"exec:cat >'/it'\''s here'");
    }
}
