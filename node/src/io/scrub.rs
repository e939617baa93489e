//! The scrub: reads the running slot over and over, slowly, to find rot while there is another slot to go to.

use std::io;
use std::time::Duration;

use image::io::block_device::FileDevice;
use image::io::slots::Slots;
use image::slot::Slot;
use image::update::verify::{Checked, Verification};
use image::update::{Devices, header};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::clock::uptime;
use super::log::with_causes;
use crate::config::Rate;
use crate::trial::request::Scrub;
use crate::trial::rules::Rot;

#[cfg(test)]
pub(crate) mod sample;

/// The boot is busy enough.
const FIRST_REST: Duration = Duration::from_secs(60);

/// A chunk that reads wrong once may have been read wrong.
const READINGS: usize = 3;

/// Reads the running slot until it finds rot, and tells how it goes.
pub async fn scrub(slots: Slots, rate: Rate, told: watch::Sender<Scrub>) {
    let running = slots.running();
    sleep(FIRST_REST).await;
    loop {
        match pass(&slots, running, Some(rate)).await {
            Ok(None) => told.send_modify(|scrub| {
                scrub.passes += 1;
                scrub.last = Some(uptime());
            }),
            Ok(Some(place)) => {
                let other = pass(&slots, running.other(), None).await;
                let rot = Rot { place, other_is_sound: matches!(other, Ok(None)) };
                told.send_modify(|scrub| scrub.rot = Some(rot));
                return;
            }
            Err(why) => {
                told.send_modify(|scrub| scrub.off = Some(why));
                return;
            }
        }
    }
}

/// Reads a slot once; returns where it has rotted.
async fn pass(slots: &Slots, slot: Slot, rate: Option<Rate>) -> Result<Option<String>, String> {
    let (mut check, mut devices) = slots.verify(slot).map_err(|fault| with_causes(&fault))?;
    let mut readings = 0;
    loop {
        let before = check.clone();
        let (next, back, checked) = step(check, devices).await?;
        devices = back;
        match checked {
            Ok(Checked::Done) => return Ok(None),
            Ok(Checked::Whole(_)) => {
                check = next;
                readings = 0;
                if let Some(rate) = rate {
                    sleep(rate.time_for(header::CHUNK.into())).await;
                }
            }
            Ok(Checked::Rotten(_)) | Err(_) if readings + 1 < READINGS => {
                check = before;
                readings += 1;
                forget(&mut devices);
            }
            Ok(Checked::Rotten(rot)) => return Ok(Some(rot.to_string())),
            // A medium that cannot be read is as good as rotten.
            Err(error) => return Ok(Some(error.to_string())),
        }
    }
}

type Step = (Verification, Devices<FileDevice>, io::Result<Checked>);

/// Reads one chunk beside the loop: slow media hold nobody up.
async fn step(mut check: Verification, devices: Devices<FileDevice>) -> Result<Step, String> {
    let read = spawn_blocking(move || {
        let checked = check.step(&devices);
        (check, devices, checked)
    });
    read.await.map_err(|error| error.to_string())
}

/// Has the next reading reach the medium.
fn forget(devices: &mut Devices<FileDevice>) {
    use image::block::BlockDevice as _;
    let forgotten = devices.root.forget().and_then(|()| devices.boot.forget());
    if let Err(error) = forgotten {
        tracing::debug!(%error, "the cache keeps what it has of the slot");
    }
}
