//! Publishes releases with the real `meshctl`, as an operator does.

use std::fs;
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

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    fn release(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let output = Command::new(&self.meshctl)
            .arg("release")
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("running {}", self.meshctl.display()))?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "meshctl release {}: {told}", arguments.join(" "));
        Ok(())
    }
}
