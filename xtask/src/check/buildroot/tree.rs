//! What the tree's files say of one another and of the rest of the repository.

use std::collections::{BTreeMap, BTreeSet};

use super::{ARCHITECTURES, Fault};

/// How files of the tree name its own directory.
const OWN_PATHS: [&str; 3] = [
    "$(BR2_EXTERNAL_MESH_NODE_PATH)/",
    "$BR2_EXTERNAL_MESH_NODE_PATH/",
    "${BR2_EXTERNAL_MESH_NODE_PATH}/",
];

/// The files that are not the tree's, and that it packs.
const OVERLAY: &str = "image/rootfs";

/// The repository's files: each path, and the text if it is the tree's own.
#[derive(Debug, Default, Clone)]
pub(super) struct Tree {
    /// The tree's files, by their paths in it.
    pub(super) own: BTreeMap<String, String>,
    /// Every file of the repository.
    pub(super) all: BTreeSet<String>,
    /// Those of the overlay that can be run, by their paths on the router.
    pub(super) programs: BTreeSet<String>,
    /// The overlay's list of groups.
    pub(super) groups: String,
}

impl Tree {
    /// Finds what contradicts something else.
    pub(super) fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::from_iter(self.description());
        faults.extend(self.own.iter().flat_map(|(path, text)| self.references(path, text)));
        faults.extend(self.packages().flat_map(|it| self.package(it)));
        for architecture in ARCHITECTURES {
            faults.extend(self.requests(architecture));
            faults.extend(self.facts(architecture));
        }
        faults.extend(self.kernel_hash());
        faults.extend(self.permissions());
        faults.extend(self.users());
        faults
    }

    /// The configuration asked for on an architecture: its own part, then the fragments.
    pub(super) fn requested(&self, architecture: &str) -> Vec<(&str, &str)> {
        let own = format!("configs/mesh_node_{architecture}_defconfig");
        let fragments = self.own.iter().filter(|(path, _)| path.starts_with("fragments/"));
        self.own
            .get_key_value(&own)
            .into_iter()
            .chain(fragments)
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect()
    }

    /// The paths in the tree that a setting of an architecture lists.
    pub(super) fn paths(&self, architecture: &str, setting: &str) -> Vec<&str> {
        let texts = self.requested(architecture).into_iter().map(|(_, text)| text);
        texts
            .flat_map(str::lines)
            .filter_map(|line| line.strip_prefix(setting)?.strip_prefix("=\"")?.strip_suffix('"'))
            .flat_map(str::split_whitespace)
            .filter_map(|path| OWN_PATHS.iter().find_map(|own| path.strip_prefix(own)))
            .collect()
    }

    fn text(&self, path: &str) -> &str {
        self.own.get(path).map_or("", String::as_str)
    }

    fn description(&self) -> Option<Fault> {
        let named = self.text("external.desc").lines().any(|it| it == "name: MESH_NODE");
        (!named).then(|| fault("external.desc", "is not named MESH_NODE, as paths have it"))
    }

    fn references(&self, path: &str, text: &str) -> Vec<Fault> {
        let ends = |it: char| !(it.is_ascii_alphanumeric() || "/._-".contains(it));
        let mentioned = OWN_PATHS.iter().flat_map(|own| text.split(own).skip(1));
        mentioned
            .filter_map(|rest| {
                let end = rest.find(ends).unwrap_or(rest.len());
                let (reference, rest) = rest.split_at_checked(end)?;
                // The rest of a path that a shell or make completes is not known here.
                let is_whole = !rest.starts_with(['*', '$']);
                (is_whole && !self.exists(reference)).then_some(reference)
            })
            .map(|missing| fault(path, &format!("names {missing}, which is not there")))
            .collect()
    }

    /// Whether a path is there, as seen from the tree.
    fn exists(&self, reference: &str) -> bool {
        let path = match reference.strip_prefix("..") {
            Some(outside) => outside.trim_start_matches('/').to_owned(),
            None => format!("buildroot/{reference}"),
        };
        let directory = format!("{path}/");
        path.is_empty() || self.all.iter().any(|it| *it == path || it.starts_with(&directory))
    }

    fn packages(&self) -> impl Iterator<Item = &str> {
        let names = self.own.keys().filter_map(|it| it.strip_prefix("package/")?.split('/').next());
        names.collect::<BTreeSet<_>>().into_iter()
    }

    fn package(&self, name: &str) -> Vec<Fault> {
        let place = format!("package/{name}");
        let prefix = name.replace('-', "_").to_uppercase();
        let symbol = format!("BR2_PACKAGE_{prefix}");
        let recipe = self.text(&format!("{place}/{name}.mk"));
        let menu = self.text(&format!("{place}/Config.in"));
        let mut faults = Vec::new();
        let mut demand = |holds: bool, what: &str| {
            if !holds {
                faults.push(fault(&place, what));
            }
        };
        demand(has_line(menu, &format!("config {symbol}")), &format!("does not define {symbol}"));
        let source = format!("/{place}/Config.in\"");
        demand(self.text("Config.in").contains(&source), "is not in the tree's Config.in");
        demand(recipe.trim_end().ends_with("-package))"), "is made into no package at its end");
        let is_asked_for = ARCHITECTURES.iter().all(|architecture| {
            let mut texts = self.requested(architecture).into_iter();
            texts.any(|(_, text)| has_line(text, &format!("{symbol}=y")))
        });
        demand(is_asked_for, "is not asked for on every architecture");
        if !has_line(recipe, &format!("{prefix}_SITE_METHOD = local")) {
            let version = setting(recipe, &format!("{prefix}_VERSION = "));
            let archive = format!("  {name}-{version}.tar.gz");
            let hashes = self.text(&format!("{place}/{name}.hash"));
            let is_pinned = hashes.lines().any(|it| it.ends_with(&archive));
            demand(is_pinned, &format!("is downloaded without a hash of{archive}"));
        }
        faults
    }

    /// What cannot be asked for, and what is asked for twice.
    fn requests(&self, architecture: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut asked = BTreeMap::new();
        let kernel = self.kernel_files(architecture);
        let kernel = kernel.iter().map(|path| (*path, self.text(path)));
        for (path, text) in self.requested(architecture).into_iter().chain(kernel) {
            for line in text.lines().filter(|it| !it.is_empty()) {
                match request(line) {
                    Request::Comment => {}
                    Request::Ill => faults.push(fault(path, &format!("asks in no form: {line}"))),
                    Request::Symbol(symbol) => {
                        if let Some(other) = asked.insert(symbol, path) {
                            let what = format!("asks for {symbol}, as {other} does");
                            faults.push(fault(path, &what));
                        }
                    }
                }
            }
        }
        faults
    }

    /// The kernel's configuration on an architecture, in the order it is put together.
    pub(super) fn kernel_files(&self, architecture: &str) -> Vec<&str> {
        let mut files = self.paths(architecture, "BR2_LINUX_KERNEL_CUSTOM_CONFIG_FILE");
        files.extend(self.paths(architecture, "BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES"));
        files
    }

    fn kernel_hash(&self) -> Option<Fault> {
        let fragment = self.text("fragments/kernel.config");
        let version = setting(fragment, "BR2_LINUX_KERNEL_CUSTOM_VERSION_VALUE=");
        let archive = format!("  linux-{}.tar.xz", version.trim_matches('"'));
        let hashes = self.text("patches/linux/linux.hash");
        let is_pinned = hashes.lines().any(|it| it.ends_with(&archive));
        (!is_pinned).then(|| fault("patches/linux/linux.hash", &format!("has no hash of{archive}")))
    }

    /// A board's facts against the kernel that its defconfig builds.
    fn facts(&self, architecture: &str) -> Vec<Fault> {
        let path = format!("board/{architecture}/facts");
        let facts: BTreeMap<_, _> =
            self.text(&path).lines().filter_map(|it| it.split_once('=')).collect();
        let mut faults = Vec::new();
        if facts.keys().ne(["board", "kernel", "loader"].iter()) {
            faults.push(fault(&path, "does not hold board, kernel and loader"));
        }
        let kernel = facts.get("kernel").unwrap_or(&"").to_uppercase();
        let wanted = format!("BR2_LINUX_KERNEL_{kernel}=y");
        if !self.requested(architecture).iter().any(|(_, text)| has_line(text, &wanted)) {
            faults.push(fault(&path, &format!("has a kernel that is not built: no {wanted}")));
        }
        faults
    }

    /// Every program of the overlay can be run by its permissions, and no other file is named.
    fn permissions(&self) -> Vec<Fault> {
        let path = "system/permissions.txt";
        let rows: Vec<_> = rows(self.text(path)).collect();
        let mut faults = Vec::new();
        for row in &rows {
            let [name, kind, mode, ..] = row.as_slice() else { continue };
            let is_built = self.packages().any(|it| name.rsplit('/').next() == Some(it));
            if row.len() != 10 {
                faults.push(fault(path, &format!("{name} does not have ten fields")));
            } else if *kind == "f"
                && (*mode != "755" || !self.programs.contains(*name))
                && !is_built
            {
                faults.push(fault(path, &format!("{name} is no program of {OVERLAY}")));
            }
        }
        let named: BTreeSet<_> = rows.iter().filter_map(|it| it.first().copied()).collect();
        for program in self.programs.iter().filter(|it| !named.contains(it.as_str())) {
            faults.push(fault(path, &format!("leaves out {program}, which can be run")));
        }
        faults
    }

    /// The users table has the overlay's groups, which it is laid over.
    fn users(&self) -> Option<Fault> {
        let path = "system/users.txt";
        let listed: BTreeSet<_> =
            rows(self.text(path)).filter_map(|row| Some((*row.get(2)?, *row.get(3)?))).collect();
        let groups: BTreeSet<_> = self
            .groups
            .lines()
            .filter_map(|line| {
                let mut fields = line.split(':');
                Some((fields.next()?, fields.nth(1)?))
            })
            .filter(|(name, _)| *name != "root")
            .collect();
        (listed != groups).then(|| {
            fault(path, &format!("has the groups {listed:?}, and {OVERLAY}/etc/group {groups:?}"))
        })
    }
}

fn fault(place: &str, what: &str) -> Fault {
    Fault { place: place.to_owned(), what: what.to_owned() }
}

fn has_line(text: &str, wanted: &str) -> bool {
    text.lines().any(|it| it == wanted)
}

fn setting<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|it| it.strip_prefix(name)).unwrap_or_default()
}

/// A table's rows, each as its fields.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = text.lines().filter(|it| !it.is_empty() && !it.starts_with('#'));
    lines.map(|it| it.split_whitespace().collect())
}

/// A line of a configuration.
#[derive(Debug, PartialEq, Eq)]
enum Request<'a> {
    Comment,
    Symbol(&'a str),
    Ill,
}

fn request(line: &str) -> Request<'_> {
    if let Some(rest) = line.strip_prefix("# ") {
        return match rest.strip_suffix(" is not set") {
            Some(symbol) if is_symbol(symbol) => Request::Symbol(symbol),
            _ => Request::Comment,
        };
    }
    let Some((symbol, value)) = line.split_once('=') else { return Request::Ill };
    let is_quoted = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
    let is_plain =
        value == "y" || (!value.is_empty() && value.chars().all(|it| it.is_ascii_digit()));
    if is_symbol(symbol) && (is_quoted || is_plain) {
        Request::Symbol(symbol)
    } else {
        Request::Ill
    }
}

fn is_symbol(text: &str) -> bool {
    let is_name = |it: char| it.is_ascii_alphanumeric() || it == '_';
    (text.starts_with("BR2_") || text.starts_with("CONFIG_")) && text.chars().all(is_name)
}

#[cfg(test)]
mod tests;
