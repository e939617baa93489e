//! What was measured to neighbours, as people read it.

use std::time::Duration;

use super::columns::{layout, paragraph};
use super::names::Names;
use crate::proto::node::{Measured, Measuring};
use crate::status::shortly;

const HEADINGS: [&str; 6] = ["INTERFACE", "NODE", "THROUGHPUT", "USUAL", "AGE", "RESULTS"];

/// Writes the newest result of each neighbour, what is usual, and why one could not be measured.
pub fn table(measuring: &Measuring, names: &Names, uptime: Duration) -> String {
    let rows: Vec<_> = measuring.neighbours.iter().map(|it| row(it, names, uptime)).collect();
    let mut text = layout(HEADINGS, &rows);
    let failures = measuring.neighbours.iter().filter(|it| !it.failure.is_empty());
    for Measured { originator, failure, .. } in failures {
        text.push_str(&paragraph(&format!("! {}: {failure}", shown(originator, names)), ""));
    }
    let schedule = match measuring.schedule.as_str() {
        "off" => "nothing is measured by itself: [mesh.measure] schedule is off",
        "wired" => "measured by itself, but not over radio",
        _ => "measured by itself",
    };
    text + &paragraph(schedule, "")
}

fn row(measured: &Measured, names: &Names, uptime: Duration) -> [String; 6] {
    let newest = measured.results.first();
    let dash = || "-".to_owned();
    let age = newest.and_then(|it| Duration::try_from_secs_f64(it.at_seconds).ok());
    [
        measured.interface.clone(),
        shown(&measured.originator, names),
        newest.map_or_else(dash, |it| mbit(it.throughput_kbit)),
        measured.usual_kbit.map_or_else(dash, mbit),
        age.map_or_else(dash, |at| shortly(uptime.saturating_sub(at))),
        measured.results.len().to_string(),
    ]
}

fn shown(originator: &str, names: &Names) -> String {
    let address = originator.parse().ok();
    address.map_or_else(|| originator.to_owned(), |address| names.cell(address))
}

fn mbit(kbit: u64) -> String {
    format!("{}.{} Mbit/s", kbit / 1_000, kbit % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::node::Result;

    #[test]
    fn newest_result_stands_beside_the_usual_and_failures_below() {
        let result = |at_seconds, throughput_kbit| Result {
            at_seconds,
            throughput_kbit,
            ..Result::default()
        };
        let measured = Measured {
            interface: "eth1".into(),
            originator: "02:00:00:00:00:02".into(),
            usual_kbit: Some(90_000),
            failure: String::new(),
            results: vec![result(100.0, 93_450), result(40.0, 90_000)],
        };
        let silent = Measured {
            usual_kbit: None,
            failure: "no result came in time".into(),
            results: vec![],
            ..measured.clone()
        };
        let (names, _) = Names::read("02:00:00:00:00:02 bravo");
        let measuring = Measuring { schedule: "wired".into(), neighbours: vec![measured, silent] };

        let text = table(&measuring, &names, Duration::from_secs(160));

        assert_eq!(
            text,
            "INTERFACE  NODE   THROUGHPUT   USUAL        AGE  RESULTS
eth1       bravo  93.4 Mbit/s  90.0 Mbit/s  1m   2
eth1       bravo  -            -            -    0
! bravo: no result came in time
measured by itself, but not over radio
"
        );
    }
}
