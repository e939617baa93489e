//! What the commands end with, besides success: sysexits.h's numbers, and the shells' for an interruption.

use batman::Error;

/// This goes with something else.
pub(crate) const USAGE: u8 = 64;
/// What was given is refused.
pub(crate) const DATAERR: u8 = 65;
/// A file is not there.
pub(crate) const NOINPUT: u8 = 66;
/// There is no host of this name.
pub(crate) const NOHOST: u8 = 68;
/// What is asked for is not there, or was not done.
pub(crate) const UNAVAILABLE: u8 = 69;
/// A medium fails.
pub(crate) const IOERR: u8 = 74;
/// It may go another time.
pub(crate) const TEMPFAIL: u8 = 75;
/// It is not permitted.
pub(crate) const NOPERM: u8 = 77;
/// The configuration is faulty, or in the way.
pub(crate) const CONFIG: u8 = 78;
/// What a shell says of a program that was interrupted.
pub(crate) const INTERRUPTED: u8 = 130;

/// Returns what a command ends with that the kernel did not grant.
pub(crate) fn of(error: &Error) -> u8 {
    match error {
        Error::Permission { .. } => NOPERM,
        _ => UNAVAILABLE,
    }
}
