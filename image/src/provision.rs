//! What makes one machine different from the next: the files on its data partition.

use std::fmt;
use std::net::Ipv4Addr;

use crate::Error;
use crate::keep::{self, Keep};

/// What one machine is given when its disk is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provision {
    /// The machine's name.
    pub host_name: HostName,
    /// The node's configuration file, as TOML.
    pub config: String,
    /// The token that attests the machine once; none for a machine that is enrolled later.
    pub join_token: Option<JoinToken>,
    /// The SPIRE server's trust bundle, as PEM; none for a machine that is enrolled later.
    pub trust_bundle: Option<String>,
    /// The root of trust of its updates, where it is not the image's own.
    pub update_root: Option<String>,
    /// How `eth0` gets its address.
    pub uplink: Uplink,
}

/// A host name: one DNS label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

/// A join token, which no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken(pub String);

/// How the uplink gets its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uplink {
    /// From a DHCP server, without holding the boot up.
    Dhcp,
    /// Fixed.
    Static {
        /// Its address.
        address: Ipv4Addr,
        /// Bits of the address that are the network's.
        prefix: u8,
        /// Where packets for other networks go.
        gateway: Ipv4Addr,
        /// Who answers DNS queries.
        name_server: Ipv4Addr,
    },
}

/// A directory or file on the data partition, by its path there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path, relative to the partition's root.
    pub path: &'static str,
    /// Its permission bits.
    pub mode: u32,
    /// What it is.
    pub content: EntryContent,
}

/// What an [`Entry`] is.
#[derive(Clone, PartialEq, Eq)]
pub enum EntryContent {
    /// A directory.
    Directory,
    /// A file with these bytes, which no log shows.
    File(Vec<u8>),
}

impl Provision {
    /// Lists what the data partition holds, every directory before what is in it.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = vec![
            file("hostname", 0o644, &format!("{}\n", self.host_name.0)),
            directory("mesh-node", 0o755),
            file("mesh-node/config.toml", 0o644, &self.config),
        ];
        if let Some(root) = &self.update_root {
            entries.push(file("mesh-node/update-root.json", 0o644, root));
        }
        entries.extend([directory("spire", 0o700), directory("spire/agent", 0o700)]);
        if let Some(JoinToken(token)) = &self.join_token {
            entries.push(file("spire/join_token", 0o600, &format!("{token}\n")));
        }
        if let Some(bundle) = &self.trust_bundle {
            entries.push(file("spire/bundle.pem", 0o644, bundle));
        }
        if let Uplink::Static { address, prefix, gateway, name_server } = self.uplink {
            let line = format!("{address}/{prefix} {gateway} {name_server}\n");
            entries.push(file("uplink", 0o644, &line));
        }
        entries
    }
}

impl Provision {
    /// Keeps the files for the first boot, which puts them on the data partition.
    ///
    /// # Errors
    /// [`keep::Unfit`] when they are too large, also for what the router does with them later.
    pub fn keep(&self) -> Result<Keep, keep::Unfit> {
        let mut keep = Keep::default();
        for entry in self.entries() {
            if let EntryContent::File(bytes) = entry.content {
                keep.put(entry.path, keep::File { mode: entry.mode, bytes })?;
            }
        }
        keep.check_provisioned()?;
        Ok(keep)
    }
}

impl HostName {
    /// Takes a host name that is one DNS label.
    ///
    /// # Errors
    /// [`Error::HostName`] for anything else.
    pub fn new(name: &str) -> Result<Self, Error> {
        let inner = |it: u8| it.is_ascii_alphanumeric() || it == b'-';
        let fits = (1..=63).contains(&name.len())
            && name.bytes().all(inner)
            && !name.starts_with('-')
            && !name.ends_with('-');
        if fits {
            Ok(Self(name.to_owned()))
        } else {
            Err(Error::HostName { name: name.to_owned() })
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinToken(..)")
    }
}

impl fmt::Debug for EntryContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory => f.write_str("Directory"),
            Self::File(bytes) => write!(f, "File({} bytes)", bytes.len()),
        }
    }
}

fn directory(path: &'static str, mode: u32) -> Entry {
    Entry { path, mode, content: EntryContent::Directory }
}

fn file(path: &'static str, mode: u32, text: &str) -> Entry {
    Entry { path, mode, content: EntryContent::File(text.as_bytes().to_vec()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enrolled() -> Provision {
        Provision {
            host_name: HostName::new("router-1").unwrap(),
            config: "[mesh]\n".to_owned(),
            join_token: Some(JoinToken("2c1f".to_owned())),
            trust_bundle: Some("PEM\n".to_owned()),
            update_root: Some("{}".to_owned()),
            uplink: Uplink::Static {
                address: Ipv4Addr::new(10, 0, 2, 15),
                prefix: 24,
                gateway: Ipv4Addr::new(10, 0, 2, 2),
                name_server: Ipv4Addr::new(10, 0, 2, 3),
            },
        }
    }

    fn check(provision: &Provision, expected: &[(&str, u32, Option<&str>)]) {
        let entries = provision.entries();

        let told: Vec<_> = entries
            .iter()
            .map(|it| match &it.content {
                EntryContent::Directory => (it.path, it.mode, None),
                EntryContent::File(bytes) => (it.path, it.mode, str::from_utf8(bytes).ok()),
            })
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn an_enrolled_machine_has_its_identity_where_only_root_reads_it() {
        check(
            &enrolled(),
            &[
                ("hostname", 0o644, Some("router-1\n")),
                ("mesh-node", 0o755, None),
                ("mesh-node/config.toml", 0o644, Some("[mesh]\n")),
                ("mesh-node/update-root.json", 0o644, Some("{}")),
                ("spire", 0o700, None),
                ("spire/agent", 0o700, None),
                ("spire/join_token", 0o600, Some("2c1f\n")),
                ("spire/bundle.pem", 0o644, Some("PEM\n")),
                ("uplink", 0o644, Some("10.0.2.15/24 10.0.2.2 10.0.2.3\n")),
            ],
        );
    }

    #[test]
    fn a_machine_without_identity_has_no_token_and_no_bundle() {
        let bare = Provision {
            join_token: None,
            trust_bundle: None,
            update_root: None,
            uplink: Uplink::Dhcp,
            ..enrolled()
        };

        check(
            &bare,
            &[
                ("hostname", 0o644, Some("router-1\n")),
                ("mesh-node", 0o755, None),
                ("mesh-node/config.toml", 0o644, Some("[mesh]\n")),
                ("spire", 0o700, None),
                ("spire/agent", 0o700, None),
            ],
        );
    }

    #[test]
    fn directories_come_before_what_is_in_them() {
        let mut seen = vec![""];

        for entry in enrolled().entries() {
            let parent = entry.path.rsplit_once('/').map_or("", |(parent, _)| parent);
            assert!(seen.contains(&parent), "{}", entry.path);
            seen.push(entry.path);
        }
    }

    #[test]
    fn no_log_shows_the_token() {
        let shown = format!("{:?} {:?}", enrolled(), enrolled().entries());

        assert!(!shown.contains("2c1f"), "{shown}");
    }

    #[test]
    fn host_names_are_one_dns_label() {
        for name in ["a", "router-1", "R2"] {
            assert!(HostName::new(name).is_ok(), "{name}");
        }
        for name in ["", "-a", "a-", "a.b", "a b", "a\n", &"x".repeat(64)] {
            assert!(HostName::new(name).is_err(), "{name}");
        }
    }
}
