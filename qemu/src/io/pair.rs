//! Two routers that verify one another, one of them from its image, and a repository to update it from.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use image::Architecture;
use semver::Version;

use super::depot::Depot;
use super::http::FileServer;
use super::machine::{BootId, Machine};
use super::mesh::{Mesh, Recipe};
use super::site::Site;
use crate::console::Output;
use crate::image_status::ImageStatus;
use crate::node::Node;
use crate::patience::Seen;
use crate::update::Update;

/// The router that is updated.
pub const ALPHA: &str = "alpha";

/// Its neighbour.
pub const BRAVO: &str = "bravo";

/// Firmware, chooser, kernel, node and agent, on two cores that others use as well.
const FORMED: Duration = Duration::from_secs(240);

/// From the start of an installation to its end.
const INSTALLED: Duration = Duration::from_secs(180);

/// What an image command ends with that has to wait for another.
const BUSY: i32 = 75;

/// How long the watchdog waits for the node: what its driver sets where nobody asks for anything else.
const UNPETTED: Duration = Duration::from_secs(30);

/// From an activation to a verdict: boots of up to three tries.
const DECIDED: Duration = Duration::from_secs(420);

/// As in the field, but for the times: nobody waits for minutes here, and a slot is read in half of one.
const TIMES: &str = "soak = \"5s\"\ndeadline = \"90s\"\ntries = 2\nscrub = \"20 Mbit\"\n";

/// A node that prepares the boot as it should, and then ends.
const CRASHING: &str =
    "#!/bin/sh\n[ \"$1\" = run ] && exit 1\nexec /usr/bin/mesh-node.real \"$@\"\n";

/// The routers and the repository.
pub struct Pair<'site> {
    /// The mesh of the two.
    pub mesh: Mesh<'site>,
    /// The web server of the repository.
    pub server: FileServer,
    /// The repository.
    pub depot: Depot,
    /// The update as the packer made it.
    pub update: Update,
    newest: Version,
    recipe: Recipe,
}

impl<'site> Pair<'site> {
    /// From the end of one boot to the shell of the next.
    pub const BOOT: Duration = Duration::from_secs(120);

    /// Boots both, and waits until they have verified one another.
    pub fn form(site: &'site Site, name: &str) -> anyhow::Result<Self> {
        Self::form_on(site, name, Architecture::X86_64)
    }

    /// As [`Pair::form`], with a router of another architecture to update.
    pub fn form_on(
        site: &'site Site,
        name: &str,
        architecture: Architecture,
    ) -> anyhow::Result<Self> {
        let pair = Self::power_on(site, name, |node| node.on(architecture).by_firmware())?;
        pair.mesh.wait_for_shells()?;
        pair.is_whole()?;
        Ok(pair)
    }

    /// Powers both on, the one that is updated in a shape of its own.
    pub fn power_on(
        site: &'site Site,
        name: &str,
        shape: impl Fn(Node) -> Node,
    ) -> anyhow::Result<Self> {
        let release = site.release()?;
        let directory = site.directory.join(format!("{name}-depot"));
        let _ = std::fs::remove_dir_all(&directory);
        let depot = Depot::establish(&release.meshctl, &directory)?;
        let file = site.firmware(shape(Node::new(ALPHA)).architecture)?.update();
        let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
        let update = Update::parse(&bytes)?;
        let server = FileServer::start(&depot.repository())?;
        let section = format!("[update]\nrepository = \"{}\"\n{TIMES}", server.url());
        let recipe = Recipe::routers([ALPHA, BRAVO]);
        let root = depot.root()?;
        let mesh = Mesh::power_on_shaped(site, name, &recipe, |node| match node.name.as_str() {
            ALPHA => shape(node.section(&section).update_root(root.clone())),
            _ => node,
        })?;
        let newest = update.version().clone();
        Ok(Self { mesh, server, depot, update, newest, recipe })
    }

    /// Returns the router that is updated.
    pub fn alpha(&self) -> anyhow::Result<&Machine> {
        self.mesh.node(ALPHA)
    }

    /// Returns the architecture of the router that is updated.
    pub fn architecture(&self) -> anyhow::Result<Architecture> {
        Ok(self.alpha()?.spec().architecture)
    }

    /// Makes a repository of somebody whom the router knows nothing of.
    pub fn stranger(&self) -> anyhow::Result<Depot> {
        let site = self.mesh.lab.site();
        let directory = site.directory.join("stranger-depot");
        let _ = std::fs::remove_dir_all(&directory);
        let depot = Depot::establish(&site.release()?.meshctl, &directory)?;
        let newer = Version { major: self.newest.major + 1, ..self.newest.clone() };
        depot.publish(&self.update, &newer, &[])?;
        Ok(depot)
    }

    /// Gives the router the host's time, as a time server would.
    pub fn set_clock(&self) -> anyhow::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        self.alpha()?.run(&format!("date -u -s @{now}")).map(drop)
    }

    /// Waits until the router's clock shows what the host's shows now: on a busy host it runs behind.
    pub fn wait_for_clock(&self) -> anyhow::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        self.mesh.lab.wait_until("the router's clock to catch up", Self::BOOT, || {
            let shown: u64 = self.alpha()?.run("date +%s")?.trim().parse()?;
            Ok(Seen::when(shown > now, || format!("{} s behind", now.saturating_sub(shown))))
        })
    }

    /// Returns the newest version that was published, or could have been.
    pub fn newest(&self) -> &Version {
        &self.newest
    }

    /// Waits until both have verified one another.
    pub fn is_whole(&self) -> anyhow::Result<()> {
        self.mesh.wait_until_formed(&self.recipe, FORMED)
    }

    /// Publishes something under the next version; returns its length.
    pub fn publish(&mut self, update: &Update) -> anyhow::Result<u64> {
        self.newest = Version { minor: self.newest.minor + 1, ..self.newest.clone() };
        self.depot.publish(update, &self.newest, &[])
    }

    /// Asks the router for its slots.
    pub fn status(&self) -> anyhow::Result<ImageStatus> {
        ImageStatus::parse(&self.alpha()?.run("mesh-node image status --json")?)
    }

    /// Runs one of the router's image commands, as soon as the router is not at another.
    pub fn image(&self, command: &str) -> anyhow::Result<Output> {
        self.mesh.lab.wait_until("the router to have time", INSTALLED, || {
            let command = format!("mesh-node image {command}");
            let output = self.alpha()?.run_within(&command, INSTALLED)?;
            let busy = output.status == BUSY && output.stdout.contains("is at it");
            Ok(if busy { Seen::NotYet(output.stdout) } else { Seen::Yes(output) })
        })
    }

    /// Publishes an update and has it installed; returns how long the installation took.
    pub fn install(&mut self, update: &Update) -> anyhow::Result<Duration> {
        self.publish(update)?;
        let start = Instant::now();
        let output = self.image("install --now")?;
        ensure!(output.status == 0, "the installation ended with {output:?}");
        let status = self.status()?;
        let other = status.slot(false)?;
        ensure!(other.state == "ready", "after an installation: {}", status.summary());
        Ok(start.elapsed())
    }

    /// Sets what was installed on trial; returns the boot that ends.
    pub fn activate(&self) -> anyhow::Result<BootId> {
        let before = self.alpha()?.boot_id()?;
        // The router may be gone before the command is.
        let limit = Duration::from_secs(10);
        let told = self.alpha()?.run_within("mesh-node image activate", limit);
        if let Ok(output) = told {
            ensure!(output.status == 0, "the activation ended with {output:?}");
        }
        Ok(before)
    }

    /// Returns the version that runs.
    pub fn running(&self) -> anyhow::Result<Version> {
        let status = self.status()?;
        let version = status.slot(true)?.version.clone();
        Ok(version.with_context(|| status.summary())?.parse()?)
    }

    /// Begins an installation, which goes on by itself.
    pub fn start_installing(&self) -> anyhow::Result<()> {
        let output = self.image("install --now --background")?;
        ensure!(output.status == 0, "the installation did not begin: {output:?}");
        Ok(())
    }

    /// Waits until what is being installed is there.
    pub fn wait_until_ready(&self) -> anyhow::Result<ImageStatus> {
        self.wait_for("the installation", |status| Ok(status.slot(false)?.state == "ready"))
    }

    /// Sets what was installed on trial, and waits until it is kept and the mesh whole.
    pub fn keep_it(&self) -> anyhow::Result<()> {
        self.activate()?;
        self.wait_until_kept(&self.newest)?;
        self.is_whole()
    }

    /// Cuts the power and gives it again; returns when the shell is back.
    pub fn cut_power(&self) -> anyhow::Result<()> {
        let alpha = self.alpha()?;
        alpha.power_cut();
        alpha.power_on()?;
        alpha.wait_for_shell()
    }

    /// Waits until the router's node has run for longer than the watchdog waits for a sign of life.
    pub fn outlive_watchdog(&self) -> anyhow::Result<()> {
        let alpha = self.alpha()?;
        let before = alpha.boot_id()?;
        self.mesh.lab.wait_until("the watchdog to do nothing", 3 * UNPETTED, || {
            let times = alpha.run("cat /proc/uptime /proc/$(pidof mesh-node)/stat")?;
            let age = process_age(&times).with_context(|| format!("no times in {times:?}"))?;
            Ok(Seen::when(age > UNPETTED + UNPETTED / 6, || format!("the node runs for {age:?}")))
        })?;
        ensure!(alpha.boot_id()? == before, "it was started anew");
        Ok(())
    }

    /// Stops the router's node dead; returns how long it took until the shell of another boot was there.
    pub fn hang_node(&self) -> anyhow::Result<Duration> {
        let alpha = self.alpha()?;
        let before = alpha.boot_id()?;
        let start = Instant::now();
        alpha.run("killall -STOP mesh-node")?;
        alpha.wait_for_another_boot(&before, UNPETTED + Self::BOOT)?;
        Ok(start.elapsed())
    }

    /// Changes a byte of a slot's root partition behind the running router's back, one that no boot reads.
    pub fn rot(&self, slot: &str) -> anyhow::Result<()> {
        let root = self.mesh.lab.site().release()?.layout.get(&format!("root-{slot}"))?.offset;
        let padding = self.update.padding().context("a root file system without padding")?;
        let disk = self.alpha()?.spec().disk.as_ref().context("a router without a disk")?;
        let disk = File::options().read(true).write(true).open(disk)?;
        let mut byte = [0];
        disk.read_exact_at(&mut byte, root + padding.start)?;
        disk.write_all_at(&byte.map(|byte| !byte), root + padding.start)?;
        Ok(())
    }

    /// Makes a root file system whose node ends as soon as it is to run.
    pub fn root_with_a_crashing_node(&self) -> anyhow::Result<Vec<u8>> {
        let release = self.mesh.lab.site().release()?;
        self.depot.root_with(&release.tree, "usr/bin/mesh-node", CRASHING)
    }

    /// Waits until the router runs a version, and has kept it.
    pub fn wait_until_kept(&self, version: &Version) -> anyhow::Result<ImageStatus> {
        let version = version.to_string();
        self.wait_for(&format!("{version} to be kept"), |status| {
            let running = status.slot(true)?;
            let runs = running.version.as_ref() == Some(&version);
            Ok(runs && running.state == "confirmed")
        })
    }

    /// Waits until the router is back in a version and has given up the other.
    pub fn wait_until_given_up(&self, version: &Version) -> anyhow::Result<ImageStatus> {
        let newest = self.newest.to_string();
        self.wait_for(&format!("{newest} to be given up for {version}"), |status| {
            let (running, other) = (status.slot(true)?, status.slot(false)?);
            let back = running.version.as_deref() == Some(&*version.to_string());
            Ok(back && running.state == "confirmed" && other.state == "failed")
        })
    }

    /// Waits until what the router tells of its slots fits, across its reboots.
    pub fn wait_for(
        &self,
        what: &str,
        fits: impl Fn(&ImageStatus) -> anyhow::Result<bool>,
    ) -> anyhow::Result<ImageStatus> {
        let alpha = self.alpha()?;
        let limit = Duration::from_secs(5);
        self.mesh.lab.wait_until(what, DECIDED, || {
            let Ok(output) = alpha.run_within("mesh-node image status --json", limit) else {
                alpha.wait_for_shell()?;
                return Ok(Seen::NotYet("it reboots".into()));
            };
            let status = ImageStatus::parse(&output.stdout)?;
            Ok(if fits(&status)? { Seen::Yes(status) } else { Seen::NotYet(status.summary()) })
        })
    }
}

/// Reads how long a process has run out of `/proc/uptime` and its `stat`, whose 22nd field is its start (proc(5)).
fn process_age(times: &str) -> Option<Duration> {
    /// What the kernel counts in towards user space (`USER_HZ`).
    const TICKS: f64 = 100.0;
    let (uptime, stat) = times.split_once('\n')?;
    let uptime: f64 = uptime.split(' ').next()?.parse().ok()?;
    let start: f64 = stat.split(' ').nth(21)?.parse().ok()?;
    Duration::try_from_secs_f64(uptime - start / TICKS).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_as_old_as_the_time_since_its_start() {
        let stat = "261 (mesh-node) S 1 261 261 0 -1 4194304 1 0 0 0 9 9 0 0 20 0 3 0 1250 1 1";

        let age = process_age(&format!("52.50 80.00\n{stat}\n"));

        assert_eq!(age, Some(Duration::from_secs(40)));
        assert_eq!(process_age("52.50 80.00\n"), None);
    }
}
