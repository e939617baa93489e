//! Compiles the protocols. The messages of the status serialise to the JSON that operators see.

use std::error::Error;

const ABSENT: &str = "#[serde(skip_serializing_if = \"Option::is_none\")]";

const OPTIONAL: [&str; 22] = [
    "Status.spiffe_id",
    "Status.svid_not_after",
    "Status.agent",
    "Status.mesh",
    "Status.measuring",
    "Measured.usual_kbit",
    "Agent.pid",
    "Agent.last_exit",
    "Mesh.algorithm",
    "Mesh.version",
    "Mesh.orig_interval_ms",
    "Mesh.gateway",
    "Gateway.tq",
    "Gateway.throughput_kbit",
    "HardInterface.mac",
    "Neighbour.tq",
    "Neighbour.throughput_kbit",
    "Neighbour.spiffe_id",
    "Neighbour.kx_group",
    "Neighbour.svid_not_after",
    "Neighbour.svid_seconds_left",
    "Neighbour.rtt_ms",
];

/// Of the fleet's service; none of them is said when it is not known.
const IMAGE_OPTIONAL: [&str; 21] = [
    "ImageStatus.no_slots",
    "ImageStatus.work",
    "ImageStatus.available",
    "ImageStatus.checked",
    "ImageStatus.not_available",
    "ImageStatus.judgement",
    "ImageStatus.scrub",
    "Slot.version",
    "Slot.revision",
    "Slot.tries_used",
    "Slot.tries_allowed",
    "Slot.percent",
    "Available.version",
    "Available.signed",
    "Verdict.version",
    "Verdict.evidence",
    "Verdict.uptime_seconds",
    "Verdict.starts",
    "Progress.bytes_per_second",
    "Progress.seconds_left",
    "ImageStatus.data",
];

fn main() -> Result<(), Box<dyn Error>> {
    let sources = ["proto/node.proto", "proto/session.proto", "proto/image.proto"];
    let files = protox::compile(sources, ["proto"])?;
    let mut builder = tonic_prost_build::configure()
        .emit_rerun_if_changed(false)
        .build_transport(false)
        .type_attribute(".meshnode.v1", "#[derive(serde::Serialize)]")
        .field_attribute("Status.state", "#[serde(serialize_with = \"super::node_state\")]")
        .field_attribute(
            "Neighbour.state",
            "#[serde(serialize_with = \"super::neighbour_state\")]",
        );
    for field in OPTIONAL {
        builder = builder.field_attribute(format!("meshnode.v1.{field}"), ABSENT);
    }
    builder = builder
        .type_attribute(".meshnode.image.v1", "#[derive(serde::Serialize)]")
        .field_attribute(
            ".meshnode.image.v1.Progress.stage",
            "#[serde(serialize_with = \"super::image_stage\")]",
        );
    for field in IMAGE_OPTIONAL {
        builder = builder.field_attribute(format!("meshnode.image.v1.{field}"), ABSENT);
    }
    builder.compile_fds(files)?;
    println!("cargo::rerun-if-changed=proto");
    Ok(())
}
