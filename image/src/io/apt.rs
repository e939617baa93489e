//! Debian packages of any architecture, downloaded by name and unpacked. The host's own apt is left as it is: lists,
//! state and cache are ours, mirrors and keys are the host's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{files, tool};
use crate::apt::{self, PRIVATE_PREFERENCES};
use crate::{Architecture, Error};

/// Where the host keeps its sources.
const HOST_SOURCES: [&str; 2] = ["/etc/apt/sources.list", "/etc/apt/sources.list.d"];

/// apt for one architecture, in a directory of its own.
#[derive(Debug)]
pub(super) struct Apt {
    directory: PathBuf,
    architecture: Architecture,
}

impl Apt {
    /// Prepares apt for an architecture below `cache`; gets the lists of packages when there are none.
    pub(super) fn open(cache: &Path, architecture: Architecture) -> Result<Self, Error> {
        let directory = cache.join(architecture.debian());
        let directory = std::path::absolute(&directory).map_err(files::fault(&directory))?;
        let apt = Self { directory, architecture };
        if !files::exists(&apt.file("complete")) {
            apt.refresh()?;
        }
        Ok(apt)
    }

    /// Gets the lists of packages anew.
    pub(super) fn refresh(&self) -> Result<(), Error> {
        for directory in ["lists/partial", "archives/partial"] {
            files::create_dir(&self.file(directory))?;
        }
        let told = tool::run(tool::command("apt-get").args([
            "indextargets",
            "--format",
            apt::FORMAT,
            "Created-By: Packages",
        ]))?;
        let repositories = apt::repositories(&String::from_utf8_lossy(&told));
        if repositories.is_empty() {
            return Err(Error::NoDebian);
        }
        let sources = apt::private_sources(&repositories, &host_keys()?);
        files::write(&self.file("private.sources"), sources.as_bytes())?;
        files::write(&self.file("preferences"), PRIVATE_PREFERENCES.as_bytes())?;
        files::write(&self.file("status"), b"")?;
        // One list that cannot be had, of a release that there is not perhaps, does not stop us.
        if let Err(error) = tool::run(self.command("apt-get").arg("update"))
            && files::find(&self.file("lists"), "_Packages").is_err()
        {
            return Err(error);
        }
        files::write(&self.file("complete"), b"")
    }

    /// What apt shows of all versions of a package; `None` for one it does not know.
    pub(super) fn show(&self, package: &str) -> Result<Option<String>, Error> {
        let shown = tool::run(self.command("apt-cache").args(["show", package]));
        match shown {
            Ok(shown) => Ok(Some(String::from_utf8_lossy(&shown).into_owned())),
            Err(Error::ToolFailed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds Debian's version of an upstream release of a package.
    pub(super) fn version_of(&self, package: &str, upstream: &str) -> Result<String, Error> {
        let listed = tool::run(self.command("apt-cache").args(["madison", package]))?;
        let listed = String::from_utf8_lossy(&listed);
        apt::version_of(&listed, upstream).map(str::to_owned).ok_or_else(|| Error::NoPackage {
            package: package.to_owned(),
            version: upstream.to_owned(),
            architecture: self.architecture,
        })
    }

    /// Downloads a package, `name` or `name=version`, and unpacks it into a directory that is emptied first.
    /// Old lists name versions that the mirror has no more: then they are renewed, once.
    pub(super) fn unpack(&self, package: &str, into: &Path) -> Result<(), Error> {
        files::renew_dir(into)?;
        let mut download = self.command("apt-get");
        download.args(["-o", "Acquire::Retries=3", "download", package]).current_dir(into);
        if let Err(first) = tool::run(&mut download) {
            if !matches!(first, Error::ToolFailed { .. }) {
                return Err(first);
            }
            self.refresh()?;
            tool::run(&mut download)?;
        }
        let archive = files::find(into, ".deb")?;
        tool::run(tool::command("dpkg-deb").arg("--extract").args([archive.as_path(), into]))?;
        files::remove(&archive)
    }

    /// Unpacks a package below `cache` unless it is there already, and gives its root.
    pub(super) fn cached(&self, package: &str, cache: &Path) -> Result<PathBuf, Error> {
        let root = cache.join(format!("{package}_{}", self.architecture.debian()));
        let complete = root.join("complete");
        if !files::exists(&complete) {
            self.unpack(package, &root)?;
            files::write(&complete, b"")?;
        }
        Ok(root)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = tool::command(program);
        let path = |name: &str| self.file(name).display().to_string();
        let settings = [
            ("APT::Architecture", self.architecture.debian().to_owned()),
            ("APT::Architectures", self.architecture.debian().to_owned()),
            ("APT::Sandbox::User", "root".to_owned()),
            ("Acquire::Languages", "none".to_owned()),
            ("Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled", "false".to_owned()),
            ("Acquire::IndexTargets::deb::DEP-11::DefaultEnabled", "false".to_owned()),
            ("Dir::State", path("")),
            ("Dir::State::Lists", path("lists")),
            ("Dir::State::status", path("status")),
            ("Dir::Cache", path("")),
            ("Dir::Etc::SourceList", path("private.sources")),
            ("Dir::Etc::SourceParts", "/dev/null".to_owned()),
            ("Dir::Etc::Preferences", path("preferences")),
            ("Dir::Etc::PreferencesParts", "/dev/null".to_owned()),
        ];
        for (name, value) in settings {
            command.arg("-o").arg(format!("{name}={value}"));
        }
        command.arg("-q");
        command
    }
}

fn host_keys() -> Result<BTreeMap<String, String>, Error> {
    let mut keys = BTreeMap::new();
    for place in HOST_SOURCES.map(Path::new) {
        let lists = if place.is_dir() { files::list(place)? } else { vec![place.to_owned()] };
        for list in lists.iter().filter(|it| is_list(it) && it.is_file()) {
            keys.extend(apt::keys(&files::read_text(list)?));
        }
    }
    Ok(keys)
}

/// apt ignores files of other names.
fn is_list(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "list" || it == "sources")
}
