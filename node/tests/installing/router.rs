//! A router whose disk is a file.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gpt::disk::LogicalBlockSize;
use gpt::{GptConfig, partition_types};
use image::block::BlockDevice as _;
use image::io::block_device::Access;
use image::io::slots::Slots;
use image::slot::chooser::{Choice, choose};
use image::slot::environment::{Environment, Kernel, LENGTH, State};
use image::slot::state::{self, Plan, Refusal as State_, Request};
use image::slot::trial::{ImageId, Phase, Reason, Trial};
use image::slot::{Slot, place};
use image::update::{Header, tail};
use mesh_node::config::Config;
use mesh_node::install::refusal::Refusal;
use mesh_node::install::retry::Waits;
use mesh_node::io::installing::{Installing, Places, Progresses, Settings};
use mesh_node::proto::image::{ImageStatus, Progress, Slot as Told};
use mesh_node::release::{Floor, Patience};
use tempfile::TempDir;
use url::Url;

use super::publisher::{BOARD, Publisher, boot, write_update};

const MIB: u64 = 1 << 20;

pub(crate) struct Router {
    home: PathBuf,
    config: String,
    /// Nothing where the router is another process's.
    _kept: Option<Arc<TempDir>>,
}

impl Router {
    /// A router that runs a version in slot A, with nothing in slot B, and trusts a publisher.
    pub(crate) fn of(version: &str, publisher: &Publisher, server: Option<Url>) -> Self {
        let kept = Arc::new(tempfile::tempdir().unwrap());
        let (home, config) = (kept.path().to_owned(), config(publisher, server));
        let router = Self { home, config, _kept: Some(kept) };
        fs::copy(publisher.path("root.json"), router.path("root.json")).unwrap();
        router.make_disk();
        let header = write_update(&router.path("old.update"), BOARD, version);
        router.fill_slot_a(&header);
        router.empty_slot_b();
        router
    }

    /// The same router after a reboot, with another way to the repository.
    pub(crate) fn rebooted(&self, server: Option<Url>) -> Self {
        let server = server.unwrap();
        let (home, _kept) = (self.home.clone(), self._kept.clone());
        Self { home, config: configured(server.as_str()), _kept }
    }

    /// The router of another process.
    pub(crate) fn at(home: PathBuf, repository: &str) -> Self {
        Self { home, config: configured(repository), _kept: None }
    }

    /// The same router with another line in its configuration.
    pub(crate) fn with(mut self, line: &str) -> Self {
        self.config.push_str(line);
        self.config.push('\n');
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    pub(crate) fn slots(&self) -> Slots {
        Slots::of_image(&self.path("disk.img"), Slot::A).unwrap()
    }

    pub(crate) fn installing(&self) -> Arc<Installing> {
        let update = Config::parse(&self.config).unwrap().update;
        let floor = Floor { least: update.least_bandwidth, window: Duration::from_millis(200) };
        Installing::new(Settings {
            update,
            places: Places {
                trusted: self.path("data/releases"),
                scratch: self.path("scratch"),
                provisioned_root: self.path("root.json"),
                built_in_root: self.path("none.json"),
                journal: self.path("data/installing.json"),
                record: self.path("data/update.json"),
                boot_report: self.path("boot.json"),
                data: self.path("data"),
            },
            slots: Ok(self.slots()),
            patience: Patience { idle: Duration::from_secs(20), floor, ..Patience::default() },
            waits: Waits { first: Duration::from_millis(1), longest: Duration::from_millis(2) },
        })
    }

    /// What the chooser would boot now.
    pub(crate) fn chosen(&self) -> Choice {
        let [a, b] = ["boot-a", "boot-b"].map(|partition| self.environment(partition));
        choose(a.as_deref(), b.as_deref())
    }

    fn environment(&self, partition: &str) -> Option<Vec<u8>> {
        let boot = self.slots().open(partition, Access::Read).unwrap();
        let place = place::find(&boot).ok()?;
        let mut bytes = vec![0; LENGTH];
        boot.read_at(place.file, &mut bytes).unwrap();
        Some(bytes)
    }

    /// Does what the loop does when somebody wants the other slot tried.
    pub(crate) fn activate(&self, tries: u8) -> Result<Plan, State_> {
        let request = Request::Activate { tries, again: false, watchdog: Duration::ZERO };
        let plan = state::plan(&self.slots().observe(), request)?;
        self.slots().apply(&plan).unwrap();
        Ok(plan)
    }

    /// Sets slot B on trial and has all its tries end without a verdict.
    pub(crate) fn fail_slot_b(&self) {
        let seen = self.slots().observe();
        let record = seen.b.unwrap().trial().unwrap();
        let phase = Phase::Failed(Reason::TriesUsedUp);
        let kernel =
            Kernel { file: "k".to_owned(), parameters: String::new(), watchdog: Duration::ZERO };
        let failed = Environment::new(&kernel, State::Failed, 0, Trial { phase, ..record });
        self.write_boot("boot-b", &failed.unwrap());
    }

    /// Turns a bit on a partition.
    pub(crate) fn rot(&self, partition: &str, offset: u64) {
        let mut device = self.slots().open(partition, Access::Write).unwrap();
        let mut byte = [0];
        device.read_at(offset, &mut byte).unwrap();
        device.write_at(offset, &byte.map(|byte| byte ^ 1)).unwrap();
    }

    pub(crate) fn disk(&self) -> Vec<u8> {
        fs::read(self.path("disk.img")).unwrap()
    }

    pub(crate) async fn status(&self, installing: &Arc<Installing>) -> ImageStatus {
        installing.status(Default::default()).await.unwrap()
    }

    pub(crate) async fn slot_b(&self, installing: &Arc<Installing>) -> Told {
        self.status(installing).await.slots.into_iter().nth(1).unwrap()
    }

    pub(crate) async fn is_busy(&self, installing: &Arc<Installing>) -> bool {
        self.status(installing).await.work.is_some()
    }

    /// Waits until nobody is at it any more.
    pub(crate) async fn until_free(&self, installing: &Arc<Installing>) {
        while self.is_busy(installing).await {}
    }

    fn make_disk(&self) {
        fs::create_dir(self.path("data")).unwrap();
        let options = &mut File::options();
        let file = options.read(true).write(true).create_new(true).open(self.path("disk.img"));
        let file = file.unwrap();
        file.set_len(100 * MIB).unwrap();
        let config = GptConfig::new().writable(true).logical_block_size(LogicalBlockSize::Lb512);
        let mut table = config.create_from_device(file, None).unwrap();
        for (number, name) in (1..).zip(["boot-a", "boot-b", "root-a", "root-b"]) {
            let (start, length) = (u64::from(number) * 20 * 2048, 18 * 2048);
            let kind = partition_types::LINUX_FS;
            table.add_partition_at(name, number, start, length, kind, 0).unwrap();
        }
        table.write().unwrap();
    }

    fn fill_slot_a(&self, header: &Header) {
        let proved = Trial::new(Phase::Committed, header.image());
        let kernel = header.facts().kernel.of(Slot::A);
        let environment = Environment::new(&kernel, State::Ok, 1, proved).unwrap();
        self.write_boot("boot-a", &environment);
        let mut root = self.slots().open("root-a", Access::Write).unwrap();
        let (offset, bytes) = tail::write(header, root.len()).unwrap();
        root.write_at(offset, &bytes).unwrap();
    }

    fn empty_slot_b(&self) {
        self.write_boot("boot-b", &Environment::receiving(ImageId::default()));
    }

    pub(crate) fn write_boot(&self, partition: &str, environment: &Environment) {
        let mut device = self.slots().open(partition, Access::Write).unwrap();
        device.write_at(0, &boot()).unwrap();
        let place = place::find(&device).unwrap();
        device.write_at(place.file, environment.as_bytes()).unwrap();
    }
}

fn config(publisher: &Publisher, server: Option<Url>) -> String {
    let folder = || Url::from_directory_path(publisher.folder()).unwrap();
    configured(server.unwrap_or_else(folder).as_str())
}

fn configured(repository: &str) -> String {
    let least = "[mesh]\nhard_interfaces = [\"eth1\"]\n[identity]\nserver = \"10.0.2.2:8081\"\n";
    format!("{least}[update]\nrepository = {repository:?}\n")
}

/// Everything that is told, to the end.
pub(crate) async fn everything(mut told: Progresses) -> Vec<Result<Progress, Refusal>> {
    let mut all = Vec::new();
    while let Some(progress) = told.recv().await {
        all.push(progress);
    }
    all
}

/// How it ended.
pub(crate) async fn end(told: Progresses) -> Result<Progress, Refusal> {
    everything(told).await.pop().unwrap()
}
