//! What is held against arbitrary bytes, one function per target.

pub mod batadv;
pub mod medium;
pub mod metadata;
