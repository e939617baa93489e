//! The subcommands that are more than a few lines.

mod configured;
pub(crate) mod exit;
pub(crate) mod image;
mod measure;
pub(crate) mod mesh;
mod planning;
pub(crate) mod streaming;
mod viewing;
