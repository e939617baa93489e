use std::time::Duration;

use batman::codec::{BatadvAttr, BatadvCmd, BatadvMessage};
use batman::{
    Backbone, CachedAddress, Claim, ClientFlags, Gateway, GlobalClient, HardInterface, Incomplete,
    LinkQuality, LocalClient, MulticastFlags, NeighbourLink, Originator, Row, Throughput, VlanId,
};

use super::names::Names;

/// A row of a table as the kernel told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told<R> {
    /// What it means.
    pub row: R,
    /// Its attributes.
    pub attributes: Vec<BatadvAttr>,
}

impl<R: Row> TryFrom<&BatadvMessage> for Told<R> {
    type Error = Incomplete;

    fn try_from(message: &BatadvMessage) -> Result<Self, Incomplete> {
        Ok(Self { row: R::try_from(message)?, attributes: message.attributes.clone() })
    }
}

impl<R: Row> Row for Told<R> {
    const COMMAND: BatadvCmd = R::COMMAND;
    const CHANGES_ARE_TOLD: bool = R::CHANGES_ARE_TOLD;
}

/// A row that can be laid out in columns; with names of 15 letters and addresses they fit 80.
pub trait Columns<const N: usize> {
    /// What stands above them.
    const HEADINGS: [&'static str; N];

    /// Writes the row, with names instead of addresses where they are known.
    fn cells(&self, names: &Names) -> [String; N];
}

impl Columns<4> for NeighbourLink {
    const HEADINGS: [&'static str; 4] = ["NEIGHBOUR", "INTERFACE", "QUALITY", "SEEN"];

    fn cells(&self, names: &Names) -> [String; 4] {
        [
            names.show(self.neighbour.address),
            self.neighbour.interface.to_string(),
            self.quality.map_or_else(|| "-".to_owned(), quality),
            ago(self.neighbour.last_seen),
        ]
    }
}

impl Columns<6> for Originator {
    const HEADINGS: [&'static str; 6] =
        ["", "ORIGINATOR", "QUALITY", "NEXT HOP", "INTERFACE", "SEEN"];

    fn cells(&self, names: &Names) -> [String; 6] {
        [
            mark(self.best),
            names.show(self.address),
            quality(self.quality),
            names.show(self.neighbour),
            self.interface.to_string(),
            ago(self.last_seen),
        ]
    }
}

impl Columns<6> for Gateway {
    const HEADINGS: [&'static str; 6] =
        ["", "GATEWAY", "QUALITY", "NEXT HOP", "INTERFACE", "MBIT DOWN/UP"];

    fn cells(&self, names: &Names) -> [String; 6] {
        [
            mark(self.best),
            names.show(self.address),
            quality(self.quality),
            names.show(self.router),
            self.interface.to_string(),
            format!("{}/{}", mbit(self.download), mbit(self.upload)),
        ]
    }
}

impl Columns<6> for HardInterface {
    const HEADINGS: [&'static str; 6] =
        ["INTERFACE", "ADDRESS", "STATE", "HOP PENALTY", "ELP", "OVERRIDE"];

    fn cells(&self, names: &Names) -> [String; 6] {
        let settings = &self.settings;
        let dash = || "-".to_owned();
        let override_ = settings.throughput_override.filter(|it| it.kbit() != 0);
        [
            self.name.to_string(),
            names.show(self.address),
            if self.active { "active" } else { "inactive" }.to_owned(),
            settings.hop_penalty.map_or_else(dash, |it| it.to_string()),
            settings.elp_interval.map_or_else(dash, |it| format!("{} ms", it.as_millis())),
            override_.map_or_else(dash, |it| it.to_string()),
        ]
    }
}

impl Columns<4> for LocalClient {
    const HEADINGS: [&'static str; 4] = ["CLIENT", "VLAN", "SEEN", "FLAGS"];

    fn cells(&self, names: &Names) -> [String; 4] {
        [
            names.show(self.address),
            tag(self.vlan),
            self.last_seen.map_or_else(|| "-".to_owned(), ago),
            words(self.flags),
        ]
    }
}

impl Columns<6> for GlobalClient {
    const HEADINGS: [&'static str; 6] = ["", "CLIENT", "VLAN", "ORIGINATOR", "VERSION", "FLAGS"];

    fn cells(&self, names: &Names) -> [String; 6] {
        [
            mark(self.best),
            names.show(self.address),
            tag(self.vlan),
            names.show(self.originator),
            format!("{} of {}", self.version, self.last_version),
            words(self.flags),
        ]
    }
}

impl Columns<5> for Claim {
    const HEADINGS: [&'static str; 5] = ["CLIENT", "VLAN", "BACKBONE", "OWN", "CHECKSUM"];

    fn cells(&self, names: &Names) -> [String; 5] {
        [
            names.show(self.client),
            tag(self.vlan),
            names.show(self.backbone),
            own(self.own),
            format!("{:#06x}", self.checksum),
        ]
    }
}

impl Columns<5> for Backbone {
    const HEADINGS: [&'static str; 5] = ["BACKBONE", "VLAN", "OWN", "CHECKSUM", "SEEN"];

    fn cells(&self, names: &Names) -> [String; 5] {
        [
            names.show(self.address),
            tag(self.vlan),
            own(self.own),
            format!("{:#06x}", self.checksum),
            ago(self.last_seen),
        ]
    }
}

impl Columns<4> for CachedAddress {
    const HEADINGS: [&'static str; 4] = ["IPV4 ADDRESS", "HARDWARE ADDRESS", "VLAN", "SEEN"];

    fn cells(&self, names: &Names) -> [String; 4] {
        [self.ip.to_string(), names.show(self.address), tag(self.vlan), ago(self.last_seen)]
    }
}

impl Columns<2> for MulticastFlags {
    const HEADINGS: [&'static str; 2] = ["ORIGINATOR", "ASKS FOR"];

    fn cells(&self, names: &Names) -> [String; 2] {
        let asked = self.flags.map_or_else(
            || "does not say".to_owned(),
            |flags| match format!("{flags:?}").trim_matches(['{', '}']) {
                "" => "nothing special".to_owned(),
                words => words.replace('"', ""),
            },
        );
        [names.show(self.originator), asked]
    }
}

fn mark(best: bool) -> String {
    if best { "*" } else { "" }.to_owned()
}

fn own(own: bool) -> String {
    if own { "yes" } else { "no" }.to_owned()
}

fn tag(vlan: Option<VlanId>) -> String {
    vlan.map_or_else(|| "-".to_owned(), |vlan| vlan.number().to_string())
}

fn words(flags: ClientFlags) -> String {
    format!("{flags:?}").trim_matches(['{', '}']).replace('"', "")
}

fn ago(last_seen: Duration) -> String {
    format!("{:.3}s", last_seen.as_secs_f64())
}

pub(super) fn quality(quality: LinkQuality) -> String {
    quality.to_string()
}

fn mbit(rate: Throughput) -> String {
    format!("{}.{}", rate.kbit() / 1000, rate.kbit() % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use batman::codec::TtFlags;
    use batman::{IfIndex, MacAddr};

    use super::*;
    use crate::mesh::columns::layout;

    const NEAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);
    const FAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

    fn gateway() -> Gateway {
        Gateway {
            address: FAR,
            router: NEAR,
            interface: "abcdefghijklmno".parse().unwrap(),
            interface_index: IfIndex(2),
            quality: LinkQuality::Throughput(Throughput::from_kbit(1_234_500)),
            download: Throughput::from_kbit(100_000),
            upload: Throughput::from_kbit(20_000),
            best: true,
        }
    }

    fn check(rows: &str, expected: &str) {
        assert!(rows.lines().all(|line| line.chars().count() <= 80), "{rows}");
        assert_eq!(rows, expected);
    }

    #[test]
    fn gateways_fit_eighty_columns_with_the_longest_names() {
        let mut names = Names::default();
        names.learn(NEAR, "roof");

        check(
            &layout(Gateway::HEADINGS, &[gateway().cells(&names)]),
            "   GATEWAY            QUALITY        NEXT HOP  INTERFACE        MBIT DOWN/UP\n\
             *  02:00:00:00:00:09  1234.5 Mbit/s  roof      abcdefghijklmno  100.0/20.0\n",
        );
    }

    #[test]
    fn originators_fit_eighty_columns_with_the_longest_names() {
        let originator = Originator {
            address: FAR,
            neighbour: NEAR,
            interface: "abcdefghijklmno".parse().unwrap(),
            interface_index: IfIndex(2),
            quality: LinkQuality::Tq(251),
            last_seen: Duration::from_millis(199_040),
            best: false,
        };

        check(
            &layout(Originator::HEADINGS, &[originator.cells(&Names::default())]),
            "  ORIGINATOR         QUALITY  NEXT HOP           INTERFACE        SEEN\n\
             \x20 02:00:00:00:00:09  251/255  02:00:00:00:00:02  abcdefghijklmno  199.040s\n",
        );
    }

    #[test]
    fn client_that_stays_was_never_seen_and_its_flags_are_words() {
        let client = LocalClient {
            address: NEAR,
            vlan: Some(VlanId::new(10).unwrap()),
            flags: TtFlags::WIFI | TtFlags::PERMANENT,
            checksum: 1,
            last_seen: None,
        };

        check(
            &layout(LocalClient::HEADINGS, &[client.cells(&Names::default())]),
            "CLIENT             VLAN  SEEN  FLAGS\n02:00:00:00:00:02  10    -     wifi, permanent\n",
        );
    }

    #[test]
    fn node_that_says_nothing_of_multicast_is_not_one_that_asks_for_nothing() {
        let row = |flags| MulticastFlags { originator: NEAR, flags };
        let asked = |flags| row(flags).cells(&Names::default())[1].clone();

        assert_eq!(asked(None), "does not say");
        assert_eq!(asked(Some(batman::codec::McastFlags::default())), "nothing special");
        assert_eq!(asked(Some(batman::codec::McastFlags::WANT_ALL_IPV4)), "all IPv4");
    }

    #[test]
    fn row_keeps_its_attributes() {
        let message = BatadvMessage::new(
            BatadvCmd::GetMcastFlags,
            vec![BatadvAttr::OrigAddress(NEAR), BatadvAttr::Tq(7)],
        );

        let told = Told::<MulticastFlags>::try_from(&message).unwrap();

        assert_eq!((told.row.originator, told.attributes), (NEAR, message.attributes));
    }
}
