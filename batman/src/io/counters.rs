//! The counters of a mesh device.

use std::io;

use super::{ATTEMPTS, Kernel, ethtool};
use crate::{Counters, Errno, Error, IfName, Request, Result};

impl Kernel {
    /// Reads what a mesh device has counted; anybody may.
    ///
    /// # Errors
    /// As [`Kernel::mesh_device`].
    pub async fn counters(&mut self, mesh: &IfName) -> Result<Counters> {
        for _ in 0..ATTEMPTS {
            let link = self.mesh_link(mesh, Request::Counters).await?;
            match ethtool::statistics(self.generic.socket(), &link.name) {
                Ok(named) => return Ok(named.into_iter().collect()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(failed(source, mesh)),
            }
        }
        Err(Error::Unsteady { request: Request::Counters(mesh.clone()), attempts: ATTEMPTS })
    }
}

fn failed(source: io::Error, mesh: &IfName) -> Error {
    let request = Request::Counters(mesh.clone());
    match source.raw_os_error() {
        Some(number) => Error::Refused { request, errno: Errno(number), reason: None },
        None => Error::Socket { request, source },
    }
}
