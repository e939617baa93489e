//! Carries out: the agent's process, its log, its Workload API, the server's port, TLS on sockets.
#![expect(clippy::disallowed_methods, reason = "this is where the crate acts on the world")]

mod agent;
mod agent_log;
pub mod mtls;
mod server;
mod workload;

pub use agent::Agent;
pub use server::answers;
pub use workload::follow;
