//! Power cuts, tried out: a disk that remembers every write and flush, what lies on it at every cut, and what a machine
//! makes of that.
//!
//! A [`Disk`] over anything that can be read records what is done to its [`Part`]s. [`Recording::cuts`] names the
//! cuts: after any write, with all that was not flushed lost, with the last write torn at a sector or inside one, with
//! a flash page erased around it, with an arbitrary choice of unflushed sectors on the medium. [`Recording::at`] is the
//! disk at a cut. [`life`] puts a machine through everything that is ever written to slots, [`sweep`] boots every
//! cut with the chooser's model and our own state machine.

mod cut;
mod dice;
mod disk;
pub mod life;
pub mod machine;
pub mod sweep;

pub use cut::{Cut, Kind, Recording};
pub use dice::Dice;
pub use disk::{Disk, Event, Image, Part};
pub use machine::{Broken, Machine, Places};

#[cfg(test)]
mod tests;
