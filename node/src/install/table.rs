//! The image's status and progress as people read them, in 80 columns.

use std::fmt::Write as _;
use std::time::Duration;

use crate::proto::image::{
    Available, Data, Health, ImageStatus, Progress, Slot, Stage, Verdict, Work,
};
use crate::proto::image_stage_word;
use crate::status::shortly;

/// What a terminal has had for fifty years.
const COLUMNS: usize = 80;

/// Verdicts that are shown; all of them are in the JSON.
const VERDICTS: usize = 3;

/// Writes a status for people.
pub fn render(status: &ImageStatus) -> String {
    let mut text = String::new();
    let heading = format!("{} on {} ({})", status.version, status.board, status.architecture);
    line(&mut text, "", &heading);
    match &status.no_slots {
        Some(why) => line(&mut text, "slots: ", &format!("none, {why}")),
        None => slots(&mut text, &status.slots),
    }
    if let Some(judgement) = &status.judgement {
        line(&mut text, "on trial: ", judgement);
    }
    if let Some(doing) = &status.work {
        line(&mut text, "now: ", &work(doing));
    }
    line(&mut text, "available: ", &offer(status));
    let skipped = status.verdicts.len().saturating_sub(VERDICTS);
    for past in status.verdicts.iter().skip(skipped) {
        verdict(&mut text, past);
    }
    if let Some(found) = &status.data {
        data(&mut text, found);
    }
    if let Some(scrub) = &status.scrub {
        line(&mut text, "scrub: ", scrub);
    }
    text
}

/// Writes how far something is, in less than a line.
pub fn progress(progress: &Progress) -> String {
    let stage = image_stage_word(progress.stage);
    let mut text = match progress.stage() {
        Stage::Waiting | Stage::Done => format!("{stage}: {}", progress.detail),
        _ if progress.total_bytes == 0 => stage.to_owned(),
        _ => {
            let (done, total) = (progress.done_bytes, progress.total_bytes);
            let percent = done.saturating_mul(100).checked_div(total).unwrap_or_default();
            format!("{stage} {percent:3} %  {} of {}", bytes(done), bytes(total))
        }
    };
    if let Some(rate) = progress.bytes_per_second {
        // A String takes any text; writing to it cannot fail.
        let _ = write!(text, "  {}/s", bytes(rate));
    }
    if let Some(seconds) = progress.seconds_left.filter(|seconds| *seconds > 0) {
        let _ = write!(text, "  {} left", shortly(Duration::from_secs(seconds)));
    }
    shortened(&text, COLUMNS - 1)
}

/// Writes what a repository offers.
pub fn available(available: &Available) -> String {
    let mut text = match &available.version {
        Some(version) => format!("{version}, {}", bytes(available.bytes)),
        None => "nothing newer".to_owned(),
    };
    if let Some(signed) = &available.signed {
        let _ = write!(text, ", signed {signed}");
    }
    let _ = write!(text, ", good until {}", available.expires);
    text
}

fn slots(text: &mut String, slots: &[Slot]) {
    let versions = slots.iter().map(|slot| slot.version.as_deref().unwrap_or("-"));
    let width = versions.clone().map(|it| it.chars().count()).max().unwrap_or(0).clamp(7, 24);
    let _ = writeln!(text, "SLOT  STATE      {:width$}  DETAIL", "VERSION");
    for (slot, version) in slots.iter().zip(versions) {
        let runs = if slot.running { '*' } else { ' ' };
        let version = shortened(version, width);
        let start = format!("{} {runs}   {:9}  {version:width$}  ", slot.name, slot.state);
        line(text, &start, &slot.detail);
    }
    let _ = writeln!(text, "* runs");
}

fn work(work: &Work) -> String {
    let time = shortly(Duration::from_secs(work.seconds));
    let so_far = work.progress.as_ref().map(progress).unwrap_or_default();
    format!("{} by {} for {time}: {so_far}", work.doing, work.who)
}

fn offer(status: &ImageStatus) -> String {
    let checked = status.checked.as_ref().map(|at| format!(" (asked {at})")).unwrap_or_default();
    match (&status.available, &status.not_available) {
        (Some(offer), _) => available(offer) + &checked,
        (None, Some(why)) => format!("unknown: {why}{checked}"),
        (None, None) => "not asked yet: mesh-node image fetch".to_owned(),
    }
}

fn verdict(text: &mut String, verdict: &Verdict) {
    let version = verdict.version.as_deref().unwrap_or("unknown version");
    let start = format!("{} slot {}: ", verdict.at, verdict.slot);
    line(text, &start, &format!("{version} {}: {}", verdict.outcome, verdict.reason));
    if let Some(before) = &verdict.before {
        line(text, "  before: ", &health(before));
    }
    if let Some(evidence) = &verdict.evidence {
        let after = Duration::from_secs(verdict.uptime_seconds.unwrap_or_default());
        let starts = verdict.starts.unwrap_or_default();
        let starts = format!("; {} after boot, {starts} starts", shortly(after));
        line(text, "  judged: ", &(health(evidence) + &starts));
    }
}

fn health(health: &Health) -> String {
    let attested = if health.attested { "attested" } else { "not attested" };
    format!("{attested}, {} neighbours, {} verified", health.neighbours, health.verified)
}

fn data(text: &mut String, data: &Data) {
    let room = match data.total_bytes {
        0 => String::new(),
        total => format!(", {} of {} free", bytes(data.free_bytes), bytes(total)),
    };
    line(text, "data: ", &format!("{}{room}", data.state));
    for told in &data.told {
        line(text, "  ! ", told);
    }
}

/// Writes a number of bytes in the unit that fits.
fn bytes(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_024 => return format!("{bytes} B"),
        1_024..1_048_576 => (1_u64 << 10, "KiB"),
        1_048_576..1_073_741_824 => (1 << 20, "MiB"),
        _ => (1 << 30, "GiB"),
    };
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}

/// Writes a text behind a heading, on as many lines as it takes.
fn line(text: &mut String, heading: &str, rest: &str) {
    let indent = heading.chars().count().min(COLUMNS / 2);
    let mut at = heading.chars().count();
    text.push_str(heading);
    let mut is_first = true;
    for word in rest.split_whitespace() {
        let length = word.chars().count();
        if !is_first && at + 1 + length > COLUMNS {
            let _ = write!(text, "\n{:indent$}", "");
            (at, is_first) = (indent, true);
        }
        if !is_first {
            text.push(' ');
            at += 1;
        }
        text.push_str(word);
        at += length;
        is_first = false;
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
}

fn shortened(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    text.chars().take(longest.saturating_sub(3)).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> ImageStatus {
        let slot = |name: &str, state: &str, version: &str, detail: &str| Slot {
            name: name.to_owned(),
            running: name == "a",
            state: state.to_owned(),
            version: Some(version.to_owned()),
            detail: detail.to_owned(),
            ..Slot::default()
        };
        let health = |neighbours| Health { attested: true, verified: 1, neighbours };
        ImageStatus {
            version: "0.1.0".to_owned(),
            architecture: "armv7".to_owned(),
            board: "generic-armv7".to_owned(),
            slots: vec![
                slot("a", "confirmed", "0.1.0", ""),
                slot("b", "failed", "0.2.0-rc.1", "the node judged itself unhealthy"),
            ],
            available: Some(Available {
                version: Some("0.3.0".to_owned()),
                bytes: 40_000_000,
                signed: Some("2026-11-20T00:00:00Z".to_owned()),
                expires: "2026-12-20T00:00:00Z".to_owned(),
                ..Available::default()
            }),
            checked: Some("2026-11-22T14:00:00Z".to_owned()),
            verdicts: vec![Verdict {
                slot: "b".to_owned(),
                version: Some("0.2.0-rc.1".to_owned()),
                outcome: "unhealthy".to_owned(),
                reason: "1 neighbours, where 2 are wanted".to_owned(),
                at: "2026-11-21T03:00:00Z".to_owned(),
                before: Some(health(4)),
                evidence: Some(health(1)),
                uptime_seconds: Some(900),
                starts: Some(1),
            }],
            data: Some(Data {
                state: "the data file system was repaired at this boot".to_owned(),
                told: vec!["cannot check it: ".repeat(8)],
                free_bytes: 900 << 20,
                total_bytes: 3 << 30,
            }),
            scrub: Some("sound, read whole 3h 0m ago".to_owned()),
            ..ImageStatus::default()
        }
    }

    #[test]
    fn the_status_is_a_table_and_what_is_behind_it() {
        let expected = "\
0.1.0 on generic-armv7 (armv7)
SLOT  STATE      VERSION     DETAIL
a *   confirmed  0.1.0
b     failed     0.2.0-rc.1  the node judged itself unhealthy
* runs
available: 0.3.0, 38.1 MiB, signed 2026-11-20T00:00:00Z, good until
           2026-12-20T00:00:00Z (asked 2026-11-22T14:00:00Z)
2026-11-21T03:00:00Z slot b: 0.2.0-rc.1 unhealthy: 1 neighbours, where 2 are
                             wanted
  before: attested, 4 neighbours, 1 verified
  judged: attested, 1 neighbours, 1 verified; 15m after boot, 1 starts
data: the data file system was repaired at this boot, 900.0 MiB of 3.0 GiB free
  ! cannot check it: cannot check it: cannot check it: cannot check it: cannot
    check it: cannot check it: cannot check it: cannot check it:
scrub: sound, read whole 3h 0m ago
";

        assert_eq!(render(&status()), expected);
    }

    #[test]
    fn no_line_is_longer_than_a_terminal() {
        let mut status = status();
        status.no_slots = Some("the root file system lies on no partition ".repeat(4));
        status.work = Some(Work {
            doing: "install".to_owned(),
            who: "process 812 (mesh-node) of user 0".to_owned(),
            seconds: 100,
            progress: Some(Progress {
                stage: Stage::Waiting.into(),
                detail: "http://updates.example/ cannot be fetched; again in 8 s ".repeat(3),
                ..Progress::default()
            }),
        });
        status.judgement = Some("slot a: healthy, 4m to go".to_owned());

        let text = render(&status);

        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(COLUMNS), "{text}");
    }

    #[test]
    fn progress_has_bytes_rate_and_the_time_that_is_left() {
        let receiving = Progress {
            stage: Stage::Receiving.into(),
            done_bytes: 12 << 20,
            total_bytes: 40 << 20,
            bytes_per_second: Some(1_258_291),
            seconds_left: Some(23),
            ..Progress::default()
        };
        let asking = Progress { stage: Stage::Asking.into(), ..Progress::default() };

        assert_eq!(
            progress(&receiving),
            "receiving  30 %  12.0 MiB of 40.0 MiB  1.1 MiB/s  23s left"
        );
        assert_eq!(progress(&asking), "asking");
    }
}
