//! What the drivers say of their links' speeds, out of sysfs.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::Kernel;
use crate::{IfName, LinkRate, RoutingAlgorithm, Seen, Throughput, Wanted};

/// Links are stacked a few deep; this ends what is deeper.
const DEPTH: usize = 8;

const DEVICES: &str = "/sys/class/net";

/// Reads what is known of the wanted hard interfaces' speeds, and measures none; B.A.T.M.A.N. IV
/// needs none.
pub(super) fn rates(wanted: &Wanted, seen: &Seen) -> BTreeMap<IfName, LinkRate> {
    if wanted.algorithm() != RoutingAlgorithm::BatmanV {
        return BTreeMap::new();
    }
    let there = wanted.hard_interfaces().iter().filter(|name| seen.link(name).is_some());
    there.map(|name| (name.clone(), rate(&Path::new(DEVICES).join(name.as_str())))).collect()
}

impl Kernel {
    /// Tells whether a link is wireless, or one below it is; anybody may ask.
    pub fn is_wireless(&self, link: &IfName) -> bool {
        is_wireless(&Path::new(DEVICES).join(link.as_str()), DEPTH)
    }
}

fn rate(device: &Path) -> LinkRate {
    LinkRate {
        wireless: is_wireless(device, DEPTH),
        own: speed(device),
        lower: lower_speed(device, DEPTH),
        measured: None,
    }
}

fn is_wireless(device: &Path, depth: usize) -> bool {
    device.join("phy80211").exists()
        || depth > 0 && below(device).iter().any(|lower| is_wireless(lower, depth - 1))
}

/// The slowest of what the links below say: packets have to go through one of them.
fn lower_speed(device: &Path, depth: usize) -> Option<Throughput> {
    let depth = depth.checked_sub(1)?;
    let speed = |lower: &PathBuf| speed(lower).or_else(|| lower_speed(lower, depth));
    below(device).iter().filter_map(speed).min()
}

/// The links directly below: `lower_eth0` leads to eth0.
fn below(device: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(device).into_iter().flatten().flatten();
    let lower = entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"lower_"));
    lower.map(|entry| entry.path()).collect()
}

/// What the driver says, in Mbit/s: nothing, -1 or an error where it does not know.
fn speed(device: &Path) -> Option<Throughput> {
    let text = fs::read_to_string(device.join("speed")).ok()?;
    let mbit = text.trim().parse::<u64>().ok().filter(|mbit| *mbit > 0)?;
    // SPEED_UNKNOWN is -1, which some drivers hand on without its sign.
    (mbit < u64::from(u32::MAX)).then(|| Throughput::from_kbit(mbit.saturating_mul(1000)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Devices in a directory of their own, as sysfs has them.
    struct Devices(PathBuf);

    impl Devices {
        fn new(test: &str) -> Self {
            let place = std::env::temp_dir().join(format!("batman-{test}-{}", std::process::id()));
            fs::create_dir_all(&place).unwrap();
            Self(place)
        }

        fn device(&self, name: &str, speed: &str, lower: &[&str]) -> PathBuf {
            let device = self.0.join(name);
            fs::create_dir_all(&device).unwrap();
            fs::write(device.join("speed"), speed).unwrap();
            for lower in lower {
                symlink(self.0.join(lower), device.join(format!("lower_{lower}"))).unwrap();
            }
            device
        }
    }

    impl Drop for Devices {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn mbit(rate: u64) -> Option<Throughput> {
        Some(Throughput::from_kbit(rate * 1000))
    }

    #[test]
    fn speed_is_looked_for_below_a_device_that_has_none() {
        let devices = Devices::new("below");
        devices.device("eth0", "1000\n", &[]);
        devices.device("eth0.7", "-1\n", &["eth0"]);
        let macsec = devices.device("macsec0", "", &["eth0.7"]);

        let found = rate(&macsec);

        assert_eq!((found.own, found.lower, found.wireless), (None, mbit(1000), false));
        assert_eq!(rate(&devices.0.join("eth0")).own, mbit(1000));
    }

    #[test]
    fn slowest_link_below_counts() {
        let devices = Devices::new("slowest");
        devices.device("eth0", "1000\n", &[]);
        devices.device("eth1", "100\n", &[]);
        devices.device("virtio", "4294967295\n", &[]);

        let bridge = devices.device("br0", "-1\n", &["eth0", "eth1", "virtio"]);

        assert_eq!(rate(&bridge).lower, mbit(100));
    }

    #[test]
    fn radio_below_is_found_and_a_circle_ends() {
        let devices = Devices::new("radio");
        fs::create_dir_all(devices.device("wlan0", "", &[]).join("phy80211")).unwrap();
        let macsec = devices.device("macsec0", "", &["wlan0"]);
        let circle = devices.device("circle", "", &["circle"]);

        assert!(rate(&macsec).wireless && !rate(&circle).wireless);
        assert_eq!(rate(&circle).lower, None);
    }
}
