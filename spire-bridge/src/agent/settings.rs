use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::str::FromStr;

use spiffe::TrustDomain;

/// Workloads are told apart by their program's path. Its hash is not taken: it costs a router seconds at
/// every connection, and on a read-only root the path says as much.
const WORKLOAD_ATTESTOR: &str = "discover_workload_path = true\n        workload_size_limit = -1";

/// Where a SPIRE server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// A name or an address; the server proves itself by its SPIFFE ID, not by this.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
}

/// The text is not `HOST:PORT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a server is HOST:PORT, for instance spire.example:8081 or [fd00::1]:8081")]
pub struct BadServerAddress;

impl FromStr for ServerAddress {
    type Err = BadServerAddress;

    fn from_str(text: &str) -> Result<Self, BadServerAddress> {
        let (host, port) = text.rsplit_once(':').ok_or(BadServerAddress)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(BadServerAddress)?;
        let bare = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let colons_need_brackets = bare.is_none() && host.contains(':');
        let clean = host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:_".contains(c));
        if host.is_empty() || colons_need_brackets || !clean {
            return Err(BadServerAddress);
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Everything this node decides about its agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The program.
    pub binary: PathBuf,
    /// Where the agent keeps its own key, SVID and bundle.
    pub data_dir: PathBuf,
    /// The Workload API's socket.
    pub socket: PathBuf,
    /// The trust domain to be attested in.
    pub trust_domain: TrustDomain,
    /// The server to be attested by.
    pub server: ServerAddress,
    /// A one-time secret put there at provisioning.
    pub join_token: PathBuf,
    /// The authorities to believe at the first contact, PEM.
    pub trust_bundle: PathBuf,
}

/// What provisioning left for the agent, as found when it is about to start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The join token's file is there. It is gone once it has been used.
    pub join_token: bool,
    /// The trust bundle's file is there.
    pub trust_bundle: bool,
}

impl Settings {
    /// Writes the agent's configuration (HCL, SPIRE 1.15 `doc/spire_agent.md`).
    ///
    /// The join token is named by its file, so that it shows in no argument vector and no log. Only
    /// files that exist are named: the agent refuses to start over one that does not.
    pub fn render(&self, found: Credentials) -> String {
        let mut hcl = String::from("agent {\n");
        let mut set = |key: &str, value: String| {
            // A String takes any text; writing to it cannot fail.
            let _ = writeln!(hcl, "    {key} = {value}");
        };
        set("data_dir", quoted(&self.data_dir.display()));
        set("log_level", quoted(&"INFO"));
        set("log_format", quoted(&"json"));
        set("server_address", quoted(&self.server.host));
        set("server_port", self.server.port.to_string());
        set("socket_path", quoted(&self.socket.display()));
        set("trust_domain", quoted(&self.trust_domain.as_str()));
        if found.trust_bundle {
            set("trust_bundle_path", quoted(&self.trust_bundle.display()));
        }
        if found.join_token {
            set("join_token_file", quoted(&self.join_token.display()));
        }
        hcl.push_str("}\n\nplugins {\n");
        for (kind, name, data) in [
            ("KeyManager", "disk", format!("directory = {}", quoted(&self.data_dir.display()))),
            ("NodeAttestor", "join_token", String::new()),
            ("WorkloadAttestor", "unix", WORKLOAD_ATTESTOR.to_owned()),
        ] {
            let _ =
                writeln!(hcl, "    {kind} \"{name}\" {{\n        plugin_data {{ {data} }}\n    }}");
        }
        hcl.push_str("}\n");
        hcl
    }
}

/// Writes an HCL string, with what would end or expand it escaped.
fn quoted(text: &dyn fmt::Display) -> String {
    let escaped = text.to_string().replace('\\', "\\\\").replace('"', "\\\"").replace("${", "$${");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            binary: "/usr/bin/spire-agent".into(),
            data_dir: "/data/spire/agent".into(),
            socket: "/run/spire/sockets/agent.sock".into(),
            trust_domain: TrustDomain::new("x0tta6bl4.mesh").unwrap(),
            server: "spire.example:8081".parse().unwrap(),
            join_token: "/data/spire/join_token".into(),
            trust_bundle: "/data/spire/bundle.pem".into(),
        }
    }

    #[test]
    fn rendered_configuration_names_only_what_exists() {
        let spent = settings().render(Credentials { join_token: false, trust_bundle: true });
        let fresh = settings().render(Credentials { join_token: true, trust_bundle: true });

        assert!(!spent.contains("join_token_file"), "{spent}");
        assert!(fresh.contains("join_token_file = \"/data/spire/join_token\""), "{fresh}");
        assert!(fresh.contains("trust_bundle_path = \"/data/spire/bundle.pem\""), "{fresh}");
    }

    #[test]
    fn rendered_strings_cannot_break_out() {
        let mut settings = settings();
        settings.data_dir = "/data/\"\n}\\${x}".into();

        let hcl = settings.render(Credentials::default());

        assert!(hcl.contains("data_dir = \"/data/\\\"\n}\\\\$${x}\""), "{hcl}");
    }

    #[test]
    fn server_addresses_survive_a_round_trip() {
        for text in ["spire.example:8081", "10.0.2.2:443", "[fd00::1]:8081"] {
            assert_eq!(text.parse::<ServerAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_bad_server_address_is_refused() {
        for text in
            ["", "spire", "spire:", ":8081", "spire:0", "spire:99999", "fd00::1:1", "a\"b:1"]
        {
            assert_eq!(text.parse::<ServerAddress>(), Err(BadServerAddress), "{text}");
        }
    }
}
