//! Publishing: what the next state of a repository is, as values; `io::repository` reads and writes them.
//!
//! ```text
//!  key holders:  draft -> sign -> sign ... -> a root that [`standing`] finds complete
//!  publisher:    Release + Wanted + Keyring --next--> files, in the order they have to appear
//! ```

mod fault;
mod key;
mod next;
mod root;

pub use fault::Fault;
pub use key::{Algorithm, Keyring, SigningKey};
pub use next::{File, Next, Older, Release, Stored, Update, Wanted, days, next};
pub use root::{Keys, RoleKeySets, Standing, draft, sign, standing, successor};
