use std::time::Duration;

use serde_json::Value;

/// How serious the agent finds a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// `panic`, `fatal`, `error`.
    Error,
    /// `warning`.
    Warn,
    /// `info`, and lines that are not the agent's own JSON.
    Info,
    /// `debug`, `trace`.
    Debug,
}

/// One line of the agent's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How serious.
    pub level: Level,
    /// What happened.
    pub message: String,
    /// The subsystem that says so.
    pub subsystem: Option<String>,
    /// The error behind it.
    pub error: Option<String>,
    /// When the agent says that it waits before it tries again: for how long.
    pub retry_in: Option<Duration>,
}

impl LogLine {
    /// Reads one line. Anything that is not the agent's JSON (a Go panic, a start-up error) is kept as it is.
    pub fn parse(line: &str) -> Self {
        let Ok(Value::Object(fields)) = serde_json::from_str(line) else {
            return Self::plain(line);
        };
        let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
        Self {
            level: text("level").map_or(Level::Info, |word| level(&word)),
            message: text("msg").unwrap_or_else(|| line.to_owned()),
            subsystem: text("subsystem_name"),
            error: text("error"),
            retry_in: fields.get("retry_interval").and_then(duration),
        }
    }

    fn plain(line: &str) -> Self {
        let message = line.to_owned();
        Self { level: Level::Info, message, subsystem: None, error: None, retry_in: None }
    }

    /// Returns the wait before the next attempt to attest, if that is what the line is about.
    pub fn attestation_delayed(&self) -> Option<Duration> {
        self.retry_in.filter(|_| self.message.starts_with("Failed to retrieve attestation result"))
    }
}

fn level(word: &str) -> Level {
    match word {
        "panic" | "fatal" | "error" => Level::Error,
        "warning" | "warn" => Level::Warn,
        "debug" | "trace" => Level::Debug,
        _ => Level::Info,
    }
}

/// Reads a Go `time.Duration`, which logrus writes as nanoseconds.
fn duration(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_delayed_attestation_says_for_how_long() {
        let line = LogLine::parse(
            r#"{"error":"connection refused","level":"warning","msg":"Failed to retrieve attestation result","retry_interval":5303242151,"time":"2026-11-22T10:00:00Z"}"#,
        );

        assert_eq!(line.level, Level::Warn);
        assert_eq!(line.error.as_deref(), Some("connection refused"));
        assert_eq!(line.attestation_delayed(), Some(Duration::from_nanos(5_303_242_151)));
    }

    #[test]
    fn a_line_that_is_not_json_is_kept_as_it_is() {
        let line = LogLine::parse("panic: runtime error");

        assert_eq!(line.message, "panic: runtime error");
        assert_eq!(line.attestation_delayed(), None);
    }

    proptest! {
        #[test]
        fn any_line_is_read(text in ".*") {
            LogLine::parse(&text);
        }
    }
}
