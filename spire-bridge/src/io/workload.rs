use std::path::Path;
use std::time::Duration;

use spiffe::workload_api::error::WorkloadApiError;
use spiffe::{WorkloadApiClient, X509Context};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_stream::StreamExt as _;

use crate::Error;
use crate::identity::{Absence, Identity, LiveIdentity};

/// The wait before the Workload API is asked again: a local socket, so often enough to be prompt.
const AGAIN: Duration = Duration::from_secs(1);

/// An agent that knows of no entry for us learns of one from its server every 5 s, and logs each question.
const UNREGISTERED: Duration = Duration::from_secs(5);

/// Follows the Workload API's X.509 stream for ever, keeping `identity` the newest.
///
/// `changed` is touched at every change, for whoever waits for one. An identity is kept when the stream
/// breaks: the agent's absence ends nothing that the SVID still covers.
pub async fn follow(socket: &Path, identity: LiveIdentity, changed: watch::Sender<()>) {
    let endpoint = format!("unix://{}", socket.display());
    loop {
        let absence = match stream(&endpoint, &identity, &changed).await {
            Ok(()) => Absence::NoWorkloadApi,
            Err(error) => {
                tracing::debug!(%error, "workload api");
                absence(&error)
            }
        };
        let wait = if absence == Absence::NotRegistered { UNREGISTERED } else { AGAIN };
        changed.send_if_modified(|()| identity.miss(absence));
        sleep(wait).await;
    }
}

async fn stream(
    endpoint: &str,
    identity: &LiveIdentity,
    changed: &watch::Sender<()>,
) -> Result<(), WorkloadApiError> {
    let client = WorkloadApiClient::connect_to(endpoint).await?;
    let mut contexts = client.stream_x509_contexts().await?;
    while let Some(context) = contexts.next().await {
        match usable(&context?) {
            Ok(newest) => {
                tracing::info!(
                    spiffe_id = %newest.spiffe_id, not_after = %newest.not_after, "SVID received"
                );
                identity.hold(newest);
                changed.send_replace(());
            }
            Err(error) => {
                tracing::warn!(%error, "SVID not usable");
                let absence = Absence::Unusable(error.to_string());
                changed.send_if_modified(|()| identity.miss(absence));
            }
        }
    }
    Ok(())
}

fn usable(context: &X509Context) -> Result<Identity, Error> {
    let bad = |reason: &str| Error::BadSvid { reason: reason.to_owned() };
    let svid = context.default_svid().ok_or_else(|| bad("the agent sent none"))?;
    let trust_domain = svid.spiffe_id().trust_domain();
    let bundle = context.bundle_set().get_ref(trust_domain);
    Identity::new(svid, bundle.ok_or_else(|| bad("the agent sent no bundle for it"))?)
}

fn absence(error: &WorkloadApiError) -> Absence {
    match error {
        WorkloadApiError::NoIdentityIssued | WorkloadApiError::PermissionDenied(_) => {
            Absence::NotRegistered
        }
        WorkloadApiError::Transport(_) => Absence::NoWorkloadApi,
        other => Absence::Unusable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longer than the wait after an answer of any kind.
    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn agent_that_stays_away_wakes_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("api.sock");
        let (changed, mut changes) = watch::channel(());
        let identity = LiveIdentity::new();
        let following = follow(&socket, identity, changed);

        let woken = tokio::select! {
            () = following => unreachable!("it follows for ever"),
            woken = tokio::time::timeout(LONG, changes.changed()) => woken,
        };

        assert!(woken.is_err());
    }
}
