//! Publishes releases with the real `meshctl`, as an operator does.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use semver::Version;

use crate::update::Update;

/// How many of the root's key holders have to sign.
const THRESHOLD: &str = "2";

/// The root's key holders, and the publisher.
const HOLDERS: [&str; 2] = ["first", "second"];
const PUBLISHER: &str = "publisher";

/// A repository of releases, with everybody's keys at hand.
#[derive(Debug)]
pub struct Depot {
    meshctl: PathBuf,
    directory: PathBuf,
}

impl Depot {
    /// Makes keys and a root that its holders have signed; publishes nothing yet.
    pub fn establish(meshctl: &Path, directory: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
        let depot = Self { meshctl: meshctl.into(), directory: directory.into() };
        for name in [HOLDERS.as_slice(), &[PUBLISHER]].concat() {
            depot.release(&["key", "generate", "--out", &depot.path(name)])?;
        }
        let root = depot.path("root.json");
        let public = |name: &str| depot.path(&format!("{name}.pub"));
        let [first, second] = HOLDERS.map(public);
        let publisher = public(PUBLISHER);
        depot.release(&[
            "init",
            "--root-key",
            &first,
            "--root-key",
            &second,
            "--threshold",
            THRESHOLD,
            "--targets-key",
            &publisher,
            "--snapshot-key",
            &publisher,
            "--timestamp-key",
            &publisher,
            "--out",
            &root,
        ])?;
        for holder in HOLDERS {
            depot.release(&["sign", "--root", &root, "--key", &depot.path(holder)])?;
        }
        Ok(depot)
    }

    /// Returns the folder that a web server serves.
    pub fn repository(&self) -> PathBuf {
        self.directory.join("repository")
    }

    /// Returns the root that routers are given.
    pub fn root(&self) -> anyhow::Result<String> {
        let path = self.path("root.json");
        fs::read_to_string(&path).context(path)
    }

    /// Publishes an update under a version, with more flags of `release publish`; returns its length.
    pub fn publish(
        &self,
        update: &Update,
        version: &Version,
        flags: &[&str],
    ) -> anyhow::Result<u64> {
        let path = self.path(&format!("{version}.update"));
        let file = update.clone().versioned(version.clone()).build()?;
        fs::write(&path, &file).with_context(|| path.clone())?;
        let repository = self.repository().display().to_string();
        let (root, key) = (self.path("root.json"), self.path(PUBLISHER));
        let mut arguments = vec!["publish", "--repository", &repository, "--key", &key];
        if !self.repository().exists() {
            arguments.extend(["--root", &root]);
        }
        arguments.extend(flags);
        arguments.push(&path);
        self.release(&arguments)?;
        Ok(file.len() as u64)
    }

    /// Signs everything anew, good for so many days; for none it has expired as soon as it is signed.
    pub fn renew(&self, days: u32) -> anyhow::Result<()> {
        let (repository, key) = (self.repository().display().to_string(), self.path(PUBLISHER));
        let days = days.to_string();
        self.release(&["expire", "--repository", &repository, "--key", &key, "--days", &days])
            .map(drop)
    }

    /// Takes back everything that is published; offers one update instead, under a version of its own.
    pub fn offer_instead(&self, update: &Update, version: &Version) -> anyhow::Result<()> {
        let published = self.published()?;
        let mut flags = vec!["--allow-older"];
        flags.extend(published.iter().flat_map(|name| ["--remove", name]));
        self.publish(update, version, &flags).map(drop)
    }

    /// Packs a root file system anew, with another program in place of one, which stays beside it as `….real`.
    pub fn root_with(&self, tree: &Path, program: &str, script: &str) -> anyhow::Result<Vec<u8>> {
        let copy = self.directory.join("tree");
        let _ = fs::remove_dir_all(&copy);
        let mut link = Command::new("cp");
        run(link.args(["--archive", "--link"]).args([tree, &copy]))?;
        let place = copy.join(program);
        fs::rename(&place, copy.join(format!("{program}.real")))?;
        fs::write(&place, script)?;
        fs::set_permissions(&place, Permissions::from_mode(0o755))?;
        let packed = self.directory.join("root.squashfs");
        let mut pack = Command::new("mksquashfs");
        pack.args([&copy, &packed]).args(["-noappend", "-all-root", "-quiet", "-no-progress"]);
        run(pack.args(["-comp", "zstd", "-Xcompression-level", "3"]))?;
        fs::read(&packed).with_context(|| packed.display().to_string())
    }

    /// Names what is published.
    fn published(&self) -> anyhow::Result<Vec<String>> {
        let repository = self.repository().display().to_string();
        let shown = self.release(&["show", "--json", "--repository", &repository])?;
        let shown: serde_json::Value = serde_json::from_slice(&shown)?;
        let updates = shown.get("updates").and_then(serde_json::Value::as_array);
        let updates = updates.context("`release show` names no updates")?.iter();
        let names = updates.filter_map(|it| it.get("name")?.as_str().map(str::to_owned));
        Ok(names.collect())
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    fn release(&self, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        run(Command::new(&self.meshctl).arg("release").args(arguments))
    }
}

/// Runs a program and returns what it printed.
fn run(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("running {program}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {told}");
    Ok(output.stdout)
}
