//! One router: a mesh-node that runs in a namespace of its own, and what is to be seen of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::configuration::{MESH, originator};
use crate::namespace::{Home, Namespace};

/// The program, as on a router.
const MESH_NODE: &str = "/usr/sbin/mesh-node";

/// Where all nodes' configurations and logs are.
const FILES: &str = "/tmp/nodes";

/// A router.
pub(crate) struct Node {
    pub(crate) number: usize,
    pub(crate) namespace: Namespace,
    process: Child,
    log: PathBuf,
}

/// What a process holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) descriptors: usize,
    pub(crate) kib: u64,
}

impl Node {
    /// Starts mesh-node in a namespace.
    pub(crate) fn start(
        home: &Home,
        number: usize,
        namespace: Namespace,
        configuration: &str,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(FILES).context(FILES)?;
        let file = Path::new(FILES).join(format!("{number}.toml"));
        fs::write(&file, configuration)?;
        let log = file.with_extension("log");
        let mut command = Command::new(MESH_NODE);
        command.args(["run", "--config"]).arg(&file).stderr(File::create(&log)?);
        let process = namespace.inside(home, || command.spawn())?.context(MESH_NODE)?;
        Ok(Self { number, namespace, process, log })
    }

    /// Kills it: what it made goes with its namespace.
    pub(crate) fn end(&mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Fails if it has ended by itself.
    pub(crate) fn is_running(&mut self) -> anyhow::Result<()> {
        let ended = self.process.try_wait()?;
        ensure!(ended.is_none(), "mesh-node {} ended: {}", self.number, self.log());
        Ok(())
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks batctl about the mesh.
    pub(crate) fn batctl(&self, home: &Home, words: &[&str]) -> anyhow::Result<String> {
        let words = [&["batctl", "meshif", MESH], words].concat();
        let (is_content, told) = self.namespace.run(home, &words)?;
        ensure!(is_content, "node {}: {}: {}", self.number, words.join(" "), told.trim());
        Ok(told)
    }

    /// Asks batctl for a table or for settings.
    pub(crate) fn query(&self, home: &Home, what: &str) -> anyhow::Result<Value> {
        let told = self.batctl(home, &[what])?;
        serde_json::from_str(&told).with_context(|| format!("batctl {what}: {told:?}"))
    }

    /// Asks mesh-node.
    pub(crate) fn ask(&self, home: &Home, words: &[&str]) -> anyhow::Result<Value> {
        let words = [&[MESH_NODE], words, &["--json"]].concat();
        let (is_content, told) = self.namespace.run(home, &words)?;
        ensure!(is_content, "node {}: {}: {}", self.number, words.join(" "), told.trim());
        serde_json::from_str(&told).with_context(|| format!("{}: {told:?}", words.join(" ")))
    }

    /// What mesh-node says is wrong.
    pub(crate) fn findings(&self, home: &Home) -> anyhow::Result<Vec<String>> {
        self.sentences(home, "findings")
    }

    /// What mesh-node says a person must act on.
    pub(crate) fn alarms(&self, home: &Home) -> anyhow::Result<Vec<String>> {
        self.sentences(home, "alarms")
    }

    fn sentences(&self, home: &Home, key: &str) -> anyhow::Result<Vec<String>> {
        let status = self.ask(home, &["status"])?;
        let told = status.get(key).and_then(Value::as_array).into_iter().flatten();
        Ok(told.filter_map(|it| Some(it.as_str()?.to_owned())).collect())
    }

    /// Tells which others batctl sees a way to and when they were last heard; none while there is no mesh yet.
    pub(crate) fn others(&self, home: &Home) -> BTreeMap<usize, Duration> {
        let rows = self.query(home, "originators_json").unwrap_or_default();
        let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
        let best = rows.iter().filter(|row| row.get("best").and_then(Value::as_bool) == Some(true));
        let heard = best.filter_map(|row| {
            let address = row.get("orig_address")?.as_str()?;
            let heard = Duration::from_millis(row.get("last_seen_msecs")?.as_u64()?);
            Some((number(address)?, heard))
        });
        heard.collect()
    }

    /// Tells whether another answers over the mesh.
    pub(crate) fn reaches(&self, home: &Home, address: &str) -> anyhow::Result<bool> {
        Ok(self.namespace.run(home, &["ping", "-c", "1", "-W", "1", address])?.0)
    }

    /// Reads what the kernel shows of one of its links; none while there is no such link.
    pub(crate) fn link(&self, name: &str, what: &str) -> Option<String> {
        let file = format!("{}/sys/class/net/{name}/{what}", self.root());
        Some(fs::read_to_string(file).ok()?.trim().to_owned())
    }

    /// Tells whether a link is part of the mesh.
    pub(crate) fn is_attached(&self, name: &str) -> bool {
        let master = fs::read_link(format!("{}/sys/class/net/{name}/master", self.root()));
        master.is_ok_and(|master| master.file_name().is_some_and(|it| it == MESH))
    }

    /// The links that there are.
    pub(crate) fn links(&self) -> anyhow::Result<BTreeSet<String>> {
        let directory = format!("{}/sys/class/net", self.root());
        let entries = fs::read_dir(&directory).context(directory)?;
        Ok(entries.flatten().map(|it| it.file_name().to_string_lossy().into_owned()).collect())
    }

    /// What the process holds.
    pub(crate) fn held(&self) -> anyhow::Result<Held> {
        let process = format!("/proc/{}", self.process.id());
        let descriptors = fs::read_dir(format!("{process}/fd"))?.count();
        let status = fs::read_to_string(format!("{process}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|it| it.split_whitespace().next()).context("no VmRSS")?;
        Ok(Held { descriptors, kib: kib.parse()? })
    }

    fn root(&self) -> String {
        format!("/proc/{}/root", self.process.id())
    }
}

/// Finds the node of an originator's address.
pub(crate) fn number(address: &str) -> Option<usize> {
    let bytes: Result<Vec<u8>, _> =
        address.split(':').map(|it| u8::from_str_radix(it, 16)).collect();
    let node = usize::from(*bytes.as_ref().ok()?.last()?);
    (bytes.ok()? == originator(node)).then_some(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn originator_tells_its_node_and_others_tell_none() {
        assert_eq!(number("02:00:00:00:01:0c"), Some(12));
        assert_eq!(number("02:00:00:00:02:0c"), None);
        assert_eq!(number("nonsense"), None);
        assert_eq!(number(""), None);
    }
}
