//! Attacks on a repository that was really published: its files are edited, exchanged or served old, and each is refused
//! by its name.
#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails; repositories are folders, served from sockets"
)]

mod attacks;
#[expect(unreachable_pub, reason = "another crate, the fuzzer, calls these")]
#[path = "../../../fuzz/src/metadata.rs"]
mod checks;
mod command_line;
mod depot;
#[path = "../http/mod.rs"]
mod http;
mod keys;
mod publishing;
mod seeds;
mod threats;
mod transfer;
