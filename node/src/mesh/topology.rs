//! The mesh as this node sees it: its links, and the ways it uses. What other nodes see comes with their announcements.

use std::fmt::Write as _;

use batman::{
    LinkQuality, LocalClient, MacAddr, MeshDevice, NeighbourLink, Originator, RoutingAlgorithm,
};
use serde_json::{Value, json};

use super::columns::layout;
use super::names::Names;
use super::rows::quality;

/// One node's links and clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The address by which the mesh knows the node.
    pub primary: MacAddr,
    /// The addresses of its other hard interfaces.
    pub secondary: Vec<MacAddr>,
    /// What it hears.
    pub links: Vec<Edge>,
    /// Whom it leads to besides itself.
    pub clients: Vec<MacAddr>,
}

/// A link from a hard interface to a neighbour's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Our hard interface.
    pub from: MacAddr,
    /// The neighbour's.
    pub to: MacAddr,
    /// How good it is, where the kernel knows.
    pub quality: Option<LinkQuality>,
}

/// A way that this node uses to one that is no neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Where it leads.
    pub to: MacAddr,
    /// The neighbour to which packets go first.
    pub through: MacAddr,
    /// How good it is.
    pub quality: LinkQuality,
}

/// A mesh, as far as it is seen from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// What this node hears from the kernel.
    pub views: Vec<View>,
    /// How it reaches everybody else.
    pub ways: Vec<Way>,
    algorithm: Option<RoutingAlgorithm>,
    version: String,
}

/// What a local view is made of.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The mesh device.
    pub device: MeshDevice,
    /// The names and addresses of its hard interfaces, the first the one whose address is the node's.
    pub interfaces: Vec<(batman::IfName, MacAddr)>,
    /// The links to neighbours.
    pub links: Vec<NeighbourLink>,
    /// The originators.
    pub originators: Vec<Originator>,
    /// This node's clients.
    pub clients: Vec<LocalClient>,
}

impl Topology {
    /// Joins what the kernel of this node knows.
    pub fn local(parts: &Parts) -> Self {
        let mut addresses = parts.interfaces.iter().map(|(_, address)| *address);
        let primary = addresses.next().unwrap_or(parts.device.address);
        let links = parts.links.iter().filter_map(|link| {
            let heard = &link.neighbour;
            let interface = parts.interfaces.iter().find(|(name, _)| *name == heard.interface)?;
            Some(Edge { from: interface.1, to: heard.address, quality: link.quality })
        });
        let mut clients: Vec<_> = parts.clients.iter().map(|client| client.address).collect();
        clients.sort_unstable();
        clients.dedup();
        let is_near = |address| parts.links.iter().any(|link| link.neighbour.address == address);
        let ways = parts.originators.iter().filter(|it| it.best && !is_near(it.address));
        Self {
            ways: ways
                .map(|it| Way { to: it.address, through: it.neighbour, quality: it.quality })
                .collect(),
            algorithm: parts.device.algorithm,
            version: parts.device.version.clone(),
            views: vec![View {
                primary,
                secondary: addresses.collect(),
                links: links.collect(),
                clients,
            }],
        }
    }

    /// Lays links and ways out in a table.
    pub fn table(&self, names: &Names) -> String {
        let links = self.views.iter().flat_map(|view| &view.links).map(|link| {
            let told = link.quality.map_or_else(|| "-".to_owned(), quality);
            [names.cell(link.from), names.cell(link.to), "neighbour".to_owned(), told]
        });
        let own = self.views.first().map(|view| view.primary);
        let ways = self.ways.iter().map(|way| {
            [
                own.map_or_else(String::new, |own| names.cell(own)),
                names.cell(way.to),
                format!("through {}", names.cell(way.through)),
                quality(way.quality),
            ]
        });
        layout(["FROM", "TO", "HOW", "QUALITY"], &links.chain(ways).collect::<Vec<_>>())
    }

    /// Shows links, ways and clients as JSON. Throughput is in kbit/s, TQ of 255.
    pub fn json(&self, names: &Names) -> Value {
        let node =
            |address: MacAddr| json!({ "address": address.to_string(), "name": names.of(address) });
        let links = |view: &View| -> Vec<Value> {
            let each = view.links.iter();
            let shown = each.map(|it| {
                json!({ "from": node(it.from), "to": node(it.to), "quality": it.quality.map(measured) })
            });
            shown.collect()
        };
        json!({
            "scope": "local",
            "algorithm": self.algorithm.map(RoutingAlgorithm::name),
            "nodes": self.views.iter().map(|view| json!({
                "primary": node(view.primary),
                "secondary": view.secondary.iter().map(|it| node(*it)).collect::<Vec<_>>(),
                "links": links(view),
                "clients": view.clients.iter().map(|it| node(*it)).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "ways": self.ways.iter().map(|way| json!({
                "to": node(way.to), "through": node(way.through), "quality": measured(way.quality),
            })).collect::<Vec<_>>(),
        })
    }

    /// Draws it in Graphviz's DOT language; dashed lines are ways of several hops.
    pub fn dot(&self, names: &Names) -> String {
        let mut text = "digraph mesh {\n".to_owned();
        // A String takes any text; writing to it cannot fail.
        for link in self.views.iter().flat_map(|view| &view.links) {
            let label = link.quality.map_or_else(String::new, quality);
            let (from, to) = (quoted(&names.show(link.from)), quoted(&names.show(link.to)));
            let _ = writeln!(text, "\t{from} -> {to} [label={}]", quoted(&label));
        }
        for way in &self.ways {
            let (from, to) = (quoted(&names.show(way.through)), quoted(&names.show(way.to)));
            let label = quoted(&quality(way.quality));
            let _ = writeln!(text, "\t{from} -> {to} [label={label}, style=dashed]");
        }
        text.push_str("}\n");
        text
    }

    /// Shows it as the document that `batadv-vis -f jsondoc` writes, metrics as it has them: 255 by TQ. Where links are
    /// measured by throughput, which it does not know, the metric is 1 Gbit/s by the throughput and the algorithm is 5.
    pub fn vis(&self) -> Value {
        let texts =
            |addresses: &[MacAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
        let views = self.views.iter().map(|view| {
            let neighbours: Vec<Value> = view
                .links
                .iter()
                .filter_map(|link| {
                    let metric = metric(link.quality?)?;
                    Some(json!({
                        "router": link.from.to_string(), "neighbor": link.to.to_string(), "metric": metric,
                    }))
                })
                .collect();
            let mut shown = json!({
                "primary": view.primary.to_string(), "neighbors": neighbours, "clients": texts(&view.clients),
            });
            if let (Value::Object(shown), false) = (&mut shown, view.secondary.is_empty()) {
                shown.insert("secondary".to_owned(), json!(texts(&view.secondary)));
            }
            shown
        });
        json!({
            "source_version": self.version,
            "algorithm": if self.algorithm == Some(RoutingAlgorithm::BatmanV) { 5 } else { 4 },
            "vis": views.collect::<Vec<_>>(),
        })
    }
}

fn measured(quality: LinkQuality) -> Value {
    match quality {
        LinkQuality::Tq(tq) => json!({ "tq": tq }),
        LinkQuality::Throughput(rate) => json!({ "throughput": rate.kbit() }),
    }
}

fn metric(quality: LinkQuality) -> Option<String> {
    const GBIT: f64 = 1e6;
    let (best, now) = match quality {
        LinkQuality::Tq(tq) => (255.0, f64::from(tq)),
        LinkQuality::Throughput(rate) => {
            (GBIT, u32::try_from(rate.kbit()).map_or(f64::from(u32::MAX), f64::from))
        }
    };
    (now > 0.0).then(|| format!("{:.3}", best / now))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use batman::{IfIndex, MeshSettings, Neighbour, Throughput};

    use super::*;

    const OWN: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const SECOND: MacAddr = MacAddr([2, 0, 0, 0, 1, 1]);
    const NEAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);
    const FAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

    fn originator(address: MacAddr, best: bool) -> Originator {
        Originator {
            address,
            neighbour: NEAR,
            interface: "eth1".parse().unwrap(),
            interface_index: IfIndex(2),
            quality: LinkQuality::Tq(170),
            last_seen: Duration::ZERO,
            best,
        }
    }

    fn topology(quality: Option<LinkQuality>) -> Topology {
        Topology::local(&Parts {
            device: MeshDevice {
                name: "bat0".parse().unwrap(),
                index: IfIndex(5),
                address: OWN,
                up: true,
                algorithm: Some(RoutingAlgorithm::BatmanIv),
                version: "6.12.117".to_owned(),
                settings: MeshSettings::default(),
            },
            interfaces: vec![("eth1".parse().unwrap(), OWN), ("eth2".parse().unwrap(), SECOND)],
            links: vec![NeighbourLink {
                neighbour: Neighbour {
                    address: NEAR,
                    interface: "eth1".parse().unwrap(),
                    interface_index: IfIndex(2),
                    last_seen: Duration::ZERO,
                    throughput: None,
                },
                quality,
            }],
            originators: vec![
                originator(NEAR, true),
                originator(FAR, true),
                originator(FAR, false),
            ],
            clients: Vec::new(),
        })
    }

    #[test]
    fn neighbours_are_links_and_the_rest_are_ways() {
        let seen = topology(Some(LinkQuality::Tq(255)));

        assert_eq!(seen.views[0].secondary, [SECOND]);
        assert_eq!(seen.views[0].links[0].to, NEAR);
        assert_eq!(
            seen.ways.iter().map(|way| (way.to, way.through)).collect::<Vec<_>>(),
            [(FAR, NEAR)]
        );
    }

    #[test]
    fn vis_document_has_the_metric_of_batadv_vis() {
        assert_eq!(
            topology(Some(LinkQuality::Tq(204))).vis(),
            json!({
                "source_version": "6.12.117",
                "algorithm": 4,
                "vis": [{
                    "primary": "02:00:00:00:00:01",
                    "secondary": ["02:00:00:00:01:01"],
                    "neighbors": [{
                        "router": "02:00:00:00:00:01", "neighbor": "02:00:00:00:00:02", "metric": "1.250",
                    }],
                    "clients": [],
                }],
            })
        );
    }

    #[test]
    fn link_without_a_quality_has_no_metric() {
        let none = topology(None);
        let dead = topology(Some(LinkQuality::Throughput(Throughput::from_kbit(0))));

        assert_eq!(none.vis()["vis"][0]["neighbors"], json!([]));
        assert_eq!(dead.vis()["vis"][0]["neighbors"], json!([]));
    }

    #[test]
    fn drawing_quotes_names_and_dashes_long_ways() {
        let mut names = Names::default();
        names.learn(NEAR, "a \"roof\"");

        let drawn = topology(Some(LinkQuality::Tq(255))).dot(&names);

        assert!(
            drawn.contains(r#""02:00:00:00:00:01" -> "a \"roof\"" [label="255/255"]"#),
            "{drawn}"
        );
        assert!(
            drawn
                .contains(r#""a \"roof\"" -> "02:00:00:00:00:09" [label="170/255", style=dashed]"#)
        );
    }

    #[test]
    fn table_lists_links_first() {
        let table = topology(Some(LinkQuality::Tq(255))).table(&Names::default());

        let lines: Vec<_> = table.lines().collect();
        assert!(
            lines[1].contains("neighbour") && lines[2].contains("through 02:00:00:00:00:02"),
            "{table}"
        );
        assert!(lines.iter().all(|line| line.len() <= 80), "{table}");
    }
}
