//! Tells on standard error how it goes.

use std::fmt::Display;
use std::thread;

/// Prints a line, after the name of the thread where several scenarios are played at once.
pub fn tell(line: impl Display) {
    match thread::current().name() {
        None | Some("main") => eprintln!("{line}"),
        Some(name) => eprintln!("{name}: {line}"),
    }
}
