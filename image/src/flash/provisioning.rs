//! The provisioning file: what makes a freshly flashed router a certain one. All faults are told at once.

use std::fmt;
use std::net::Ipv4Addr;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::keep::{self, Keep};
use crate::provision::{HostName, JoinToken, Provision, Uplink};

const KEYS: [&str; 7] = [
    "name",
    "config",
    "join_token",
    "join_token_file",
    "trust_bundle_file",
    "update_root_file",
    "uplink",
];
const UPLINK_KEYS: [&str; 3] = ["address", "gateway", "name_server"];

/// SPIRE's own tokens have 36 characters; the server takes any, and nobody has one longer than this.
const LONGEST_TOKEN: usize = 256;

/// What one router is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provisioning {
    /// Its name, configuration, enrolment, root of trust and uplink.
    pub provision: Provision,
    /// The files that it was read from beside the provisioning file and that hold a secret.
    pub secret_files: Vec<String>,
    /// Whether the provisioning file itself holds a secret.
    pub holds_secret: bool,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Fault {
    /// The file that the provisioning file names; none for that file itself.
    pub file: Option<String>,
    /// The line, counted from 1.
    pub line: usize,
    /// The column, in characters, counted from 1.
    pub column: usize,
    /// What is wrong, and what was expected. Never what a secret is.
    pub message: String,
}

/// Reads a file that the provisioning file names, or says why it cannot be read.
pub type Reader<'a> = dyn FnMut(&str) -> Result<String, String> + 'a;

struct Reading<'a, 'r> {
    text: &'a str,
    root: &'a DeTable<'a>,
    files: &'r mut Reader<'r>,
    faults: Vec<Fault>,
    secret_files: Vec<String>,
}

impl Provisioning {
    /// Reads a provisioning file and the files that it names.
    ///
    /// # Errors
    /// Every fault that is in them, in the order of the file.
    pub fn parse<'r>(text: &str, files: &'r mut Reader<'r>) -> Result<Self, Vec<Fault>> {
        let (root, syntax) = DeTable::parse_recoverable(text);
        if !syntax.is_empty() {
            return Err(not_toml(None, text, &syntax));
        }
        let root = root.get_ref();
        let mut reading =
            Reading { text, root, files, faults: Vec::new(), secret_files: Vec::new() };
        reading.refuse_unknown(root, &KEYS);
        let host_name = reading.host_name();
        let config = reading.config();
        let join_token = reading.join_token();
        let trust_bundle = reading.trust_bundle(join_token.is_some());
        let update_root = reading.update_root();
        let uplink = reading.uplink();
        let Reading { mut faults, secret_files, .. } = reading;
        match (host_name, config, uplink) {
            (Some(host_name), Some(config), Some(uplink)) if faults.is_empty() => Ok(Self {
                provision: Provision {
                    host_name,
                    config,
                    join_token,
                    trust_bundle,
                    update_root,
                    uplink,
                },
                secret_files,
                holds_secret: root.contains_key("join_token"),
            }),
            _ => {
                faults.sort_by_key(|it| (it.line, it.column));
                Err(faults)
            }
        }
    }

    /// The files that the router keeps from its first boot on.
    ///
    /// # Errors
    /// [`keep::Unfit`] when they are too large.
    pub fn keep(&self) -> Result<Keep, keep::Unfit> {
        self.provision.keep()
    }
}

impl Reading<'_, '_> {
    fn host_name(&mut self) -> Option<HostName> {
        let Some((name, span)) = self.string("name") else {
            self.missing("name", "\"router-1\"");
            return None;
        };
        let named = HostName::new(&name);
        if let Err(error) = &named {
            self.add(&span, format!("name: {error}"));
        }
        named.ok()
    }

    /// One line is a file's path, several are the configuration itself.
    fn config(&mut self) -> Option<String> {
        let Some((value, span)) = self.string("config") else {
            self.missing("config", "\"router-1.toml\", a file");
            return None;
        };
        if value.contains('\n') {
            let (_, errors) = DeTable::parse_recoverable(&value);
            for fault in not_toml(None, &value, &errors) {
                let (line, column) = (fault.line, fault.column);
                self.add(&span, format!("config: its line {line}:{column}: {}", fault.message));
            }
            return Some(value);
        }
        let text = self.file("config", &value, &span)?;
        let (_, errors) = DeTable::parse_recoverable(&text);
        self.faults.extend(not_toml(Some(&value), &text, &errors));
        Some(text)
    }

    fn join_token(&mut self) -> Option<JoinToken> {
        let said = self.string("join_token");
        let in_file = self.string("join_token_file");
        let (token, span) = match (said, in_file) {
            (Some(_), Some((_, span))) => {
                self.add(&span, "join_token_file: there is a join_token already".to_owned());
                return None;
            }
            (Some(said), None) => said,
            (None, Some((path, span))) => {
                self.secret_files.push(path.clone());
                (self.file("join_token_file", &path, &span)?.trim_end().to_owned(), span)
            }
            (None, None) => return None,
        };
        let is_token = (1..=LONGEST_TOKEN).contains(&token.len())
            && token.bytes().all(|it| it.is_ascii_graphic());
        if !is_token {
            self.add(&span, "join_token: expected one word as the server printed it".to_owned());
        }
        Some(JoinToken(token))
    }

    fn trust_bundle(&mut self, has_token: bool) -> Option<String> {
        let Some((path, span)) = self.string("trust_bundle_file") else {
            if has_token && !self.root.contains_key("trust_bundle_file") {
                let key = if self.root.contains_key("join_token") {
                    "join_token"
                } else {
                    "join_token_file"
                };
                let message = "trust_bundle_file: missing; a router shows its token to nobody whom it cannot verify";
                self.add(&self.span(key), message.to_owned());
            }
            return None;
        };
        let bundle = self.file("trust_bundle_file", &path, &span)?;
        if !bundle.contains("-----BEGIN CERTIFICATE-----") {
            let message = format!("trust_bundle_file: {path} holds no certificate in PEM");
            self.add(&span, message);
        } else if bundle.contains("PRIVATE KEY-----") {
            let message =
                format!("trust_bundle_file: {path} holds a private key, which no router needs");
            self.add(&span, message);
        }
        Some(bundle)
    }

    fn update_root(&mut self) -> Option<String> {
        let (path, span) = self.string("update_root_file")?;
        let root = self.file("update_root_file", &path, &span)?;
        if serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&root).is_err() {
            self.add(&span, format!("update_root_file: {path} is no JSON object"));
        }
        Some(root)
    }

    fn uplink(&mut self) -> Option<Uplink> {
        let root = self.root;
        let Some(value) = root.get("uplink") else { return Some(Uplink::Dhcp) };
        match value.get_ref() {
            DeValue::String(word) if word == "dhcp" => Some(Uplink::Dhcp),
            DeValue::Table(table) => self.fixed_uplink(table, &value.span()),
            _ => {
                let message = "uplink: expected \"dhcp\" or { address = \"192.0.2.7/24\", gateway = \"192.0.2.1\", name_server = \"192.0.2.1\" }";
                self.add(&value.span(), message.to_owned());
                None
            }
        }
    }

    fn fixed_uplink(&mut self, table: &DeTable<'_>, span: &Range<usize>) -> Option<Uplink> {
        self.refuse_unknown(table, &UPLINK_KEYS);
        let [address, gateway, name_server] = UPLINK_KEYS.map(|key| {
            let value = table.get(key);
            if value.is_none() {
                self.add(span, format!("uplink.{key}: missing"));
            }
            value
        });
        let network = address.and_then(|it| self.network(it));
        let gateway_place = gateway.map(Spanned::span);
        let gateway = gateway.and_then(|it| self.address("gateway", it));
        let name_server = name_server.and_then(|it| self.address("name_server", it));
        let ((address, prefix), gateway, name_server) = (network?, gateway?, name_server?);
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
        if (address.to_bits() ^ gateway.to_bits()) & mask != 0 {
            let message =
                format!("uplink.gateway: {gateway} is not in the network of {address}/{prefix}");
            self.add(&gateway_place.unwrap_or_default(), message);
        }
        Some(Uplink::Static { address, prefix, gateway, name_server })
    }

    fn network(&mut self, value: &Spanned<DeValue<'_>>) -> Option<(Ipv4Addr, u8)> {
        let read = value.get_ref().as_str().and_then(|text| {
            let (address, prefix) = text.split_once('/')?;
            let prefix = prefix.parse().ok().filter(|it| (1..=31).contains(it))?;
            Some((address.parse().ok()?, prefix))
        });
        if read.is_none() {
            let message =
                "uplink.address: expected an IPv4 address and its network's bits, \"192.0.2.7/24\"";
            self.add(&value.span(), message.to_owned());
        }
        read
    }

    fn address(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Ipv4Addr> {
        let read = value.get_ref().as_str().and_then(|it| it.parse().ok());
        if read.is_none() {
            self.add(&value.span(), format!("uplink.{key}: expected an IPv4 address"));
        }
        read
    }

    fn string(&mut self, key: &str) -> Option<(String, Range<usize>)> {
        let value = self.root.get(key)?;
        let read = value.get_ref().as_str().map(|it| (it.to_owned(), value.span()));
        if read.is_none() {
            let found = value.get_ref().type_str();
            self.add(
                &value.span(),
                format!("{key}: expected a string, found a value of type {found}"),
            );
        }
        read
    }

    fn file(&mut self, key: &str, path: &str, span: &Range<usize>) -> Option<String> {
        let read = (self.files)(path);
        if let Err(reason) = &read {
            self.add(span, format!("{key}: {path} cannot be read: {reason}"));
        }
        read.ok()
    }

    fn refuse_unknown(&mut self, table: &DeTable<'_>, known: &[&str]) {
        for key in table.keys().filter(|it| !known.contains(&it.get_ref().as_ref())) {
            let message = format!("no such key, {}; there are {}", key.get_ref(), known.join(", "));
            self.add(&key.span(), message);
        }
    }

    fn missing(&mut self, key: &str, example: &str) {
        if !self.root.contains_key(key) {
            self.add(&(0..0), format!("{key}: missing; for instance {key} = {example}"));
        }
    }

    fn span(&self, key: &str) -> Range<usize> {
        self.root.get(key).map(Spanned::span).unwrap_or_default()
    }

    fn add(&mut self, span: &Range<usize>, message: String) {
        self.faults.push(locate(None, self.text, span.start, message));
    }
}

fn not_toml(file: Option<&str>, text: &str, errors: &[toml::de::Error]) -> Vec<Fault> {
    let fault = |error: &toml::de::Error| {
        let start = error.span().unwrap_or_default().start;
        locate(file, text, start, format!("this is not TOML: {}", error.message()))
    };
    errors.iter().map(fault).collect()
}

fn locate(file: Option<&str>, text: &str, start: usize, message: String) -> Fault {
    let before = text.get(..start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    let file = file.map(str::to_owned);
    Fault { file, line: before.matches('\n').count() + 1, column, message }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

#[cfg(test)]
mod tests;
