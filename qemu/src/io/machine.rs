//! Runs one machine: power, console, cables.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use super::console::Console;
use super::process::Process;
use super::{qmp, waiting};
use crate::console::{Output, brief};
use crate::machine::{Boot, MachineSpec};
use crate::patience::{Seen, Slowness};
use crate::qmp::Request;

/// QEMU opens its sockets before it starts the guest.
const POWER_ON: Duration = Duration::from_secs(20);

/// A boot takes 5 s by itself; many at once on two cores take their time.
const BOOT: Duration = Duration::from_secs(120);

/// Limit of a command that is not given one of its own.
const COMMAND: Duration = Duration::from_secs(30);

/// A machine that is on or off; what it is made of stays the same.
///
/// It is killed and reaped when this value goes.
#[derive(Debug)]
pub struct Machine {
    spec: MachineSpec,
    slowness: Slowness,
    power: Mutex<Option<Powered>>,
}

/// What a boot is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootId(String);

#[derive(Debug)]
struct Powered {
    qemu: Process,
    console: Console,
}

impl Machine {
    /// Puts a machine together and powers it on, without waiting for its boot.
    pub fn start(spec: MachineSpec, slowness: Slowness) -> anyhow::Result<Self> {
        fs::create_dir_all(&spec.logs)
            .with_context(|| format!("making {}", spec.logs.display()))?;
        let machine = Self { spec, slowness, power: Mutex::new(None) };
        machine.power_on()?;
        Ok(machine)
    }

    /// Returns what the machine is made of.
    pub fn spec(&self) -> &MachineSpec {
        &self.spec
    }

    /// Powers the machine on. One that is on stays as it is.
    pub fn power_on(&self) -> anyhow::Result<()> {
        self.power_on_as(&self.spec)
    }

    /// As [`Machine::power_on`], with one more kernel parameter this time.
    ///
    /// # Errors
    /// As well if the kernel is not loaded by QEMU, which alone can be told.
    pub fn power_on_with(&self, parameter: &str) -> anyhow::Result<()> {
        let mut spec = self.spec.clone();
        let Boot::Direct { command_line, .. } = &mut spec.boot else {
            bail!("{} takes its kernel's parameters from its disk", spec.name);
        };
        *command_line += &format!(" {parameter}");
        self.power_on_as(&spec)
    }

    fn power_on_as(&self, spec: &MachineSpec) -> anyhow::Result<()> {
        let mut power = self.power();
        if power.is_some() {
            return Ok(());
        }
        for socket in [spec.console_socket(), spec.person_socket(), spec.qmp_socket()] {
            let _ = fs::remove_file(socket);
        }
        let mut qemu = Process::start(spec.board().program, spec.arguments(), &spec.qemu_log())?;
        let what = format!("QEMU to start {}", spec.name);
        let console = waiting::until(&what, self.slowness.stretch(POWER_ON), || {
            if let Some(status) = qemu.ended() {
                return Ok(Seen::Yes(Err(status)));
            }
            Console::connect(&spec.name, &spec.console_socket(), &spec.console_log())
                .map(|console| Seen::Yes(Ok(console)))
        })?;
        match console {
            Ok(console) => *power = Some(Powered { qemu, console }),
            Err(status) => {
                bail!("QEMU of {} ended with {status}: {}", spec.name, last_lines(&spec.qemu_log()))
            }
        }
        Ok(())
    }

    /// Cuts the power: nothing in the machine gets a chance to write anything more.
    pub fn power_cut(&self) {
        if let Some(mut powered) = self.power().take() {
            powered.qemu.kill();
        }
    }

    /// Returns whether the machine is on.
    pub fn is_on(&self) -> bool {
        self.power().as_mut().is_some_and(|powered| powered.qemu.ended().is_none())
    }

    /// Asks QEMU to end, which writes back what it holds of the disk.
    pub fn power_off(&self) -> anyhow::Result<()> {
        if let Some(mut powered) = self.power().take() {
            qmp::ask(&self.spec.qmp_socket(), &Request::Quit)?;
            powered.qemu.wait_or_kill(self.slowness.stretch(POWER_ON));
        }
        Ok(())
    }

    /// Reboots the machine from within, and waits for the new boot's shell.
    pub fn reboot(&self) -> anyhow::Result<()> {
        let before = self.boot_id()?;
        // The shell may or may not live to tell how this ended.
        let _ = self.run_within("reboot", Duration::from_secs(1));
        self.wait_for_another_boot(&before, BOOT)
    }

    /// Waits for the shell of another boot than the given one.
    pub fn wait_for_another_boot(&self, before: &BootId, limit: Duration) -> anyhow::Result<()> {
        let what = format!("{} to reboot", self.spec.name);
        waiting::until(&what, self.slowness.stretch(limit), || {
            self.wait_for_shell()?;
            Ok(Seen::when(self.boot_id()? != *before, || "still the boot before".into()))
        })
    }

    /// Waits until the machine has booted and its shell answers.
    pub fn wait_for_shell(&self) -> anyhow::Result<()> {
        let limit = self.slowness.stretch(BOOT);
        self.powered(|powered| powered.console.wait_for_shell(limit)).with_context(|| {
            let serial = last_lines(&self.spec.serial_log());
            format!("last on {}'s serial line: {serial}", self.spec.name)
        })
    }

    /// Runs a command as root and returns what it printed.
    ///
    /// # Errors
    /// If its exit status is not 0, or it takes longer than 30 s.
    pub fn run(&self, command: &str) -> anyhow::Result<String> {
        let Output { status, stdout } = self.run_within(command, COMMAND)?;
        if status != 0 {
            let (command, name, told) = (brief(command), &self.spec.name, stdout.trim());
            bail!("`{command}` on {name} ended with {status}: {told}");
        }
        Ok(stdout)
    }

    /// Runs a command as root within a limit and returns its exit status and what it printed.
    pub fn run_within(&self, command: &str, limit: Duration) -> anyhow::Result<Output> {
        let limit = self.slowness.stretch(limit);
        self.powered(|powered| powered.console.run(command, limit))
    }

    /// Kills every process of a name with signal 9.
    ///
    /// # Errors
    /// If there is none.
    pub fn kill9(&self, process: &str) -> anyhow::Result<()> {
        self.run(&format!("kill -9 $(pidof '{process}')")).map(drop)
    }

    /// Pulls a cable out of a card or puts it in again; link 0 is the uplink.
    pub fn set_cable(&self, link: u8, plugged: bool) -> anyhow::Result<()> {
        let card = format!("card-eth{link}");
        qmp::ask(&self.spec.qmp_socket(), &Request::SetLink { card, up: plugged }).map(drop)
    }

    /// Presses the reset button.
    pub fn reset(&self) -> anyhow::Result<()> {
        qmp::ask(&self.spec.qmp_socket(), &Request::Reset).map(drop)
    }

    /// Tells this boot from every other.
    pub fn boot_id(&self) -> anyhow::Result<BootId> {
        // Asked of a shell that may be going down: it gets little time.
        let limit = Duration::from_secs(2);
        let Output { status, stdout } =
            self.run_within("cat /proc/sys/kernel/random/boot_id", limit)?;
        // A system that goes down kills the command, and nothing read is not another boot.
        let id = stdout.trim();
        ensure!(status == 0 && id.len() == 36, "it tells no boot_id: status {status}, {id:?}");
        Ok(BootId(id.to_owned()))
    }

    fn powered<T>(&self, act: impl FnOnce(&mut Powered) -> anyhow::Result<T>) -> anyhow::Result<T> {
        match self.power().as_mut() {
            Some(powered) => act(powered),
            None => bail!("{} is off", self.spec.name),
        }
    }

    fn power(&self) -> MutexGuard<'_, Option<Powered>> {
        self.power.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default();
    format!("{:?} (all of it in {})", last.join("\n"), log.display())
}
