//! Reads what signed metadata says of updates, and of the moment it was signed at.

use spire_bridge::identity::WallTime;
use tough::schema::{Signed, Target as Entry, Targets, Timestamp};

use super::custom::Sha256;
use super::{Custom, Target};

/// The field in which our publisher says when it signed, in seconds since 1970.
pub(super) const ISSUED: &str = "issued";

/// Lists the targets that are updates; what is none, or has no plain name, is somebody else's.
pub fn updates(targets: &Signed<Targets>, consistent: bool) -> Vec<Target> {
    let read = |name: &str, entry: &Entry| {
        let sha256 = Sha256(entry.hashes.sha256[..].try_into().ok()?);
        let file = if consistent { format!("{sha256}.{name}") } else { name.to_owned() };
        is_plain(name).then_some(Target {
            name: name.to_owned(),
            file,
            length: entry.length,
            sha256,
            custom: Custom::from_fields(&entry.custom).ok()?,
        })
    };
    let targets = &targets.signed.targets;
    targets.iter().filter_map(|(name, entry)| read(name.raw(), entry)).collect()
}

/// Returns when the timestamp was signed, as it says.
///
/// It raises the floor that metadata expires by, and its key is the one most exposed: a thief, or a publisher's fast
/// clock, cannot drive that past what the other keys have signed (with `meshctl`'s days up to 90 ahead), beyond which
/// nothing could be accepted any more. It sets no clock that is past the router's own floor.
pub fn issued(timestamp: &Signed<Timestamp>, expires: WallTime) -> Option<WallTime> {
    let seconds = timestamp.signed._extra.get(ISSUED)?.as_u64()?;
    Some(WallTime::from_unix(seconds)).filter(|issued| *issued < expires)
}

/// Returns whether a name is safe as a file's and needs no escapes in an address.
pub fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain)
}
