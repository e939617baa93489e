//! A running lab: machines, the switch between them, and the directory of their logs.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::bios;
use super::machine::Machine;
use super::site::Site;
use super::sockets::SocketDirectory;
use super::switch::Switch;
use super::waiting;
use crate::machine::{Boot, MachineSpec, MeshLink};
use crate::node::{Loader, Node};
use crate::patience::Seen;
use crate::topology::{Topology, Traffic, Wiring};

/// A lab. Everything in it stops with this value; the logs stay.
pub struct Lab<'site> {
    site: &'site Site,
    // In the order in which they have to go.
    machines: BTreeMap<String, Machine>,
    switch: Option<Switch>,
    sockets: SocketDirectory,
    directory: PathBuf,
    _lock: File,
}

impl<'site> Lab<'site> {
    /// Opens a lab without machines, with an empty directory of its own.
    ///
    /// # Errors
    /// If a lab of that name is running already.
    pub fn open(site: &'site Site, name: &str) -> anyhow::Result<Self> {
        let directory = site.directory.join(name);
        fs::create_dir_all(&directory)
            .with_context(|| format!("making {}", directory.display()))?;
        let lock = take_lock(&site.directory.join(format!("{name}.lock")), name)?;
        // The machines' disks hold join tokens, and later keys.
        let emptied = fs::remove_dir_all(&directory)
            .and_then(|()| DirBuilder::new().mode(0o700).create(&directory));
        emptied.with_context(|| format!("emptying {}", directory.display()))?;
        Ok(Self {
            site,
            machines: BTreeMap::new(),
            switch: None,
            sockets: SocketDirectory::create()?,
            directory,
            _lock: lock,
        })
    }

    /// Flashes the nodes, wires them up and powers them on; returns when every shell answers.
    ///
    /// A machine of the topology without a node of its name is a mistake, and the other way round
    /// as well.
    pub fn boot(&mut self, topology: &Topology, nodes: &[Node]) -> anyhow::Result<()> {
        self.power_on(topology, nodes)?;
        for machine in self.machines.values() {
            machine.wait_for_shell().with_context(|| self.where_to_look())?;
        }
        Ok(())
    }

    /// Flashes the nodes, wires them up and powers them on, without waiting for their boot.
    pub fn power_on(&mut self, topology: &Topology, nodes: &[Node]) -> anyhow::Result<()> {
        if let Some(lonely) =
            topology.machines().find(|name| nodes.iter().all(|n| n.name != **name))
        {
            bail!("{lonely} is in the topology, and no node has that name");
        }
        self.switch = Some(Switch::start(Wiring::new(topology), self.sockets.path())?);
        for node in nodes {
            let spec = self.spec(topology, node)?;
            let machine = Machine::start(spec, self.site.slowness)?;
            self.machines.insert(node.name.clone(), machine);
        }
        Ok(())
    }

    /// Returns a machine by its name.
    pub fn node(&self, name: &str) -> anyhow::Result<&Machine> {
        self.machines.get(name).with_context(|| format!("no machine {name} in this lab"))
    }

    /// Returns all machines, by name.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Machine)> {
        self.machines.iter().map(|(name, machine)| (name.as_str(), machine))
    }

    /// Stops all frames between two machines.
    pub fn cut(&self, one: &str, other: &str) -> anyhow::Result<()> {
        self.cut_one_way(one, other)?;
        self.cut_one_way(other, one)
    }

    /// Stops frames from one machine to another, and not those that come back.
    pub fn cut_one_way(&self, from: &str, to: &str) -> anyhow::Result<()> {
        self.check_names([from, to])?;
        self.wires(|wiring| wiring.cut(from, to))
    }

    /// Lets frames between two machines through again.
    pub fn restore(&self, one: &str, other: &str) -> anyhow::Result<()> {
        self.check_names([one, other])?;
        self.wires(|wiring| {
            wiring.restore(one, other);
            wiring.restore(other, one);
        })
    }

    /// Stops all frames between one machine and all others.
    pub fn isolate(&self, name: &str) -> anyhow::Result<()> {
        self.others(name).try_for_each(|other| self.cut(name, other))
    }

    /// Ends an isolation.
    pub fn rejoin(&self, name: &str) -> anyhow::Result<()> {
        self.others(name).try_for_each(|other| self.restore(name, other))
    }

    /// Returns what has happened to frames from one machine to another.
    pub fn traffic(&self, from: &str, to: &str) -> anyhow::Result<Traffic> {
        self.check_names([from, to])?;
        self.wires(|wiring| wiring.traffic(from, to))
    }

    /// Waits until `look` has seen what is waited for, and reports the wait when it gets long.
    ///
    /// A look that fails counts as not seen.
    ///
    /// # Errors
    /// If it has not been seen within the limit, with what was last seen and where the logs are.
    pub fn wait_until<T>(
        &self,
        what: &str,
        limit: Duration,
        look: impl FnMut() -> anyhow::Result<Seen<T>>,
    ) -> anyhow::Result<T> {
        waiting::until(what, self.site.slowness.stretch(limit), look)
            .with_context(|| self.where_to_look())
    }

    /// Returns the site that the lab runs on.
    pub fn site(&self) -> &'site Site {
        self.site
    }

    /// Returns the directory that holds the logs of this run.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the directory of this run's sockets.
    pub(super) fn sockets(&self) -> &Path {
        self.sockets.path()
    }

    fn spec(&self, topology: &Topology, node: &Node) -> anyhow::Result<MachineSpec> {
        let name = &node.name;
        let uplink_mac =
            topology.mac(name, 0).with_context(|| format!("node {name} is not in the topology"))?;
        let links = topology.ports_of(name);
        let logs = self.directory.join(name);
        fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
        let disk = logs.join("disk");
        let firmware = self.site.firmware(node.architecture)?;
        let flashed =
            firmware.flash(node, &disk).with_context(|| format!("writing the disk of {name}"))?;
        if flashed && node.more_disk > 0 {
            let file = File::options().write(true).open(&disk)?;
            file.set_len(file.metadata()?.len() + node.more_disk)?;
        }
        Ok(MachineSpec {
            name: name.clone(),
            architecture: node.architecture,
            memory_mib: node.memory_mib,
            boot: match node.loader {
                Loader::Firmware => bios::boot(node.architecture, &logs)?,
                Loader::Direct => Boot::Direct {
                    kernel: firmware.kernel().into(),
                    initramfs: firmware.initramfs().map(Into::into),
                    command_line: firmware.command_line().into(),
                },
            },
            clock: node.clock,
            disk: flashed.then_some(disk),
            uplink_mac,
            uplink: node.uplink,
            links: links.map(|port| MeshLink { number: port.link, mac: port.mac }).collect(),
            accel: self.site.accel_of(node.architecture),
            sockets: self.sockets.path().into(),
            logs,
        })
    }

    fn others(&self, name: &str) -> impl Iterator<Item = &str> {
        self.machines.keys().map(String::as_str).filter(move |other| *other != name)
    }

    fn check_names<const N: usize>(&self, names: [&str; N]) -> anyhow::Result<()> {
        names.into_iter().try_for_each(|name| self.node(name).map(drop))
    }

    fn wires<T>(&self, act: impl FnOnce(&mut Wiring) -> T) -> anyhow::Result<T> {
        let switch = self.switch.as_ref().context("this lab has not been booted")?;
        Ok(act(&mut switch.wiring()))
    }

    fn where_to_look(&self) -> String {
        format!("logs are in {}", self.directory.display())
    }
}

fn take_lock(path: &Path, name: &str) -> anyhow::Result<File> {
    let lock = File::create(path).with_context(|| format!("opening {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => bail!("a lab {name} is running already"),
        Err(TryLockError::Error(error)) => {
            Err(error).context(format!("locking {}", path.display()))
        }
    }
}
