//! Whether the cryptography of this binary does on this machine what the standards say: known answers, and a
//! handshake with itself.

mod handshake;
mod known_answers;

use std::fmt;

use serde::Serialize;

/// How one check came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// What was checked.
    pub check: &'static str,
    /// Whether it gave what the standard says.
    pub passed: bool,
    /// What was seen: the standard's test that passed, or how the answer differs.
    pub detail: String,
}

/// One check: its name, and what does it.
type Check = (&'static str, fn() -> Result<String, String>);

const CHECKS: [Check; 6] = [
    ("SHA-256", known_answers::sha256),
    ("AES-256-GCM", known_answers::aes_gcm),
    ("ChaCha20-Poly1305", known_answers::chacha20_poly1305),
    ("Ed25519", known_answers::ed25519),
    ("ECDSA P-256", known_answers::ecdsa_p256),
    ("TLS 1.3 handshake", handshake::with_itself),
];

/// Goes through all checks.
pub fn run() -> Vec<Outcome> {
    CHECKS.into_iter().map(|(check, run)| outcome(check, run())).collect()
}

fn outcome(check: &'static str, result: Result<String, String>) -> Outcome {
    let passed = result.is_ok();
    Outcome { check, passed, detail: result.unwrap_or_else(|fault| fault) }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.passed { "ok" } else { "FAILED" };
        write!(f, "{:18} {word}: {}", self.check, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_passes_here() {
        let outcomes = run();

        let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.passed).collect();
        assert_eq!(failed, Vec::<&Outcome>::new());
        assert_eq!(outcomes.len(), CHECKS.len());
    }

    #[test]
    fn a_failure_says_what_was_seen() {
        let failed = outcome("SHA-256", Err("00 instead of ba".to_owned()));

        assert_eq!(failed.to_string(), "SHA-256            FAILED: 00 instead of ba");
    }
}
