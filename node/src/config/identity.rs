use spire_bridge::agent::Settings;

use super::Outline;
use super::fault::Faults;
use super::key::{Key, Preset};
use super::section::Section;

/// `[identity]`: where this node's identity comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// How the agent is run, and who attests it.
    pub agent: Settings,
}

static TRUST_DOMAIN: Key = Key {
    name: "trust_domain",
    doc: "The SPIFFE trust domain of the mesh.",
    preset: Preset::Default("\"x0tta6bl4.mesh\""),
};
static SERVER: Key = Key {
    name: "server",
    doc: "The SPIRE server, HOST:PORT. It proves itself by its SPIFFE ID, not by this name.",
    preset: Preset::Required { example: "\"spire.example:8081\"" },
};
static AGENT_BINARY: Key = Key {
    name: "agent_binary",
    doc: "Upstream's spire-agent.",
    preset: Preset::Default("\"/usr/bin/spire-agent\""),
};
static DATA_DIR: Key = Key {
    name: "data_dir",
    doc: "Where the agent keeps its own key, SVID and bundle across reboots.",
    preset: Preset::Default("\"/data/spire/agent\""),
};
static SOCKET: Key = Key {
    name: "socket",
    doc: "The socket of the SPIFFE Workload API.",
    preset: Preset::Default("\"/run/spire/sockets/agent.sock\""),
};
static JOIN_TOKEN: Key = Key {
    name: "join_token",
    doc: "A file with the join token of the first attestation. It is removed once it has been used.",
    preset: Preset::Default("\"/data/spire/join_token\""),
};
static TRUST_BUNDLE: Key = Key {
    name: "trust_bundle",
    doc: "A PEM file with the authorities to believe at the first contact with the server.",
    preset: Preset::Default("\"/data/spire/bundle.pem\""),
};

impl Identity {
    pub(super) const OUTLINE: Outline = Outline {
        name: "identity",
        about: "Where this node's identity comes from.",
        keys: &[
            &TRUST_DOMAIN,
            &SERVER,
            &AGENT_BINARY,
            &DATA_DIR,
            &SOCKET,
            &JOIN_TOKEN,
            &TRUST_BUNDLE,
        ],
    };

    pub(super) fn read(section: &Section<'_>, faults: &mut Faults) -> Option<Self> {
        section.refuse_unknown_keys(faults);
        let trust_domain = section.value(&TRUST_DOMAIN, faults);
        let server = section.value(&SERVER, faults);
        let agent_binary = section.value(&AGENT_BINARY, faults);
        let data_dir = section.value(&DATA_DIR, faults);
        let socket = section.value(&SOCKET, faults);
        let join_token = section.value(&JOIN_TOKEN, faults);
        let trust_bundle = section.value(&TRUST_BUNDLE, faults);
        let agent = Settings {
            binary: agent_binary?,
            data_dir: data_dir?,
            socket: socket?,
            trust_domain: trust_domain?,
            server: server?,
            join_token: join_token?,
            trust_bundle: trust_bundle?,
        };
        Some(Self { agent })
    }
}
