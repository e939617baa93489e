use std::time::Duration;

use crate::config::Outline;
use crate::config::fault::Faults;
use crate::config::key::{Key, Preset};
use crate::config::section::Section;

/// A measurement that takes longer says no more.
const LONGEST: Duration = Duration::from_secs(60);

/// `[mesh.measure]`: measurements of the throughput to neighbours, on a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Over which links is measured.
    pub schedule: Schedule,
    /// How old a neighbour's result gets.
    pub interval: Duration,
    /// How long one takes.
    pub duration: Duration,
    /// The most that all may take on one link in any hour.
    pub air_time: Duration,
}

/// Over which links is measured without anybody asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// None.
    Off,
    /// Those that are not wireless.
    Wired,
    /// All.
    On,
}

static SCHEDULE: Key = Key {
    name: "schedule",
    doc: "Over which hard interfaces this node measures by itself: off, wired (not over radio) or on (all).",
    preset: Preset::Default("\"off\""),
};
static INTERVAL: Key = Key {
    name: "interval",
    doc: "How old the result of a neighbour gets before it is measured again.",
    preset: Preset::Default("\"1h\""),
};
static DURATION: Key = Key {
    name: "duration",
    doc: "How long one measurement takes, up to 60s.",
    preset: Preset::Default("\"3s\""),
};
static AIR_TIME: Key = Key {
    name: "air_time",
    doc: "The most that this node's measurements take on one hard interface in any hour, at least two of them. Those that a\nperson asks for count, and are never refused for it.",
    preset: Preset::Default("\"60s\""),
};

pub(in crate::config) static MEASURE: Outline = Outline {
    name: "mesh.measure",
    about: "The throughput to neighbours as a sign of health, measured with packets that take all the air there is.",
    keys: &[&SCHEDULE, &INTERVAL, &DURATION, &AIR_TIME],
};

const fn preset() -> Measure {
    Measure {
        schedule: Schedule::Off,
        interval: Duration::from_secs(3_600),
        duration: Duration::from_secs(3),
        air_time: Duration::from_secs(60),
    }
}

/// Reads the section; what holds without it is what its keys say.
pub(super) fn read(mesh: &Section<'_>, faults: &mut Faults) -> Option<Measure> {
    let Some(section) = mesh.within(&MEASURE) else { return Some(preset()) };
    section.refuse_unknown_keys(faults);
    let schedule = section.value(&SCHEDULE, faults);
    let interval = section.value(&INTERVAL, faults);
    let duration: Option<Duration> = section.value(&DURATION, faults);
    let air_time: Option<Duration> = section.value(&AIR_TIME, faults);
    if let (Some(duration), Some(air_time)) = (duration, air_time) {
        if duration > LONGEST {
            section.contradiction(&DURATION, "at most 60s", faults);
        }
        if air_time < duration * 2 {
            let reason = format!("{air_time:?} is less than two measurements of {duration:?}");
            section.contradiction(&AIR_TIME, &reason, faults);
        }
    }
    Some(Measure {
        schedule: schedule?,
        interval: interval?,
        duration: duration?,
        air_time: air_time?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Faults};

    fn parse(lines: &str) -> Result<Measure, Faults> {
        let text =
            format!("[mesh]\nhard_interfaces = [\"eth1\"]\n{lines}[identity]\nserver = \"a:1\"\n");
        Config::parse(&text).map(|config| config.mesh.measure)
    }

    #[test]
    fn nothing_is_measured_unless_somebody_says_so() {
        let without = parse("").unwrap();

        assert_eq!(without, preset());
        assert_eq!(parse("[mesh.measure]\n").unwrap(), without, "the presets are the same");
        assert_eq!(without.schedule, Schedule::Off);
    }

    #[test]
    fn everything_has_its_key() {
        let lines = "[mesh.measure]\nschedule = \"wired\"\ninterval = \"10m\"\nduration = \"5s\"\nair_time = \"2m\"\n";

        let expected = Measure {
            schedule: Schedule::Wired,
            interval: Duration::from_secs(600),
            duration: Duration::from_secs(5),
            air_time: Duration::from_secs(120),
        };
        assert_eq!(parse(lines).unwrap(), expected);
    }

    #[test]
    fn air_time_has_room_for_two_and_none_is_long() {
        let faults = |lines| parse(lines).unwrap_err().report("f");

        assert!(faults("[mesh.measure]\nair_time = \"5s\"\n").contains("less than two"));
        assert!(
            faults("[mesh.measure]\nduration = \"61s\"\nair_time = \"1h\"\n")
                .contains("at most 60s")
        );
        assert!(faults("[mesh.measure]\nschedule = \"wire\"\n").contains("wired"));
    }
}
