//! The loop: the only place where mesh, identity and sessions meet.
#![expect(clippy::disallowed_methods, reason = "the loop waits, and starts what runs beside it")]

mod pace;
mod router;
mod sources;
mod trial;

use crate::config::Config;
use crate::io::clock::uptime;
use crate::io::host;
use crate::io::watchdog::Watchdog;
use pace::Pace;
use router::Router;
use sources::{BURST, LINK_BURST, Woken};

/// Why the node cannot run, and what would help.
#[derive(Debug, thiserror::Error)]
pub enum Unable {
    /// The process may not change the network.
    #[error(
        "mesh-node needs CAP_NET_ADMIN to manage {0}: start it as root or grant it that capability"
    )]
    NotPermitted(String),
    /// The kernel has no batman-adv.
    #[error(transparent)]
    NoBatmanAdv(batman::Error),
    /// Something that this node needs from its machine could not be had.
    #[error(transparent)]
    Machine(#[from] anyhow::Error),
}

/// Counts this start. A slot on trial in which mesh-node starts over and over is given up here, before the
/// configuration or anything else can end it once more.
pub fn count_start() -> u32 {
    let starts = host::count_start();
    trial::give_up_on_a_loop(starts);
    starts
}

/// Leaves a machine alone whose node cannot run and whose slot has proven itself: a reset would not mend it.
/// A slot on trial is left to the watchdog.
pub fn stand_down() {
    if !trial::is_on_trial() {
        Watchdog::open().disarm();
    }
}

/// Runs the node until it is told to stop. `starts` is what [`count_start`] returned.
///
/// # Errors
/// What keeps it from starting. Once it runs it reports, backs off and tries again.
pub async fn run(config: Config, starts: u32) -> Result<(), Unable> {
    if !host::may_change_the_network() {
        return Err(Unable::NotPermitted(config.mesh.wanted.mesh().to_string()));
    }
    let (mut router, mut sources) = Router::start(config, starts)?;
    sources.hear(router.notifications().await);
    sources.hear_meshes(router.mesh_events());
    let mut looked = router.first_look().await?;
    let mut pace = Pace::default();
    loop {
        if sources.must_listen_anew(&looked) {
            sources.hear(router.notifications().await);
        }
        let (is_news, pause) = match sources.next().await {
            Woken::ToStop => break,
            Woken::ToLook => (true, BURST),
            Woken::Asked(asked) => {
                router.answer(asked);
                (true, BURST)
            }
            Woken::Measured(ended) => {
                router.measured(*ended);
                (true, BURST)
            }
            Woken::ByMesh(event) => (router.hear(&event), LINK_BURST),
            Woken::ByLink(event) => (router.learn(*event), LINK_BURST),
        };
        if !is_news {
            looked.changed.clear();
            continue;
        }
        sources.settle(&mut router, pace.wait(pause, uptime())).await;
        looked = router.look().await;
    }
    router.stop(&mut sources).await;
    Ok(())
}
