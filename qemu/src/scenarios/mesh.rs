//! Three routers verify one another, under both algorithms.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::io::machine::Machine;
use crate::io::mesh::{Mesh, Recipe};
use crate::io::progress::tell;
use crate::io::site::Site;
use crate::patience::Seen;
use crate::scenario::{Parts, Scenario, Way};

pub(super) const IV: Scenario = Scenario {
    name: "mesh-iv",
    claim: "three routers verify one another under B.A.T.M.A.N. IV",
    parts: Parts::Image,
    way: Way::Alone(|site| forms(site, "mesh-iv", "BATMAN_IV")),
};

pub(super) const V: Scenario = Scenario {
    name: "mesh-v",
    claim: "three routers verify one another under B.A.T.M.A.N. V, and measure one another one at a time",
    parts: Parts::Image,
    way: Way::Alone(|site| forms(site, "mesh-v", "BATMAN_V")),
};

fn forms(site: &Site, name: &str, algorithm: &'static str) -> anyhow::Result<()> {
    let mesh_lines = if algorithm == "BATMAN_V" { MEASURING } else { "" };
    let recipe = Recipe { algorithm, mesh_lines, ..Recipe::routers(ROUTERS) };
    let mesh = Mesh::form(site, name, &recipe)?;

    for router in ROUTERS {
        let status = mesh.status(router)?;
        let own = format!("spiffe://x0tta6bl4.mesh/node/{router}");
        ensure!(status.spiffe_id.as_deref() == Some(&own), "{router} is {:?}", status.spiffe_id);
        for neighbour in &status.neighbours {
            ensure!(neighbour.kx_group.as_deref() == Some("X25519MLKEM768"), "{neighbour:?}");
            let has_unit = match algorithm {
                "BATMAN_V" => neighbour.throughput_kbit.is_some() && neighbour.tq.is_none(),
                _ => neighbour.tq.is_some() && neighbour.throughput_kbit.is_none(),
            };
            ensure!(has_unit, "{neighbour:?}");
        }
    }
    shows_its_tables(mesh.node("alpha")?, algorithm)?;
    if algorithm == "BATMAN_V" {
        measure_one_another(&mesh)?;
        tells_of_gateways(&mesh)?;
    }
    Ok(())
}

const ROUTERS: [&str; 3] = ["alpha", "bravo", "charlie"];

/// Measures as often as it may. Looks are rare, so that what is quick is quick by event.
const MEASURING: &str = "[mesh.measure]\nschedule = \"on\"\ninterval = \"1h\"\nduration = \"6s\"\n\
                         air_time = \"30m\"\n[loop]\ninterval = \"5s\"\n";

/// Virtio has no speed: each router finds one out. Of two on one segment only one does at a time.
fn measure_one_another(mesh: &Mesh<'_>) -> anyhow::Result<()> {
    for router in ROUTERS {
        let limit = Duration::from_secs(120);
        mesh.lab.wait_until(&format!("{router} to measure its link"), limit, || {
            let interfaces = mesh.node(router)?.run("mesh-node mesh interfaces --json")?;
            let told: Value = serde_json::from_str(&interfaces)?;
            let set = told.pointer("/0/throughput_override").and_then(Value::as_u64);
            Ok(Seen::when(set.is_some_and(|set| set > 0), || {
                let run = |what: &str| mesh.node(router).and_then(|node| node.run(what));
                run("mesh-node mesh measurements").unwrap_or(interfaces)
            }))
        })?;
    }
    let bravo = mesh.mac("bravo")?;
    let by_hand = format!("mesh-node mesh measure {bravo} --seconds 3 --json");
    mesh.lab.wait_until("a measurement by hand", Duration::from_secs(60), || {
        let done = mesh.node("alpha")?.run_within(&by_hand, Duration::from_secs(30))?;
        ensure!([0, BUSY].contains(&done.status), "{} ended with {}", by_hand, done.status);
        Ok(Seen::when(done.status == 0, || "the neighbourhood is busy".to_owned()))
    })?;
    // The caller hears of the result at once, and the status has it after the next look.
    mesh.lab.wait_until("the node to know of it", Duration::from_secs(10), || {
        let known = mesh.node("alpha")?.run("mesh-node mesh measurements --json")?;
        Ok(Seen::when(known.contains("\"by_hand\":true"), || known))
    })?;
    let mut ends = Vec::new();
    for router in ROUTERS {
        ends.extend(results(mesh, router)?.into_iter().map(|result| (router, result)));
    }
    ends.sort_by(|one, other| one.1.end.total_cmp(&other.1.end));
    tell(format_args!("measured, by second of the day: {ends:?}"));
    let nothing = ends.iter().find(|(_, result)| result.kbit == 0);
    ensure!(nothing.is_none(), "nothing was measured: {nothing:?}");
    let is_apart = |pair: &[(&str, Found)]| match pair {
        [first, second] => {
            first.0 == second.0 || second.1.end - second.1.seconds + SKEW >= first.1.end
        }
        _ => true,
    };
    ensure!(ends.windows(2).all(is_apart), "two measured at once: {ends:?}");
    Ok(())
}

/// What `mesh measure` ends with while somebody else measures.
const BUSY: i32 = 75;

/// The routers' clocks began within a second of one another, and results have whole seconds.
const SKEW: f64 = 2.0;

/// What a router has measured.
#[derive(Debug)]
struct Found {
    /// In seconds of the day.
    end: f64,
    seconds: f64,
    kbit: u64,
}

fn results(mesh: &Mesh<'_>, router: &str) -> anyhow::Result<Vec<Found>> {
    let told = mesh.node(router)?.run("mesh-node mesh measurements --json")?;
    let told: Value = serde_json::from_str(&told)?;
    let neighbours = told.get("neighbours").and_then(Value::as_array).context("no neighbours")?;
    let results = neighbours.iter().filter_map(|it| it.get("results")?.as_array()).flatten();
    let result = |result: &Value| {
        let time = result.get("time")?.as_str()?;
        let clock = time.split_once('T')?.1.trim_end_matches('Z');
        let mut parts = clock.split(':').map(|part| part.parse::<f64>().ok());
        let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
        Some(Found {
            end: hours * 3_600.0 + minutes * 60.0 + seconds,
            seconds: result.get("seconds")?.as_f64()?,
            kbit: result.get("throughput_kbit")?.as_u64()?,
        })
    };
    results.map(|it| result(it).with_context(|| it.to_string())).collect()
}

/// What is promised, in seconds of the machine's own clock.
const PROMISED: f64 = 1.0;

/// A gateway that is gone is out of the kernel's table at once. That none is used it decides, and tells, when it next
/// looks for silent nodes, once a second (`batadv_purge_orig` in net/batman-adv/originator.c).
const DECIDED: f64 = 1.0;

/// A gateway comes and goes: the node tells of it within a second of the kernel.
fn tells_of_gateways(mesh: &Mesh<'_>) -> anyhow::Result<()> {
    let become_ = |mode: &str| {
        format!(
            "printf '%s\\n' '[mesh]' 'hard_interfaces = [\"eth1\"]' 'algorithm = \"BATMAN_V\"' \
             'gateway_mode = \"{mode}\"' '[identity]' 'server = \"a:1\"' >/tmp/{mode}.toml && \
             mesh-node mesh apply --config /tmp/{mode}.toml"
        )
    };
    let (alpha, bravo) = (mesh.node("alpha")?, mesh.node("bravo")?);
    alpha.run(&become_("client"))?;
    for (mode, not, limit) in [("server", "", PROMISED), ("off", "! ", DECIDED + PROMISED)] {
        let told = mesh.log_lines("alpha", GATEWAY)?.len();
        bravo.run(&become_(mode))?;
        let printed = alpha.run(&format!(
            "until {not}mesh-node mesh gateways --json | grep -q '\"best\":true'; do usleep 50000; done; \
             read t rest </proc/uptime && echo $t"
        ))?;
        let kernel: f64 = printed.trim().parse().context(printed)?;
        let node =
            mesh.lab.wait_until("the node to tell of it", Duration::from_secs(20), || {
                let lines = mesh.log_lines("alpha", GATEWAY)?;
                let seconds = lines
                    .get(told)
                    .and_then(|line| line.split_once("s ")?.0.trim().parse::<f64>().ok());
                Ok(seconds.map_or_else(|| Seen::NotYet(format!("{lines:?}")), Seen::Yes))
            })?;
        let seconds = node - kernel;
        tell(format_args!("bravo became {mode}: told {seconds:.2} s after the kernel's table"));
        ensure!(seconds <= limit, "a gateway was told of {seconds:.2} s after the kernel");
    }
    let status = alpha.run("mesh-node status --json")?;
    ensure!(status.contains("no gateway is known"), "{status}");
    let lines = mesh.log_lines("alpha", GATEWAY)?;
    ensure!(lines.len() == 2 && lines.iter().all(|line| line.contains("why=")), "{lines:?}");
    Ok(())
}

const GATEWAY: &str = "gateway in use changed";

/// What an operator asks of the kernel, each as a table and as JSON.
fn shows_its_tables(alpha: &Machine, algorithm: &str) -> anyhow::Result<()> {
    for table in TABLES {
        let shown = alpha.run(&format!("mesh-node mesh {table}"))?;
        let widest = shown.lines().map(|line| line.trim_end().chars().count()).max();
        ensure!(widest.is_some_and(|widest| (2..=80).contains(&widest)), "{table}: {shown}");
        let told = alpha.run(&format!("mesh-node mesh {table} --json"))?;
        let told: Value =
            serde_json::from_str(&told).with_context(|| format!("{table}: {told}"))?;
        ensure!(told.is_array() || told.is_object(), "{table}: {told}");
    }
    let neighbours = alpha.run("mesh-node mesh neighbours --json")?;
    let unit = if algorithm == "BATMAN_V" { "throughput" } else { "tq" };
    let neighbours: Vec<Value> = serde_json::from_str(&neighbours)?;
    ensure!(
        neighbours.len() == 2 && neighbours.iter().all(|it| it.get(unit).is_some()),
        "{neighbours:?}"
    );
    let vis: Value = serde_json::from_str(&alpha.run("mesh-node mesh topology --format vis")?)?;
    let links = vis.pointer("/vis/0/neighbors").and_then(Value::as_array);
    ensure!(links.is_some_and(|links| links.len() == 2), "{vis}");
    Ok(())
}

const TABLES: [&str; 13] = [
    "neighbours",
    "originators",
    "gateways",
    "interfaces",
    "vlans",
    "clients",
    "dat",
    "claims",
    "backbones",
    "multicast",
    "settings",
    "counters",
    "topology",
];
