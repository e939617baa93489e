//! Every setting of a mesh device, of its hard interfaces and of its VLANs: one list, from which
//! are made what is wanted, what is seen, what is sent to the kernel, and what is written about it.

mod about;
mod settings;
#[cfg(test)]
mod tests;
mod typed;
mod value;

pub use about::{About, Scope};
pub use settings::{InterfaceSettings, Knob, MeshSettings, Setting, VlanSettings};
pub use value::{GatewayMode, Kind, LogLevel, Mask, Value};
