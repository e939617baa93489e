//! Reads a slot and holds it against what was installed there.

use image::io::slots::Slots;
use image::slot::Slot;
use image::update::verify::Checked;

use super::desk::Seat;
use super::writer::on_thread;
use crate::install::progress::Meter;
use crate::install::refusal::Refusal;
use crate::io::clock::uptime;
use crate::proto::image::{Progress, Stage};

/// Chunks between two looks whether anybody still wants to know.
const BATCH: usize = 8;

pub(super) async fn verify(slots: Slots, slot: Slot, seat: &Seat) -> Result<Progress, Refusal> {
    let mut meter = Meter::new(Some(slot), uptime());
    seat.show(meter.enter(Stage::Verifying, 0, uptime()));
    let opened = on_thread(move || Ok(slots.verify(slot)?));
    let (mut verification, mut devices) = opened.await?;
    let facts = verification.header().facts();
    let version = facts.version.to_string();
    meter.learn(version.clone(), facts.root.size + facts.boot.size);
    loop {
        let hand = seat.clone();
        let step = on_thread(move || {
            let mut done = 0;
            for _ in 0..BATCH {
                let checked = verification.step(&devices);
                match checked.map_err(image::update::tail::Fault::from) {
                    Ok(Checked::Whole(progress)) => done = progress.done,
                    Ok(Checked::Rotten(rot)) => return Err(Refusal::Rotten { slot, rot }),
                    Ok(Checked::Done) => return Ok((None, verification, devices)),
                    Err(fault) => return Err(image::io::slots::Fault::from(fault).into()),
                }
            }
            drop(hand);
            Ok((Some(done), verification, devices))
        });
        let (done, back, opened) = step.await?;
        (verification, devices) = (back, opened);
        let Some(done) = done else { break };
        if let Some(told) = meter.reach(done, uptime()) {
            seat.show(told);
        }
    }
    Ok(meter.end(format!("slot {slot} holds {version}, as it was installed"), uptime()))
}
