//! Updates that are broken on purpose: the real one taken apart, and put together with one thing changed.

use std::io::{Cursor, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;

use anyhow::{Context as _, ensure};
use image::slot::Slot;
use image::update::build::{self, Contents};
use image::update::header::CHUNK;
use image::update::{Facts, Header, Installer, Part, Target};
use semver::Version;

/// How a file system of this kind begins, and where it says how long it is.
const SQUASHFS: &[u8] = b"hsqs";
const BYTES_USED: usize = 40;

/// An update in its parts.
#[derive(Clone, Debug)]
pub struct Update {
    facts: Facts,
    root: Vec<u8>,
    boot: Vec<u8>,
}

impl Update {
    /// Takes an update file apart.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(file: &[u8]) -> anyhow::Result<Self> {
        let header = Header::begin(file, None)?.context("an update file that ends early")?;
        let facts = header.facts().clone();
        let target = Target {
            architecture: facts.architecture.parse()?,
            board: facts.board.clone(),
            running: facts.version.clone(),
            accepts_older: true,
            slot: Slot::A,
            root: u64::MAX,
            boot: u64::MAX,
        };
        let length = usize::try_from(header.length())?;
        let mut installer = Installer::new(header, &target)?;
        let mut rest = file.get(length..).context("an update file without chunks")?;
        let (mut root, mut boot) = (Vec::new(), Vec::new());
        while !rest.is_empty() {
            let Some(write) = installer.feed(&mut rest)? else { continue };
            match write.part {
                Part::Root => root.extend(write.bytes),
                Part::Boot => boot.extend(write.bytes),
            }
        }
        ensure!(installer.next().is_none(), "an update file that ends early");
        boot.resize(volume_size(&boot).context("a boot volume without a FAT")?, 0);
        Ok(Self { facts, root, boot })
    }

    /// Returns its version.
    pub fn version(&self) -> &Version {
        &self.facts.version
    }

    /// Returns the bytes of both its file systems.
    pub fn unpacked(&self) -> u64 {
        self.facts.root.size + self.facts.boot.size
    }

    /// Returns the bytes at the end of its root file system that are part of it and that nothing reads.
    pub fn padding(&self) -> Option<Range<u64>> {
        let used = self.root.strip_prefix(SQUASHFS)?.get(BYTES_USED - SQUASHFS.len()..)?;
        let used = u64::from_le_bytes(*used.first_chunk()?);
        Some(used..self.facts.root.size).filter(|padding| !padding.is_empty())
    }

    /// Returns the board that it is for.
    pub fn board(&self) -> &str {
        &self.facts.board
    }

    /// Gives it another version.
    #[must_use]
    pub fn versioned(mut self, version: Version) -> Self {
        self.facts.version = version;
        self
    }

    /// Gives it another root file system.
    #[must_use]
    pub fn root(mut self, root: Vec<u8>) -> Self {
        self.root = root;
        self
    }

    /// Fills its root file system with what is none.
    #[must_use]
    pub fn garbage_root(mut self) -> Self {
        garble(&mut self.root);
        self
    }

    /// Gives its kernel more parameters.
    #[must_use]
    pub fn parameters(mut self, more: &str) -> Self {
        self.facts.kernel.parameters += &format!(" {more}");
        self
    }

    /// Has the chooser's watchdog wait so many seconds for its user space.
    #[must_use]
    pub fn watchdog(mut self, seconds: u16) -> Self {
        self.facts.kernel.watchdog = seconds;
        self
    }

    /// Fills its kernel's file with what is none.
    ///
    /// # Errors
    /// If its boot volume has no such file.
    pub fn garbage_kernel(mut self) -> anyhow::Result<Self> {
        let volume = fatfs::FileSystem::new(Cursor::new(&mut self.boot), fatfs::FsOptions::new())?;
        let mut kernel = volume.root_dir().open_file(image::boot::KERNEL)?;
        let mut content = Vec::new();
        kernel.read_to_end(&mut content)?;
        garble(&mut content);
        kernel.seek(SeekFrom::Start(0))?;
        kernel.write_all(&content)?;
        drop(kernel);
        volume.unmount()?;
        Ok(self)
    }

    /// Puts it together.
    ///
    /// # Errors
    /// If what it has become can be no update at all.
    pub fn build(&self) -> anyhow::Result<Vec<u8>> {
        let facts = &self.facts;
        let contents = Contents {
            architecture: facts.architecture.parse()?,
            board: &facts.board,
            version: facts.version.clone(),
            minimum: facts.minimum.clone(),
            schema: facts.schema,
            built: facts.built,
            kernel: facts.kernel.clone(),
            root: &self.root,
            boot: &self.boot,
            chunk: CHUNK,
        };
        let mut file = Vec::new();
        build::build(&contents, &mut file)?;
        Ok(file)
    }
}

/// Reads the size of a FAT volume: an update leaves out the zeroes at its end.
fn volume_size(volume: &[u8]) -> Option<usize> {
    let word = |at: usize| Some(u16::from_le_bytes(*volume.get(at..)?.first_chunk()?));
    let long = |at: usize| Some(u32::from_le_bytes(*volume.get(at..)?.first_chunk()?));
    let sectors = match word(19)? {
        0 => usize::try_from(long(32)?).ok()?,
        few => usize::from(few),
    };
    sectors.checked_mul(usize::from(word(11)?))
}

/// Fills bytes with a pattern that no program and no file system begins with, and that does not pack to nothing.
fn garble(bytes: &mut [u8]) {
    let mut state = 1_u32;
    for byte in bytes {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        [_, _, _, *byte] = state.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use image::boot::KERNEL;
    use image::fat::{self, File};
    use image::slot::environment::{FILE, Kernel, State};
    use image::slot::trial::{ImageId, Phase};
    use image::slot::{Environment, Trial};
    use image::update::header::KernelTemplate;

    use super::*;

    fn update() -> Update {
        let kernel = Kernel {
            file: "C:boot-a:vmlinuz".into(),
            parameters: "root=PARTLABEL=root-a".into(),
            watchdog: Duration::ZERO,
        };
        let record = Trial::new(Phase::Ready, ImageId::default());
        let environment = Environment::new(&kernel, State::Failed, 0, record).unwrap();
        let files = [
            File { path: FILE, content: environment.as_bytes() },
            File { path: KERNEL, content: &[7; 100_000] },
        ];
        let boot = fat::volume(4 << 20, &files, None).unwrap();
        let template = KernelTemplate {
            file: "C:boot-{slot}:vmlinuz".into(),
            parameters: "root=PARTLABEL=root-{slot}".into(),
            watchdog: 0,
        };
        let contents = Contents {
            kernel: template,
            version: Version::new(1, 2, 3),
            root: &[5; 700_000],
            boot: &boot,
            ..Contents::default()
        };
        let mut file = Vec::new();
        build::build(&contents, &mut file).unwrap();
        Update::parse(&file).unwrap()
    }

    #[test]
    fn padding_lies_behind_what_the_root_file_system_uses() {
        let mut squashfs = [&b"hsqs"[..], &[0; 8188]].concat();
        squashfs[40..48].copy_from_slice(&5000_u64.to_le_bytes());

        let rebuilt = rebuilt(&update().root(squashfs));

        assert_eq!(rebuilt.padding(), Some(5000..8192));
        assert_eq!(update().padding(), None);
    }

    fn rebuilt(update: &Update) -> Update {
        Update::parse(&update.build().unwrap()).unwrap()
    }

    #[test]
    fn an_update_that_was_put_together_again_is_the_same() {
        let update = update();

        assert_eq!(update.build().unwrap(), rebuilt(&update).build().unwrap());
    }

    #[test]
    fn each_change_reaches_the_file_and_nothing_else_does() {
        let good = update();

        let newer = rebuilt(&good.clone().versioned(Version::new(2, 0, 0)));
        let panics = rebuilt(&good.clone().parameters("rdinit=/absent"));
        let watched = rebuilt(&good.clone().watchdog(9));
        let rootless = rebuilt(&good.clone().garbage_root());
        let bootless = rebuilt(&good.clone().garbage_kernel().unwrap());

        assert_eq!((newer.version().major, &newer.root), (2, &good.root));
        assert!(panics.facts.kernel.parameters.ends_with("root-{slot} rdinit=/absent"));
        assert_eq!((watched.facts.kernel.watchdog, &watched.root), (9, &good.root));
        assert!(rootless.root != good.root && rootless.root.len() == good.root.len());
        assert!(bootless.boot != good.boot && bootless.boot.len() == good.boot.len());
        assert_eq!(bootless.root, good.root);
    }
}
