//! docs/mesh.md's tables, made out of the list of settings.

use std::fmt::Write as _;

use batman::knob::{Kind, Scope};
use batman::{Knob, RoutingAlgorithm};

use super::knobs;

const PAGE: &str = include_str!("../../../../docs/mesh.md");

fn table(scope: Scope) -> String {
    let mut text = String::from(
        "| Key | Unit, range | Default | What it does | Kernel source | Lacking without |\n\
         |---|---|---|---|---|---|\n",
    );
    for knob in Knob::ALL.iter().filter(|knob| knob.about().scope == scope) {
        let about = knob.about();
        let unit = match about.kind {
            Kind::Number { .. } => format!("number, {}", about.kind),
            kind => format!("{}: {kind}", kind.unit()),
        };
        let default = knob.default(RoutingAlgorithm::BatmanIv);
        let needs = about.needs.map_or(String::new(), |option| format!("`{option}`"));
        let (name, sentence, source) = (about.name, about.sentence, about.source);
        let example = knobs::default(*knob);
        let _ = writeln!(
            text,
            "| `{name}` | {unit} | `{example}` ({default}) | {sentence} | {source} | {needs} |"
        );
    }
    text
}

#[test]
fn page_has_every_setting_as_the_code_has_it() {
    for scope in [Scope::Mesh, Scope::HardInterface, Scope::Vlan] {
        let table = table(scope);
        assert!(PAGE.contains(&table), "docs/mesh.md lacks this table:\n{table}");
    }
}
