//! A machine that loses its watchdog between an activation and the boot that follows.

use std::fs;

use anyhow::{Context as _, ensure};
use image::Architecture;
use image::io::block_device::{Access, FileDevice};
use image::slot::Slot;

use super::{environment, open, phases, places, write};
use crate::board::Board;
use crate::chooser::Verdict;
use crate::io::chooser::Chooser;
use crate::io::site::Site;

/// PIIX: the other board has a second watchdog in its chip set, which the chooser knows as well.
const WITHOUT_WATCHDOG: Board =
    Board { machine: "pc", watchdog: None, ..Board::of(Architecture::X86_64) };

/// Powers a machine on that is to arm a watchdog and has none, and once more; returns the slot that it refused and
/// the one that it booted then.
///
/// # Errors
/// Where the real chooser does not do what its model says.
pub fn lose_watchdog(site: &Site) -> anyhow::Result<[Slot; 2]> {
    let release = site.release()?;
    let directory = site.directory.join("watchdog-gone");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
    let disk = directory.join("disk");
    let places = places(&release.layout)?;
    let phases = phases(release, &places, &disk)?;
    let next = phases.iter().skip_while(|phase| phase.name != "activate").nth(1);
    write(&next.context("a life without an activation")?.recording.start, &disk)?;
    let size = fs::metadata(&disk)?.len();
    let chooser = Chooser::prepare_on(
        WITHOUT_WATCHDOG,
        Architecture::X86_64,
        size,
        &directory.join("chooser"),
        site.slowness,
    )?;

    let mut slots = [Slot::A; 2];
    for (slot, is_refused) in slots.iter_mut().zip([true, false]) {
        let mut model = open(&disk, &places)?;
        let choice = model.choose()?;
        ensure!(choice.is_refused(false) == is_refused, "the model says {choice:?}");
        *slot = model.running;
        let files = Slot::ALL.map(|slot| environment(&model.boot(slot)));

        let answer = chooser.ask("bench", &disk)?;

        let letter = slot.name().chars().next();
        let as_expected = match &answer.verdict {
            Verdict::NoWatchdog => is_refused,
            Verdict::Started { slot, .. } => !is_refused && *slot == letter,
            Verdict::NotYet => false,
        };
        ensure!(as_expected, "slot {slot}: {:?}, {}", answer.verdict, answer.last_words());
        for (range, file) in places.boot.iter().zip(&files) {
            let device = FileDevice::open(&disk, Access::Read)?;
            let found = environment(&device.part(range.start, range.end - range.start)?);
            ensure!(found == *file, "the chooser wrote something else than its model");
        }
    }
    Ok(slots)
}
