//! The configuration: one TOML file, every key with a default or an example, all faults told at once.
//!
//! Each section reads itself; [`example`] writes the commented example out of the same keys.

mod control;
mod fault;
mod identity;
mod key;
mod local;
mod mesh;
mod rate;
mod schema;
mod section;
mod update;
mod values;

use std::fmt::Write as _;

use toml::de::DeTable;

pub use control::Control;
pub use fault::{Fault, Faults};
pub use identity::Identity;
pub use key::{Key, Preset};
pub use local::{Api, Log, LogFormat, LogLevel, Loop, Node};
pub use mesh::{Measure, Mesh, OnStop, Schedule};
pub use rate::Rate;
pub use schema::Schema;
pub use update::Update;
pub use values::{Hours, Repository, Share};

use section::Section;

/// What the operator wants of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The shape of the file.
    pub schema: Schema,
    /// What a newer firmware wrote there and this one does not know.
    pub overlooked: Vec<Fault>,
    /// `[node]`
    pub node: Node,
    /// `[mesh]`
    pub mesh: Mesh,
    /// `[identity]`
    pub identity: Identity,
    /// `[control]`
    pub control: Control,
    /// `[loop]`
    pub cycle: Loop,
    /// `[api]`
    pub api: Api,
    /// `[log]`
    pub log: Log,
    /// `[update]`
    pub update: Update,
}

/// A section's name, what it is about, and its keys.
struct Outline {
    name: &'static str,
    about: &'static str,
    keys: &'static [&'static Key],
}

/// The sections that stand within others; the example shows them as comments.
static WITHIN: [&Outline; 4] = [&mesh::INTERFACES, &mesh::VLAN, &mesh::LAN, &mesh::MEASURE];

const OUTLINES: [&Outline; 8] = [
    &Node::OUTLINE,
    &Mesh::OUTLINE,
    &Identity::OUTLINE,
    &Control::OUTLINE,
    &Loop::OUTLINE,
    &Api::OUTLINE,
    &Log::OUTLINE,
    &Update::OUTLINE,
];

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Every fault that is in it, in the order of the file.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        let (root, syntax) = DeTable::parse_recoverable(text);
        let mut faults = Faults::new(text);
        for error in syntax {
            faults.syntax(error.span(), error.message());
        }
        let root = root.get_ref();
        let schema = Schema::read(root, &mut faults);
        section::refuse_unknown_sections(root, &OUTLINES, &mut faults);
        let section = |outline| Section::open(root, outline);
        let node = Node::read(&section(&Node::OUTLINE), &mut faults);
        let mesh = Mesh::read(&section(&Mesh::OUTLINE), &mut faults);
        let identity = Identity::read(&section(&Identity::OUTLINE), &mut faults);
        let control = Control::read(&section(&Control::OUTLINE), &mut faults);
        let cycle = Loop::read(&section(&Loop::OUTLINE), &mut faults);
        let api = Api::read(&section(&Api::OUTLINE), &mut faults);
        let log = Log::read(&section(&Log::OUTLINE), &mut faults);
        let update = Update::read(&section(&Update::OUTLINE), &mut faults);
        match (schema, node, mesh, identity, control, cycle, api, log, update) {
            (
                Some(schema),
                Some(node),
                Some(mesh),
                Some(identity),
                Some(control),
                Some(cycle),
                Some(api),
                Some(log),
                Some(update),
            ) if faults.is_empty() => {
                let overlooked = faults.overlooked();
                Ok(Self {
                    schema,
                    overlooked,
                    node,
                    mesh,
                    identity,
                    control,
                    cycle,
                    api,
                    log,
                    update,
                })
            }
            _ => Err(faults.in_order()),
        }
    }
}

/// Writes the example: every key, what it is for, its default, and an example where there is none.
pub fn example() -> String {
    let mut text = String::from(
        "# mesh-node, the whole configuration. A line that starts with # and a key shows the default.\n\n",
    );
    text.push_str(&schema::example());
    for outline in OUTLINES {
        // A String takes any text; writing to it cannot fail.
        let _ = write!(text, "\n# {}\n[{}]\n", outline.about, outline.name);
        outline.keys.iter().for_each(|key| example_of(key, "", &mut text));
        let own = format!("{}.", outline.name);
        for outline in WITHIN.iter().filter(|within| within.name.starts_with(&own)) {
            let _ = write!(text, "\n# {}\n#[{}]\n", outline.about, outline.name);
            outline.keys.iter().for_each(|key| example_of(key, "#", &mut text));
        }
    }
    text
}

/// Writes one key; `comment` stands before one that has to be given.
fn example_of(key: &Key, comment: &str, text: &mut String) {
    for line in key.doc.lines() {
        let _ = writeln!(text, "# {line}");
    }
    let _ = match key.preset {
        Preset::Default(value) => writeln!(text, "#{} = {value}", key.name),
        Preset::Required { example } => writeln!(text, "{comment}{} = {example}", key.name),
        Preset::Optional { example, otherwise } => {
            writeln!(text, "# Without it: {otherwise}.\n#{} = {example}", key.name)
        }
    };
}

#[cfg(test)]
mod tests;
