//! What the commands take of the configuration. The rest of it may be faulty or of another firmware: a look at the mesh is how
//! one finds out.

use std::path::PathBuf;

use batman::IfName;
use mesh_node::io::places;
use serde::Deserialize;

/// The mesh interface, and where the node answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Configured {
    pub(super) mesh: IfName,
    pub(super) socket: PathBuf,
}

#[derive(Default, Deserialize)]
struct Document {
    #[serde(default)]
    mesh: Mesh,
    #[serde(default)]
    api: Api,
}

#[derive(Default, Deserialize)]
struct Mesh {
    interface: Option<String>,
}

#[derive(Default, Deserialize)]
struct Api {
    socket: Option<PathBuf>,
}

/// Reads the configuration: the usual values where there is none or it says nothing of them. The sentence says why it
/// could not be read.
pub(super) fn configured() -> (Configured, Option<String>) {
    let Ok(text) = std::fs::read_to_string(places::CONFIG) else { return (usual(), None) };
    match read(&text) {
        Ok(configured) => (configured, None),
        Err(why) => {
            let usual = usual();
            let told = format!("{}: {why}; taking {} for the mesh", places::CONFIG, usual.mesh);
            (usual, Some(told))
        }
    }
}

fn usual() -> Configured {
    let mesh = "bat0".parse().expect("bat0 is a link's name");
    Configured { mesh, socket: places::API_SOCKET.into() }
}

fn read(text: &str) -> Result<Configured, String> {
    let Document { mesh, api } =
        toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let usual = usual();
    let mesh = mesh.interface.map_or(Ok(usual.mesh), |name| {
        name.parse().map_err(|error| format!("mesh.interface: {error}"))
    });
    Ok(Configured { mesh: mesh?, socket: api.socket.unwrap_or(usual.socket) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mesh_and_socket_are_read_whatever_else_is_wrong() {
        let text =
            "[mesh]\ninterface = \"bat1\"\nhop_penaltie = 9\n[api]\nsocket = \"/run/x\"\n[y]\n";

        let configured = read(text).unwrap();

        assert_eq!(configured.mesh, "bat1".parse().unwrap());
        assert_eq!(configured.socket, PathBuf::from("/run/x"));
        assert_eq!(read(""), Ok(usual()));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        assert!(read("[mesh").is_err());
        assert!(read("[mesh]\ninterface = \"a b\"\n").unwrap_err().starts_with("mesh.interface: "));
    }
}
