//! What is said, and with which exit status, when something did not come about.

use std::process::ExitCode;

use image::flash::{Failure, Refusal};
use image::io::flash::Unable;
use serde_json::json;

use crate::say;

/// sysexits.h: the input is faulty, input or output failed, not permitted; and the shell's word for an interrupt.
const EX_DATAERR: u8 = 65;
const EX_IOERR: u8 = 74;
const EX_NOPERM: u8 = 77;
const INTERRUPTED: u8 = 130;

pub(crate) fn tell(unable: &Unable, json: bool) -> ExitCode {
    let message = with_causes(unable);
    if json {
        let details = match unable {
            Unable::Refused(refusals) => refusals.iter().map(refusal).collect(),
            Unable::Provisioning { faults, .. } => json!(faults),
            _ => json!([]),
        };
        say(&json!({ "event": "failed", "message": message, "details": details }));
    } else {
        words(unable, &message);
    }
    ExitCode::from(status(unable))
}

/// Says why there is no image.
pub(crate) fn tell_packing(error: &image::Error) -> ExitCode {
    eprintln!("mesh-image: {}", with_causes(error));
    ExitCode::from(EX_DATAERR)
}

fn words(unable: &Unable, message: &str) {
    match unable {
        Unable::Refused(refusals) => {
            for refusal in refusals {
                eprintln!("refused: {refusal}: {}", refusal.remedy());
            }
        }
        Unable::Provisioning { path, faults } => {
            for fault in faults {
                let named = fault.file.as_ref().map(|it| path.with_file_name(it));
                eprintln!("{}:{fault}", named.as_ref().unwrap_or(path).display());
            }
        }
        // What happened, and then what it means for the disk.
        Unable::HalfWay { failure, .. } | Unable::Untouched(failure) => {
            eprintln!("mesh-image: {}\n{unable}", with_causes(failure));
        }
        _ => eprintln!("mesh-image: {message}"),
    }
}

fn status(unable: &Unable) -> u8 {
    match unable {
        Unable::Untouched(Failure::Interrupted)
        | Unable::HalfWay { failure: Failure::Interrupted, .. } => INTERRUPTED,
        Unable::Refused(_) => EX_NOPERM,
        Unable::Untouched(_)
        | Unable::HalfWay { .. }
        | Unable::Machine { .. }
        | Unable::Target { .. } => EX_IOERR,
        _ => EX_DATAERR,
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}

/// A refusal in JSON, with its words.
pub(crate) fn refusal(refusal: &Refusal) -> serde_json::Value {
    let mut told = serde_json::to_value(refusal).unwrap_or_default();
    if let Some(fields) = told.as_object_mut() {
        fields.insert("message".to_owned(), refusal.to_string().into());
        fields.insert("remedy".to_owned(), refusal.remedy().into());
    }
    told
}
