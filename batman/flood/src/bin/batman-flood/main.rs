//! Measures the batman-adv client beside batctl, in a mesh of a thousand nodes that a flood makes a real kernel believe in.
//!
//! It takes over the machine's links, so it runs on a machine of its own: see `./x bench batman`. It ends with a line
//! `report` and a JSON array of what was measured.
#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "all of it acts on a kernel and on programs")]

mod cost;
mod idle;
mod tables;
mod world;

use std::process::ExitCode;

use batman::RoutingAlgorithm;
use batman_flood::Crowd;
use serde_json::{Value, json};

use world::World;

/// How many nodes the largest mesh has.
const NODES: u16 = 1000;

/// How many clients each of them has in the end.
const CLIENTS: u8 = 10;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let outcome = match words.split_first() {
        Some((mode, command)) if mode == cost::WEIGH => cost::weigh(command),
        _ => measure(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("batman-flood: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut rows = Vec::new();
    for algorithm in RoutingAlgorithm::ALL {
        let mut world = runtime.block_on(World::create(algorithm))?;
        println!("{algorithm}: a mesh with one neighbour");
        if algorithm == RoutingAlgorithm::BatmanIv {
            rows.extend(idle::measure(&mut world)?);
        }
        world.crowd(Crowd { clients: CLIENTS, ..Crowd::new(algorithm, NODES) })?;
        rows.extend(tables::measure(algorithm)?);
        runtime.block_on(world.remove())?;
    }
    println!("report {}", Value::Array(rows));
    Ok(())
}

/// What was measured, beside what.
fn row(name: &str, value: f64, unit: &str, peer: &str, peer_value: f64) -> Value {
    println!("{name}: {value:.1} {unit}, {peer} {peer_value:.1}, {:.3}", value / peer_value);
    json!({ "name": name, "value": value, "unit": unit, "peer": peer, "peer_value": peer_value })
}
