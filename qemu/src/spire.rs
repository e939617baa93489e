//! The lab's SPIRE server as values: its configuration, its entries, its answers.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

/// A trust domain and how the lab's server serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustDomain {
    /// Name of the trust domain.
    pub name: String,
    /// Life of a node's SVID.
    pub svid_ttl: Duration,
    /// Life of an agent's own SVID.
    pub agent_ttl: Duration,
    /// Program that gets the node's SVID.
    pub workload: PathBuf,
}

impl TrustDomain {
    /// Describes a trust domain with lives of one hour, for `/usr/bin/mesh-node` run by root.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            svid_ttl: Duration::from_secs(3600),
            agent_ttl: Duration::from_secs(3600),
            workload: "/usr/bin/mesh-node".into(),
        }
    }

    /// Changes the life of a node's SVID.
    #[must_use]
    pub fn svid_ttl(mut self, ttl: Duration) -> Self {
        self.svid_ttl = ttl;
        self
    }

    /// Renders the entry that lets a node's workload have its SVID, as the server's tool reads it.
    pub fn entry(&self, node: &str, token: &JoinToken) -> String {
        let Self { name, workload, svid_ttl, .. } = self;
        json!({"entries": [{
            "parent_id": format!("spiffe://{name}/spire/agent/join_token/{}", token.secret()),
            "spiffe_id": format!("spiffe://{name}/node/{node}"),
            "x509_svid_ttl": svid_ttl.as_secs(),
            "selectors": [
                {"type": "unix", "value": "uid:0"},
                {"type": "unix", "value": format!("path:{}", workload.display())},
            ],
        }]})
        .to_string()
    }
}

/// Where one server keeps its things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Port on the host's loopback.
    pub port: u16,
    /// Directory of keys, database, configuration and log.
    pub directory: PathBuf,
    /// Socket of the server's own API.
    pub socket: PathBuf,
}

impl Seat {
    /// Returns the path of the configuration.
    pub fn config(&self) -> PathBuf {
        self.directory.join("server.conf")
    }

    /// Returns the path of the log.
    pub fn log(&self) -> PathBuf {
        self.directory.join("server.log")
    }
}

/// Renders the server's configuration.
///
/// Keys are kept on disk: a server that is stopped and started again is the same authority.
pub fn server_config(domain: &TrustDomain, seat: &Seat) -> String {
    let directory = &seat.directory;
    format!(
        r#"server {{
    bind_address = "127.0.0.1"
    bind_port = "{port}"
    socket_path = {socket}
    trust_domain = {name}
    data_dir = {data}
    log_level = "DEBUG"
    ca_ttl = "24h"
    agent_ttl = "{agent_ttl}s"
    default_x509_svid_ttl = "{svid_ttl}s"
}}

plugins {{
    DataStore "sql" {{
        plugin_data {{
            database_type = "sqlite3"
            connection_string = {database}
        }}
    }}
    KeyManager "disk" {{
        plugin_data {{
            keys_path = {keys}
        }}
    }}
    NodeAttestor "join_token" {{
        plugin_data {{}}
    }}
}}
"#,
        port = seat.port,
        socket = quoted(&seat.socket),
        name = json!(domain.name),
        data = quoted(directory),
        agent_ttl = domain.agent_ttl.as_secs(),
        svid_ttl = domain.svid_ttl.as_secs(),
        database = quoted(&directory.join("datastore.sqlite3")),
        keys = quoted(&directory.join("keys.json")),
    )
}

/// Quotes a path as an HCL string, which takes JSON's escapes.
fn quoted(path: &Path) -> String {
    json!(path.display().to_string()).to_string()
}

/// A secret that lets one agent attest once. It prints as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken(String);

impl JoinToken {
    /// Finds the token in what `spire-server token generate` printed.
    pub fn parse(printed: &str) -> Option<Self> {
        let token = printed.lines().find_map(|line| line.strip_prefix("Token: "))?.trim();
        let known = token.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        (known && !token.is_empty()).then(|| Self(token.into()))
    }

    /// Returns the secret itself, to be written where the agent reads it and nowhere else.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JoinToken(...)")
    }
}

/// What a node needs to join a trust domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// Trust domain that the node joins.
    pub trust_domain: String,
    /// Port of the server on the host's loopback.
    pub port: u16,
    /// Secret for the node's first attestation.
    pub join_token: JoinToken,
    /// Certificates by which the agent knows the server.
    pub bundle_pem: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "Token: 0bd1f3c6-0000-4000-8000-1234567890ab\n\n";

    #[test]
    fn a_token_is_found_and_never_printed() {
        let token = JoinToken::parse(PRINTED).unwrap();

        assert_eq!(token.secret(), "0bd1f3c6-0000-4000-8000-1234567890ab");
        assert_eq!(format!("{token:?}"), "JoinToken(...)");
        for refused in ["", "Error: no", "Token: ", "Token: a/../b"] {
            assert_eq!(JoinToken::parse(refused), None, "{refused}");
        }
    }

    #[test]
    fn an_entry_ties_the_node_to_its_agent_its_user_and_its_program() {
        let domain = TrustDomain::new("lab.mesh").svid_ttl(Duration::from_secs(90));
        let token = JoinToken::parse(PRINTED).unwrap();

        let entry: serde_json::Value =
            serde_json::from_str(&domain.entry("alpha", &token)).unwrap();

        let agent = format!("spiffe://lab.mesh/spire/agent/join_token/{}", token.secret());
        assert_eq!(
            entry["entries"][0],
            json!({
                "parent_id": agent,
                "spiffe_id": "spiffe://lab.mesh/node/alpha",
                "x509_svid_ttl": 90,
                "selectors": [
                    {"type": "unix", "value": "uid:0"},
                    {"type": "unix", "value": "path:/usr/bin/mesh-node"},
                ],
            })
        );
    }

    #[test]
    fn the_server_listens_on_loopback_only_and_quotes_its_paths() {
        let seat = Seat { port: 8081, directory: "/a \"b\"".into(), socket: "/s/api".into() };

        let config = server_config(&TrustDomain::new("lab.mesh"), &seat);

        assert!(config.contains("bind_address = \"127.0.0.1\""));
        assert!(config.contains("bind_port = \"8081\""));
        assert!(config.contains(r#"keys_path = "/a \"b\"/keys.json""#));
    }
}
