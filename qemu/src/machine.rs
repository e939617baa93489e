//! What one machine is made of, and the QEMU arguments that make it.

use std::path::{Path, PathBuf};

use image::Architecture;

use crate::accel::Accel;
use crate::board::Board;
use crate::topology::MacAddr;

/// What a machine prints on its serial line, among its logs.
pub(crate) const SERIAL_LOG: &str = "serial.log";

/// Whether a machine's `eth0` leads to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uplink {
    /// QEMU's user network: DHCP, and the host's loopback at 10.0.2.2.
    Host,
    /// The card is there and nothing answers on it.
    Nothing,
}

/// How a machine comes up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boot {
    /// QEMU itself loads the kernel: the quick way, which knows no slots.
    Direct {
        /// Kernel, in a form that QEMU loads.
        kernel: PathBuf,
        /// First root file system, if the kernel needs one.
        initramfs: Option<PathBuf>,
        /// Kernel command line.
        command_line: String,
    },
    /// Firmware looks for a boot loader on the disk, as on hardware.
    Firmware {
        /// The firmware's program.
        code: PathBuf,
        /// The firmware's memory, this machine's own; none for one that keeps nothing.
        variables: Option<PathBuf>,
    },
}

impl Boot {
    /// Hands over each of the QEMU options that say so, with its value.
    pub(crate) fn arguments(&self, pair: &mut impl FnMut(&str, String)) {
        match self {
            Self::Direct { kernel, initramfs, command_line } => {
                pair("-kernel", kernel.display().to_string());
                if let Some(initramfs) = initramfs {
                    pair("-initrd", initramfs.display().to_string());
                }
                pair("-append", command_line.clone());
            }
            Self::Firmware { code, variables: Some(variables) } => {
                let (code, variables) = (value(code), value(variables));
                pair("-drive", format!("if=pflash,format=raw,readonly=on,file={code}"));
                pair("-drive", format!("if=pflash,format=raw,file={variables}"));
            }
            Self::Firmware { code, variables: None } => {
                pair("-bios", code.display().to_string());
            }
        }
    }
}

/// What a machine's clock shows when it is powered on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The host's time.
    #[default]
    Host,
    /// The first of January 1970, as on a board without a battery.
    Unset,
}

/// One network card on the mesh, wired to the lab's switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshLink {
    /// Number of the guest's interface: 1 is `eth1`.
    pub number: u8,
    /// Address of the card.
    pub mac: MacAddr,
}

/// One machine, as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineSpec {
    /// Name of the machine, also in the names of its sockets and logs.
    pub name: String,
    /// The architecture of its processor.
    pub architecture: Architecture,
    /// Memory in mebibytes.
    pub memory_mib: u32,
    /// How it comes up.
    pub boot: Boot,
    /// What its clock shows.
    pub clock: Clock,
    /// Raw disk image, written to by the guest.
    pub disk: Option<PathBuf>,
    /// Address of `eth0`.
    pub uplink_mac: MacAddr,
    /// Where `eth0` leads.
    pub uplink: Uplink,
    /// Cards on the mesh, `eth1` first.
    pub links: Vec<MeshLink>,
    /// How the processor is run.
    pub accel: Accel,
    /// Directory of the machine's sockets; short, for a socket's path holds 107 bytes.
    pub sockets: PathBuf,
    /// Directory of the machine's logs.
    pub logs: PathBuf,
}

impl MachineSpec {
    /// Returns the socket of `hvc0`, the console that the lab types on.
    pub fn console_socket(&self) -> PathBuf {
        self.sockets.join(format!("{}.hvc0", self.name))
    }

    /// Returns the socket of `hvc1`, the console that is left to a person.
    pub fn person_socket(&self) -> PathBuf {
        self.sockets.join(format!("{}.hvc1", self.name))
    }

    /// Returns the socket of QEMU's own control protocol.
    pub fn qmp_socket(&self) -> PathBuf {
        self.sockets.join(format!("{}.qmp", self.name))
    }

    /// Returns the file that collects what the guest writes on its serial line.
    pub fn serial_log(&self) -> PathBuf {
        self.logs.join(SERIAL_LOG)
    }

    /// Returns the file that collects what passes over `hvc0`.
    pub fn console_log(&self) -> PathBuf {
        self.logs.join("console.log")
    }

    /// Returns the file that collects QEMU's own complaints.
    pub fn qemu_log(&self) -> PathBuf {
        self.logs.join("qemu.log")
    }

    /// Returns the arguments of the board's program.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = Arguments::default();
        self.bare(&mut arguments);
        self.boot.arguments(&mut |option, value| arguments.pair(option, value));
        self.consoles(&mut arguments);
        self.network(&mut arguments);
        self.storage(&mut arguments);
        arguments.0
    }

    /// Returns the machine type.
    pub fn board(&self) -> Board {
        Board::of(self.architecture)
    }

    fn bare(&self, arguments: &mut Arguments) {
        let board = self.board();
        arguments.pair("-name", &self.name);
        arguments.pair("-accel", self.accel.argument());
        arguments.pair("-M", board.machine);
        arguments.pair("-cpu", board.processor);
        arguments.pair("-m", self.memory_mib.to_string());
        arguments.0.extend(["-nodefaults".into(), "-no-user-config".into()]);
        arguments.pair("-display", "none");
        if self.clock == Clock::Unset {
            arguments.pair("-rtc", "base=1970-01-01T00:00:00");
        }
        if let Some(watchdog) = board.watchdog {
            arguments.pair("-device", watchdog);
            arguments.pair("-action", "watchdog=reset");
        }
    }

    fn consoles(&self, arguments: &mut Arguments) {
        let serial = value(&self.serial_log());
        arguments.pair("-chardev", format!("file,id=serial,path={serial},append=on"));
        arguments.pair("-serial", "chardev:serial");
        arguments.pair("-device", "virtio-serial-pci");
        for (console, socket) in [("hvc0", self.console_socket()), ("hvc1", self.person_socket())] {
            arguments.pair("-chardev", listening(console, &socket));
            arguments.pair("-device", format!("virtconsole,chardev={console}"));
        }
        arguments.pair("-chardev", listening("qmp", &self.qmp_socket()));
        arguments.pair("-mon", "chardev=qmp,mode=control");
    }

    fn network(&self, arguments: &mut Arguments) {
        arguments.pair(
            "-netdev",
            match self.uplink {
                Uplink::Host => "user,id=eth0,ipv6=off",
                // A hub with one port: the guest has carrier and hears nobody.
                Uplink::Nothing => "hubport,id=eth0,hubid=0",
            },
        );
        arguments.pair("-device", card("eth0", self.uplink_mac));
        for link in &self.links {
            let id = format!("eth{}", link.number);
            let Plugs { machine, switch } = plugs(&self.sockets, &self.name, link.number);
            arguments.pair(
                "-netdev",
                format!(
                    "dgram,id={id},local.type=unix,local.path={},remote.type=unix,remote.path={}",
                    value(&machine),
                    value(&switch)
                ),
            );
            arguments.pair("-device", card(&id, link.mac));
        }
    }

    fn storage(&self, arguments: &mut Arguments) {
        let Some(disk) = &self.disk else { return };
        // The host outlives the guest: what left the guest is kept even if the guest is killed, so
        // a flush need not wait for the host's disk.
        let disk = value(disk);
        arguments.pair("-drive", format!("if=none,id=disk,format=raw,cache=unsafe,file={disk}"));
        arguments.pair("-device", "virtio-blk-pci,drive=disk");
    }
}

/// The two ends of the wire between a machine's card and the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugs {
    /// Socket that QEMU binds.
    pub machine: PathBuf,
    /// Socket that the switch binds.
    pub switch: PathBuf,
}

/// Names the two ends of the wire of one of a machine's links.
pub fn plugs(sockets: &Path, machine: &str, link: u8) -> Plugs {
    Plugs {
        machine: sockets.join(format!("{machine}.eth{link}")),
        switch: sockets.join(format!("{machine}.port{link}")),
    }
}

#[derive(Default)]
struct Arguments(Vec<String>);

impl Arguments {
    fn pair(&mut self, option: &str, value: impl Into<String>) {
        self.0.push(option.into());
        self.0.push(value.into());
    }
}

fn listening(id: &str, socket: &Path) -> String {
    format!("socket,id={id},path={},server=on,wait=off", value(socket))
}

fn card(id: &str, mac: MacAddr) -> String {
    // No option ROM: nothing boots from the network, and the start is quicker.
    format!("virtio-net-pci,id=card-{id},netdev={id},mac={mac},romfile=")
}

/// Quotes a path for a comma-separated QEMU option.
fn value(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

#[cfg(test)]
mod tests;
