//! QEMU's control protocol: requests to type, and the replies among its events.

use serde_json::{Value, json};

/// Requests that the lab makes of a running QEMU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Leaves the greeting behind; QEMU takes nothing else first.
    Negotiate,
    /// Asks whether the guest runs.
    QueryStatus,
    /// Plugs a card's cable in or pulls it out.
    SetLink {
        /// Name of the card's device.
        card: String,
        /// Whether the cable is in.
        up: bool,
    },
    /// Presses the reset button.
    Reset,
    /// Holds the processor.
    Stop,
    /// Lets the processor go on.
    Continue,
    /// Asks what has been done with each disk.
    QueryBlockStats,
    /// Writes the machine's state, without its disks, to a command.
    Migrate {
        /// The command, as QEMU names it.
        uri: String,
    },
    /// Asks how the writing goes.
    QueryMigrate,
    /// Ends QEMU at once.
    Quit,
}

impl Request {
    /// Renders the request as its line.
    pub fn line(&self) -> String {
        let value = match self {
            Self::Negotiate => json!({"execute": "qmp_capabilities"}),
            Self::QueryStatus => json!({"execute": "query-status"}),
            Self::SetLink { card, up } => {
                json!({"execute": "set_link", "arguments": {"name": card, "up": up}})
            }
            Self::Reset => json!({"execute": "system_reset"}),
            Self::Stop => json!({"execute": "stop"}),
            Self::Continue => json!({"execute": "cont"}),
            Self::QueryBlockStats => json!({"execute": "query-blockstats"}),
            Self::Migrate { uri } => json!({"execute": "migrate", "arguments": {"uri": uri}}),
            Self::QueryMigrate => json!({"execute": "query-migrate"}),
            Self::Quit => json!({"execute": "quit"}),
        };
        format!("{value}\n")
    }
}

/// What one line from QEMU means.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// The answer to the request.
    Return(Value),
    /// The request was refused, for this reason.
    Error(String),
    /// The greeting, an event, or something that this side does not know.
    Other,
}

/// Reads one line from QEMU.
pub fn read(line: &str) -> Line {
    let Ok(mut value) = serde_json::from_str::<Value>(line) else { return Line::Other };
    if let Some(answer) = value.get_mut("return") {
        return Line::Return(answer.take());
    }
    match value.pointer("/error/desc").and_then(Value::as_str) {
        Some(reason) => Line::Error(reason.into()),
        None => Line::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_refusals_are_told_from_events() {
        let cases = [
            (r#"{"return": {"running": true}}"#, Line::Return(json!({"running": true}))),
            (
                r#"{"error": {"class": "DeviceNotFound", "desc": "Device 'x' not found"}}"#,
                Line::Error("Device 'x' not found".into()),
            ),
            (r#"{"QMP": {"version": {}, "capabilities": []}}"#, Line::Other),
            (r#"{"timestamp": {}, "event": "RESET"}"#, Line::Other),
            ("no json", Line::Other),
        ];

        for (line, expected) in cases {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn a_request_is_one_line() {
        let request = Request::SetLink { card: "card-eth1".into(), up: false };

        assert_eq!(
            request.line(),
            "{\"arguments\":{\"name\":\"card-eth1\",\"up\":false},\"execute\":\"set_link\"}\n"
        );
    }
}
