//! The slots of this machine's disk, at boot.

use image::io::slots::{Fault, Slots};
use image::slot::state::{Plan, Request, Then, plan};
use nix::sys::reboot::{RebootMode, reboot};

use super::log::with_causes;
use super::watchdog;

/// Begins the trial of this boot if its slot is on trial, or sees to a trial that ended without a word. May start the
/// machine anew, in which case it does not return.
pub(super) fn begin(mut tell: impl FnMut(String)) {
    let slots = match Slots::find() {
        Ok(slots) => slots,
        // A disk without slots boots as well.
        Err(Fault::NoRoot | Fault::NoSlot(_) | Fault::NoPartition(_)) => return,
        Err(fault) => return tell(format!("the slots: {}", with_causes(&fault))),
    };
    let watchdog = watchdog::longest_of_chooser();
    for request in [Request::Begin, Request::BackInOld { watchdog }] {
        let planned = plan(&slots.observe(), request).map_err(|it| with_causes(&it));
        let done = planned
            .and_then(|plan| slots.apply(&plan).map(|()| plan).map_err(|it| with_causes(&it)));
        match done {
            Err(why) => tell(format!("the slots: {why}")),
            Ok(Plan { then: Then::Nothing, .. }) => {}
            Ok(Plan { then: Then::Reboot, slot, .. }) => {
                eprintln!(
                    "mesh-node prepare: slot {slot} gets another boot: its kernel said nothing"
                );
                restart();
            }
        }
    }
}

/// Starts the machine anew without asking init, which still waits for this program.
fn restart() {
    nix::unistd::sync();
    let Err(error) = reboot(RebootMode::RB_AUTOBOOT);
    eprintln!("mesh-node prepare: no reboot: {error}");
}
