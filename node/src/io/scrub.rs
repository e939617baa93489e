//! The scrub: reads the running slot over and over, slowly, to find rot while there is another slot to go to.

use std::io;
use std::time::Duration;

use image::io::block_device::{Access, FileDevice};
use image::io::slots::{Fault, Slots};
use image::slot::trial::ImageId;
use image::slot::{Environment, Slot};
use image::update::verify::{Checked, Verification};
use image::update::{Devices, header, tail};
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
        if !has_environment(&slots, running) {
            told.send_modify(|scrub| scrub.unread += 1);
        }
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

/// Reads a slot's environment from the medium, over and over if it has to. No digest covers it: it changes in use.
fn has_environment(slots: &Slots, slot: Slot) -> bool {
    (0..READINGS).any(|_| {
        let forgotten = slots.devices(slot, Access::Read).map(|mut devices| forget(&mut devices));
        forgotten.is_ok() && slots.observe().environment(slot).is_ok()
    })
}

/// Reads a slot once; returns where it has rotted.
async fn pass(slots: &Slots, slot: Slot, rate: Option<Rate>) -> Result<Option<String>, String> {
    let (mut check, mut devices) = match begin(slots, slot)? {
        Ok(begun) => begun,
        Err(place) => return Ok(Some(place)),
    };
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

type Begun = (Verification, Devices<FileDevice>);

/// Opens a slot by the header at its end, which can rot as well; then that is the place.
fn begin(slots: &Slots, slot: Slot) -> Result<Result<Begun, String>, String> {
    let mut readings = 0;
    loop {
        match slots.verify(slot) {
            Ok(begun) => return Ok(Ok(begun)),
            Err(Fault::Tail(fault)) if is_rot(&fault, was_installed(slots, slot)) => {
                readings += 1;
                if readings == READINGS {
                    return Ok(Err(with_causes(&fault)));
                }
            }
            Err(fault) => return Err(with_causes(&fault)),
        }
    }
}

/// A slot that was not installed never had a header; one that is whole and makes no sense was written so.
const fn is_rot(fault: &tail::Fault, was_installed: bool) -> bool {
    match fault {
        tail::Fault::Device(_) | tail::Fault::Damaged => true,
        tail::Fault::Missing => was_installed,
        tail::Fault::Header(_) => false,
    }
}

/// Whether the slot's environment names an image, as the packer and the installation have it.
fn was_installed(slots: &Slots, slot: Slot) -> bool {
    let seen = slots.observe();
    let record = seen.environment(slot).as_ref().ok().and_then(Environment::trial);
    record.is_some_and(|record| record.image != ImageId::default())
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

#[cfg(test)]
mod tests {
    use image::block::BlockDevice as _;
    use image::slot::environment::State;
    use image::slot::trial::Phase;

    use super::sample::{Disk, environment_of};
    use super::*;

    /// Reads slot A once, which has these last bytes and is of this image.
    async fn check(tail: &[u8], image: ImageId, expected: Result<Option<&str>, &str>) {
        let a = environment_of(State::Ok, 1, Phase::Committed, image);
        let disk = Disk::new(&a, &a, Slot::A);
        let mut root = disk.slots().open("root-a", Access::Write).unwrap();
        let place = root.len() - 4096;
        root.write_at(place, tail).unwrap();

        let read = pass(&disk.slots(), Slot::A, None).await;

        let expected = expected.map(|place| place.map(str::to_owned)).map_err(str::to_owned);
        assert_eq!(read, expected);
    }

    #[tokio::test]
    async fn a_tail_that_has_rotted_is_rot() {
        let damaged = "a root partition with a damaged header at its end";
        let missing = "a root partition without a header at its end";

        check(b"MESHTAIL", ImageId([7; 8]), Ok(Some(damaged))).await;
        check(b"MESHTAIM", ImageId([7; 8]), Ok(Some(missing))).await;
    }

    #[test]
    fn an_environment_that_has_rotted_is_not_read() {
        let a = environment_of(State::Ok, 1, Phase::Committed, ImageId([7; 8]));
        let disk = Disk::new(&a, &a, Slot::A);
        assert!(has_environment(&disk.slots(), Slot::A));

        disk.rot_environment(Slot::A);

        assert!(!has_environment(&disk.slots(), Slot::A));
        assert!(has_environment(&disk.slots(), Slot::B));
    }

    #[tokio::test]
    async fn an_image_that_never_had_a_tail_is_not_scrubbed() {
        let missing = "a root partition without a header at its end";

        check(&[], ImageId::default(), Err(missing)).await;
    }
}
