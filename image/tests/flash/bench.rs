//! What a flash is tried on.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use gpt::GptConfig;
use gpt::disk::LogicalBlockSize;
use image::flash::{Stage, Watcher};
use image::io::flash::{Flash, Kernel, Order, Unable};
use image::keep::Seen;
use image::layout::NEEDED;
use image::manifest::Partition;
use image::{Architecture, Layout, Size};
use tempfile::TempDir;

pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const TOKEN: &str = "3f2b7c1e-5e1f";

/// A loop device, taken down at the end.
pub(crate) struct Loop(pub(crate) String);

impl Loop {
    pub(crate) fn over(file: &Path) -> Option<Self> {
        let told = Command::new("losetup").args(["-f", "--show"]).arg(file).output().ok()?;
        let name = String::from_utf8(told.stdout).ok()?.trim().to_owned();
        (told.status.success() && !name.is_empty()).then_some(Self(name))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["-d", &self.0]).status();
    }
}

/// Holds a device as a mount does.
pub(crate) fn held(path: &Path) -> File {
    let exclusive = nix::fcntl::OFlag::O_EXCL.bits();
    File::options().read(true).write(true).custom_flags(exclusive).open(path).unwrap()
}

/// A folder with an image of ten mebibytes, a provisioning file, and a kernel that knows of no disks.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        write_image(&bench.path("disk.img"));
        for (name, text, mode) in [
            ("router-1.toml", "[node]\nname = \"router-1\"\n", 0o644),
            ("token", TOKEN, 0o600),
            ("bundle.pem", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", 0o644),
            (
                "provision.toml",
                "name = \"router-1\"\nconfig = \"router-1.toml\"\njoin_token_file = \"token\"\ntrust_bundle_file = \"bundle.pem\"\n",
                0o644,
            ),
        ] {
            fs::write(bench.path(name), text).unwrap();
            fs::set_permissions(bench.path(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        for directory in ["sys/block", "proc/self"] {
            fs::create_dir_all(bench.path(directory)).unwrap();
        }
        fs::write(bench.path("proc/self/mountinfo"), "36 35 8:2 / / rw - ext4 /dev/root rw\n")
            .unwrap();
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn order(&self, device: &str, size: Option<u64>) -> Order {
        Order {
            device: self.path(device),
            image: Some(self.path("disk.img")),
            provision: Some(self.path("provision.toml")),
            size: size.map(|it| Size(it * MIB)),
            may_be_fixed: false,
        }
    }

    pub(crate) fn prepare(&self, order: &Order) -> Result<Flash, Unable> {
        let (sys, proc) = (self.path("sys"), self.path("proc"));
        Flash::prepare(order, Kernel { sys: &sys, proc: &proc })
    }

    pub(crate) fn refusal(&self, order: &Order) -> String {
        match self.prepare(order) {
            Err(Unable::Refused(refusals)) => refusals[0].to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// A device as the kernel tells of it.
    pub(crate) fn device(&self, path: &str, number: &str, attributes: &[(&str, &str)]) {
        let directory = self.path("sys/block").join(path);
        for (name, value) in [("dev", number), ("size", "20971520")].iter().chain(attributes) {
            let file = directory.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, format!("{value}\n")).unwrap();
        }
    }

    pub(crate) fn program(&self, arguments: &[&str]) -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_mesh-image"));
        program.current_dir(self.folder.path()).args(arguments).stdin(Stdio::null());
        program.output().unwrap()
    }
}

fn write_image(path: &Path) {
    let partitions: Vec<_> = NEEDED
        .iter()
        .map(|(name, content)| Partition {
            name: (*name).to_owned(),
            content: *content,
            size: Size(MIB),
        })
        .collect();
    let layout = Layout::plan(Architecture::Aarch64, &partitions).unwrap();
    let mut file = File::options().read(true).write(true).create_new(true).open(path).unwrap();
    file.set_len(layout.disk).unwrap();
    let mut table = GptConfig::new()
        .writable(true)
        .logical_block_size(LogicalBlockSize::Lb512)
        .create_from_device(&mut file, None)
        .unwrap();
    let entries = layout.partitions.iter().map(|it| {
        let entry = gpt::partition::Partition {
            part_type_guid: it.kind.clone(),
            part_guid: uuid::Uuid::from_u128(u128::from(it.number)),
            first_lba: it.offset / 512,
            last_lba: (it.offset + it.size) / 512 - 1,
            flags: 0,
            name: it.name.clone(),
        };
        (it.number, entry)
    });
    table.update_partitions(entries.collect()).unwrap();
    table.write().unwrap();
    let root = layout.get("root-a").unwrap();
    file.write_all_at(&vec![0xa5; 1 << 20], root.offset).unwrap();
}

/// Sees a flash through, or breaks it off in a stage.
pub(crate) struct Until(pub(crate) Option<Stage>);

impl Watcher for Until {
    fn advanced(&mut self, stage: Stage, _: u64, _: u64) -> ControlFlow<()> {
        if self.0 == Some(stage) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

pub(crate) fn has_table(path: &Path) -> bool {
    GptConfig::new().writable(false).open(path).is_ok()
}

pub(crate) fn kept(path: &Path) -> Vec<(String, u32, String)> {
    let disk = GptConfig::new().writable(false).open(path).unwrap();
    let keep = disk.partitions().values().find(|it| it.name == "keep").unwrap();
    let mut bytes = vec![0; 1 << 20];
    File::open(path).unwrap().read_exact_at(&mut bytes, keep.first_lba * 512).unwrap();
    let seen = Seen::parse(&bytes);
    assert_eq!(seen.faults(), [None, None]);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let files = seen.newest().unwrap().files();
    files.map(|(path, file)| (path.to_owned(), file.mode, text(&file.bytes))).collect()
}
