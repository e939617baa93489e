//! Where one works at a time.

use std::sync::{Arc, Mutex, PoisonError};

use spire_bridge::Uptime;
use tokio::sync::{mpsc, watch};

use crate::install::refusal::{Doing, Refusal};
use crate::io::clock::uptime;
use crate::proto::image::{Progress, Stage};
use crate::proto::{image as wire, image_stage_word};

/// The desk, and who sits at it.
#[derive(Debug, Default)]
pub(super) struct Desk {
    work: Mutex<Option<Work>>,
}

#[derive(Debug)]
struct Work {
    doing: Doing,
    who: String,
    since: Uptime,
    /// Its other end is held by everything that still works.
    shown: watch::Receiver<Progress>,
    cancel: watch::Sender<bool>,
}

/// The right to work; the desk is free when the last clone of it is gone.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    shown: Arc<watch::Sender<Progress>>,
    cancel: watch::Receiver<bool>,
    client: Option<mpsc::Sender<Result<Progress, Refusal>>>,
}

impl Desk {
    /// Sits down, and tells the client what goes on from then on.
    pub(super) fn take(
        &self,
        doing: Doing,
        who: String,
        client: Option<mpsc::Sender<Result<Progress, Refusal>>>,
    ) -> Result<Seat, Refusal> {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(work) = work.as_ref().filter(|work| work.is_done_by_somebody()) {
            return Err(work.refusal());
        }
        let asking = Progress { stage: Stage::Asking.into(), ..Progress::default() };
        let (sender, shown) = watch::channel(asking);
        let (cancel, cancelled) = watch::channel(false);
        *work = Some(Work { doing, who, since: uptime(), shown, cancel });
        drop(work);
        Ok(Seat { shown: Arc::new(sender), cancel: cancelled, client })
    }

    /// Has whoever sits there get up, and tells what they were at.
    pub(super) fn cancel(&self) -> Option<String> {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let work = work.as_ref().filter(|work| work.is_done_by_somebody())?;
        work.cancel.send_replace(true);
        Some(format!("{} by {}", work.doing, work.who))
    }

    /// Tells who sits there.
    pub(super) fn told(&self) -> Option<wire::Work> {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let work = work.as_ref().filter(|work| work.is_done_by_somebody())?;
        Some(wire::Work {
            doing: work.doing.word().to_owned(),
            who: work.who.clone(),
            seconds: uptime().since(work.since).as_secs(),
            progress: Some(work.shown.borrow().clone()),
        })
    }
}

impl Work {
    fn is_done_by_somebody(&self) -> bool {
        self.shown.has_changed().is_ok()
    }

    fn refusal(&self) -> Refusal {
        let shown = self.shown.borrow().clone();
        let percent = shown.done_bytes.saturating_mul(100).checked_div(shown.total_bytes);
        let stage = image_stage_word(shown.stage);
        let how_far = percent.map_or(stage.to_owned(), |percent| format!("{stage}, {percent} %"));
        Refusal::Busy { doing: self.doing, who: self.who.clone(), how_far }
    }
}

impl Seat {
    /// Shows how far it is. A client that does not read misses some of it.
    pub(super) fn show(&self, progress: Progress) {
        if let Some(client) = &self.client {
            let _ = client.try_send(Ok(progress.clone()));
        }
        self.shown.send_replace(progress);
    }

    /// Whether somebody watches.
    pub(super) fn is_watched(&self) -> bool {
        self.client.as_ref().is_some_and(|client| !client.is_closed())
    }

    /// Waits until the client has left.
    pub(super) async fn left(&self) {
        match &self.client {
            Some(client) => client.closed().await,
            None => std::future::pending().await,
        }
    }

    /// Waits until somebody wants it ended.
    pub(super) async fn cancelled(&self) {
        if self.cancel.clone().wait_for(|is_cancelled| *is_cancelled).await.is_err() {
            // The desk has gone, and with it everybody who could want that.
            std::future::pending::<()>().await;
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        *self.cancel.borrow()
    }

    /// Tells how it ended and gets up.
    pub(super) async fn end(self, outcome: Result<Progress, Refusal>) {
        let Self { shown, client, .. } = self;
        // Whoever is told of the end may begin something at once.
        drop(shown);
        match (outcome, client) {
            (outcome, Some(client)) if !client.is_closed() => {
                let _ = client.send(outcome).await;
            }
            (Err(refusal), _) => tracing::info!(refusal = refusal.in_full(), "nothing came of it"),
            (Ok(_), _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_who_is_at_it_and_how_far() {
        let desk = Desk::default();
        let seat = desk.take(Doing::Install, "process 7".to_owned(), None).unwrap();
        let stage = Stage::Receiving.into();
        seat.show(Progress { stage, done_bytes: 1, total_bytes: 4, ..Progress::default() });

        let refused = desk.take(Doing::Verify, "process 8".to_owned(), None).unwrap_err();

        assert_eq!(refused.to_string(), "process 7 is at it: install, receiving, 25 %");
        assert_eq!(desk.told().unwrap().who, "process 7");
    }

    #[test]
    fn the_desk_is_free_when_the_last_hand_is_off_it() {
        let desk = Desk::default();
        let seat = desk.take(Doing::Install, String::new(), None).unwrap();
        let hand = seat.clone();

        drop(seat);
        assert!(desk.take(Doing::Fetch, String::new(), None).is_err());
        drop(hand);

        assert!(desk.told().is_none());
        assert!(desk.take(Doing::Fetch, String::new(), None).is_ok());
    }
}
