//! What is held against arbitrary bytes, one function per target.

pub mod medium;
pub mod metadata;
