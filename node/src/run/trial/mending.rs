use image::io::held::Held;
use image::slot::mend;
use image::slot::state::{Seen, Unreadable};

use super::{Updating, header, read};
use crate::io::log::with_causes;
use crate::trial::rules::Rotten;

impl Updating {
    /// Makes the running slot's rotten environment what it was or, where nobody knows that, what it should be.
    pub(super) fn mend(&mut self) -> Result<(), String> {
        let slots = self.slots.as_ref().map_err(Clone::clone)?;
        // What the other slot holds counts, so nobody may be writing it. It is tried again at the next look.
        let Some(_held) = Held::at_once(slots).map_err(|fault| with_causes(&fault))? else {
            return Err("an installation writes to the slots at this moment".to_owned());
        };
        let mended = self.mended();
        self.look_again();
        self.stuck = mended.as_ref().err().cloned();
        mended
    }

    fn mended(&self) -> Result<(), String> {
        let slots = self.slots.as_ref().map_err(Clone::clone)?;
        let slot = slots.running();
        let rotten = slots.environment_bytes(slot).map_err(|it| with_causes(&it))?;
        let whole = match &self.whole {
            Some(whole) => whole.clone(),
            None if read(&self.record).trial.is_some_and(|it| it.slot == slot.name()) => {
                return Err(mend::Fault::OnTrial.to_string());
            }
            None => {
                let header = header(slots, slot).ok_or("the slot does not tell what it holds")?;
                let seen = slots.observe();
                let other = seen.environment(slot.other()).as_ref().ok();
                mend::rebuild(slot, &rotten, &header, other).map_err(|it| with_causes(&it))?
            }
        };
        let plan = mend::plan(slot, &rotten, &whole);
        slots.apply(&plan).map_err(|fault| with_causes(&fault))?;
        tracing::warn!(%slot, sectors = plan.writes.len(), "its rotten environment was mended");
        Ok(())
    }
}

/// What is rotten of the running slot's environment, as it was read last.
pub(super) fn rotten_environment(seen: &Seen, stuck: Option<&str>) -> Option<Rotten> {
    let fault = seen.environment(seen.running).as_ref().err()?;
    let is_rot = matches!(fault, Unreadable::Environment(_));
    is_rot.then(|| Rotten::Environment { why: fault.to_string(), stuck: stuck.map(str::to_owned) })
}
