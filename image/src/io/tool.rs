//! The host's packing tools, run one at a time.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use crate::Error;

/// How much of a failed tool's complaint an error carries, from its end.
const COMPLAINT: usize = 2000;

/// Prepares a tool, found in the system administrator's directories too, and speaking English.
pub(super) fn command(tool: &str) -> Command {
    let mut path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
    path.push(":/usr/sbin:/sbin");
    let mut command = Command::new(tool);
    command.env("PATH", path).env("LC_ALL", "C").stdin(Stdio::null());
    command
}

/// Runs a tool and gives what it wrote to standard output.
pub(super) fn run(command: &mut Command) -> Result<Vec<u8>, Error> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let output = match command.output() {
        Ok(output) => output,
        Err(source) => return Err(Error::ToolMissing { tool, source }),
    };
    if output.status.success() {
        return Ok(output.stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let start = stderr.len().saturating_sub(COMPLAINT);
    let start = stderr.ceil_char_boundary(start);
    let stderr = stderr.get(start..).unwrap_or_default().trim().to_owned();
    Err(Error::ToolFailed { tool, status: output.status, stderr })
}
