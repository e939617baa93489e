//! Asks whether the SPIRE server is there, for as long as there is no identity.

use std::time::Duration;

use spire_bridge::agent::ServerAddress;
use spire_bridge::identity::LiveIdentity;
use tokio::sync::watch;
use tokio::time::sleep;

use super::clock::wall;

/// Prompt enough to bring a node back within seconds of its server, and a few packets an hour otherwise.
const EVERY: Duration = Duration::from_secs(2);

/// Keeps `answers` true, false, or nothing while an identity is held and nobody needs to know.
pub async fn server(
    address: ServerAddress,
    identity: LiveIdentity,
    answers: watch::Sender<Option<bool>>,
) {
    loop {
        let answer = match identity.current() {
            Some(identity) if identity.not_after > wall() => None,
            _ => Some(spire_bridge::io::answers(&address).await),
        };
        answers.send_if_modified(|last| std::mem::replace(last, answer) != answer);
        sleep(EVERY).await;
    }
}
