//! Where log lines go: standard error, which init puts on the console.

use spire_bridge::agent::{Level, LogLine};
use tracing::level_filters::LevelFilter;

use crate::config::{Log, LogFormat, LogLevel};

/// Starts to write log lines. Only the first call has an effect.
pub fn start(log: &Log) {
    let level = match log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let lines = tracing_subscriber::fmt().with_max_level(level);
    let lines = lines.with_target(false).with_writer(std::io::stderr);
    // Uptime, because a router's wall clock may be in 1970 for a while.
    let started = match log.format {
        LogFormat::Text => lines.with_ansi(false).with_timer(SinceBoot).try_init(),
        LogFormat::Json => lines.json().with_timer(SinceBoot).try_init(),
    };
    if started.is_err() {
        tracing::debug!("log lines were already being written");
    }
}

struct SinceBoot;

impl tracing_subscriber::fmt::time::FormatTime for SinceBoot {
    fn format_time(&self, w: &mut tracing_subscriber::fmt::format::Writer<'_>) -> std::fmt::Result {
        write!(w, "{}", super::clock::uptime())
    }
}

/// Passes a line of the agent's log on.
pub fn pass_on(line: &LogLine) {
    let LogLine { message, subsystem, error, .. } = line;
    let subsystem = subsystem.as_deref();
    let error = error.as_deref();
    match line.level {
        Level::Error => tracing::error!(subsystem, error, "spire-agent: {message}"),
        Level::Warn => tracing::warn!(subsystem, error, "spire-agent: {message}"),
        Level::Info => tracing::info!(subsystem, error, "spire-agent: {message}"),
        Level::Debug => tracing::debug!(subsystem, error, "spire-agent: {message}"),
    }
}

/// Writes an error with what is behind it.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
