//! The wire formats, generated from `proto/`.

use serde::Serializer;

/// What a node tells about itself.
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "generated; proto/node.proto explains it"
)]
pub mod node {
    tonic::include_proto!("meshnode.v1");
}

/// What is done with a node's firmware.
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "generated; proto/image.proto explains it"
)]
pub mod image {
    tonic::include_proto!("meshnode.image.v1");
}

/// What two neighbours say to each other.
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "generated; proto/session.proto explains it"
)]
pub mod session {
    tonic::include_proto!("meshnode.session.v1");
}

/// Writes the state as operators say it.
fn node_state<S: Serializer>(state: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(node_state_word(*state))
}

fn neighbour_state<S: Serializer>(state: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(neighbour_state_word(*state))
}

/// Returns the word for a node's state.
pub fn node_state_word(state: i32) -> &'static str {
    match node::NodeState::try_from(state) {
        Ok(node::NodeState::Bootstrapping) => "bootstrapping",
        Ok(node::NodeState::Attested) => "attested",
        Ok(node::NodeState::DegradedOffline) => "degraded_offline",
        Ok(node::NodeState::Expired) => "expired",
        Ok(node::NodeState::Unspecified) | Err(_) => "unknown",
    }
}

/// Returns the word for a neighbour's state.
pub fn neighbour_state_word(state: i32) -> &'static str {
    match node::NeighbourState::try_from(state) {
        Ok(node::NeighbourState::Verified) => "verified",
        Ok(node::NeighbourState::Unverified) => "unverified",
        Ok(node::NeighbourState::Refused) => "refused",
        Ok(node::NeighbourState::Unspecified) | Err(_) => "unknown",
    }
}

fn image_stage<S: Serializer>(stage: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(image_stage_word(*stage))
}

/// Returns the word for how far something with an image is.
pub fn image_stage_word(stage: i32) -> &'static str {
    match image::Stage::try_from(stage) {
        Ok(image::Stage::Asking) => "asking",
        Ok(image::Stage::Waiting) => "waiting",
        Ok(image::Stage::Resuming) => "resuming",
        Ok(image::Stage::Receiving) => "receiving",
        Ok(image::Stage::ReadingBack) => "reading back",
        Ok(image::Stage::Verifying) => "verifying",
        Ok(image::Stage::Done) => "done",
        Ok(image::Stage::Unspecified) | Err(_) => "unknown",
    }
}
