//! What a command has to say, as text or as JSON.

use std::io::{self, Write as _};
use std::process::ExitCode;

use serde_json::{Value, json};

/// The outcome of a command.
pub(crate) struct Report {
    lines: Vec<String>,
    value: Value,
    failed: bool,
}

impl Report {
    /// Reports a success.
    pub(crate) const fn new(lines: Vec<String>, value: Value) -> Self {
        Self { lines, value, failed: false }
    }

    /// Reports that what was looked at is not as it should be.
    pub(crate) const fn failed(lines: Vec<String>, value: Value) -> Self {
        Self { lines, value, failed: true }
    }

    /// Writes it to the standard output; whoever has read enough may close that.
    pub(crate) fn print(&self, json: bool) -> ExitCode {
        let text = if json { self.value.to_string() } else { self.lines.join("\n") };
        match writeln!(io::stdout().lock(), "{text}") {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
            _ if self.failed => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        }
    }
}

/// Writes why a command failed to the standard error.
pub(crate) fn print_error(error: &anyhow::Error, json: bool) {
    if json {
        eprintln!("{}", json!({ "error": format!("{error:#}") }));
    } else {
        eprintln!("meshctl: {error:#}");
    }
}
