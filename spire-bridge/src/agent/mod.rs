//! How upstream's `spire-agent` is configured, started, watched and stopped.

mod log;
mod settings;
mod supervisor;

pub use log::{Level, LogLine};
pub use settings::{Credentials, ServerAddress, Settings};
pub use supervisor::{Command, Exit, Origin, Phase, Supervisor};
