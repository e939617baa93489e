use std::io;
use std::path::PathBuf;

/// What went wrong between the node and its identity, by whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image lacks the agent, or the configuration names the wrong file.
    #[error("no spire-agent at {path}: install it there or set identity.agent_binary")]
    AgentMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The kernel would not start the agent.
    #[error("cannot start {path}")]
    AgentStart {
        /// The program.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A file that the agent lives on could not be read or written.
    #[error("cannot {act} {path}")]
    File {
        /// What was tried, as a verb.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The agent handed out an identity that cannot be used.
    #[error("the agent's SVID cannot be used: {reason}")]
    BadSvid {
        /// What is wrong with it.
        reason: String,
    },
    /// The TLS library refused the settings made here: a fault of this program.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
}
