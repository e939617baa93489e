use std::time::Duration;

use batman::codec::{BatadvAttr, BatadvCmd, BatadvMessage, McastFlags};
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

/// A row that can be laid out in columns; they fit 80, whatever the names.
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
            names.cell(self.neighbour.address),
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
            names.cell(self.address),
            quality(self.quality),
            names.cell(self.neighbour),
            self.interface.to_string(),
            ago(self.last_seen),
        ]
    }
}

impl Columns<6> for Gateway {
    const HEADINGS: [&'static str; 6] =
        ["", "GATEWAY", "QUALITY", "NEXT HOP", "INTERFACE", "DOWN/UP"];

    fn cells(&self, names: &Names) -> [String; 6] {
        [
            mark(self.best),
            names.cell(self.address),
            quality(self.quality),
            names.cell(self.router),
            self.interface.to_string(),
            format!("{}/{}", short(self.download), short(self.upload)),
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
            names.cell(self.address),
            if self.active { "active" } else { "inactive" }.to_owned(),
            settings.hop_penalty.map_or_else(dash, |it| it.to_string()),
            settings.elp_interval.map_or_else(dash, |it| format!("{} ms", it.as_millis())),
            override_.map_or_else(dash, short),
        ]
    }
}

impl Columns<4> for LocalClient {
    const HEADINGS: [&'static str; 4] = ["CLIENT", "VLAN", "SEEN", "FLAGS"];

    fn cells(&self, names: &Names) -> [String; 4] {
        [
            names.cell(self.address),
            tag(self.vlan),
            self.last_seen.map_or_else(|| "-".to_owned(), ago),
            letters(self.flags),
        ]
    }
}

impl Columns<6> for GlobalClient {
    const HEADINGS: [&'static str; 6] = ["", "CLIENT", "VLAN", "ORIGINATOR", "VERSION", "FLAGS"];

    fn cells(&self, names: &Names) -> [String; 6] {
        [
            mark(self.best),
            names.cell(self.address),
            tag(self.vlan),
            names.cell(self.originator),
            format!("{} of {}", self.version, self.last_version),
            letters(self.flags),
        ]
    }
}

impl Columns<5> for Claim {
    const HEADINGS: [&'static str; 5] = ["CLIENT", "VLAN", "BACKBONE", "OWN", "CHECKSUM"];

    fn cells(&self, names: &Names) -> [String; 5] {
        [
            names.cell(self.client),
            tag(self.vlan),
            names.cell(self.backbone),
            own(self.own),
            format!("{:#06x}", self.checksum),
        ]
    }
}

impl Columns<5> for Backbone {
    const HEADINGS: [&'static str; 5] = ["BACKBONE", "VLAN", "OWN", "CHECKSUM", "SEEN"];

    fn cells(&self, names: &Names) -> [String; 5] {
        [
            names.cell(self.address),
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
        [self.ip.to_string(), names.cell(self.address), tag(self.vlan), ago(self.last_seen)]
    }
}

impl Columns<2> for MulticastFlags {
    const HEADINGS: [&'static str; 2] = ["ORIGINATOR", "ASKS FOR"];

    fn cells(&self, names: &Names) -> [String; 2] {
        let asked = self.flags.map_or_else(|| "does not say".to_owned(), asked);
        [names.cell(self.originator), asked]
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

/// One letter for each flag: some tables would not fit otherwise.
const LETTERS: [(ClientFlags, char); 8] = [
    (ClientFlags::PERMANENT, 'P'),
    (ClientFlags::NEW, 'N'),
    (ClientFlags::PENDING, 'X'),
    (ClientFlags::WIFI, 'W'),
    (ClientFlags::ISOLATED, 'I'),
    (ClientFlags::TEMPORARY, 'T'),
    (ClientFlags::ROAMED, 'R'),
    (ClientFlags::DELETED, 'D'),
];

fn letters(flags: ClientFlags) -> String {
    let set = LETTERS.iter().filter(|(flag, _)| flags.contains(*flag));
    set.map(|(_, letter)| letter).collect()
}

/// What a node asks for, in words that fit all together.
const ASKED: [(McastFlags, &str); 6] = [
    (McastFlags::WANT_ALL_UNSNOOPABLES, "unsnoopable"),
    (McastFlags::WANT_ALL_IPV4, "IPv4"),
    (McastFlags::WANT_ALL_IPV6, "IPv6"),
    (McastFlags::WANT_NO_RTR4, "no IPv4 router"),
    (McastFlags::WANT_NO_RTR6, "no IPv6 router"),
    (McastFlags::HAVE_MC_PTYPE_CAPA, "packets"),
];

fn asked(flags: McastFlags) -> String {
    let set = ASKED.iter().filter(|(flag, _)| flags.contains(*flag));
    let words: Vec<_> = set.map(|(_, word)| *word).collect();
    if words.is_empty() { "nothing special".to_owned() } else { words.join(",") }
}

fn ago(last_seen: Duration) -> String {
    format!("{:.3}s", last_seen.as_secs_f64())
}

/// A quality in at most seven letters.
pub(super) fn quality(quality: LinkQuality) -> String {
    match quality {
        LinkQuality::Tq(_) => quality.to_string(),
        LinkQuality::Throughput(rate) => short(rate),
    }
}

/// A rate in Mbit/s (M) or Gbit/s (G).
fn short(rate: Throughput) -> String {
    let kbit = rate.kbit();
    let (unit, letter) = if kbit < 1_000_000 { (1_000, 'M') } else { (1_000_000, 'G') };
    format!("{}.{}{letter}", kbit / unit, kbit % unit * 10 / unit)
}

#[cfg(test)]
mod tests {
    use batman::codec::TtFlags;
    use batman::{IfIndex, MacAddr};
    use unicode_width::UnicodeWidthStr as _;

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
            download: Throughput::from_kbit(999_900),
            upload: Throughput::from_kbit(999_900),
            best: true,
        }
    }

    fn check(rows: &str, expected: &str) {
        assert!(rows.lines().all(|line| line.chars().count() <= 80), "{rows}");
        assert_eq!(rows, expected);
    }

    #[test]
    fn every_table_fits_eighty_columns_at_its_widest() {
        let mut names = Names::default();
        names.learn(NEAR, &"roof".repeat(9));
        names.learn(FAR, &"屋上".repeat(9));
        let longest: batman::IfName = "abcdefghijklmno".parse().unwrap();
        let originator = Originator {
            address: FAR,
            neighbour: NEAR,
            interface: longest.clone(),
            interface_index: IfIndex(2),
            quality: LinkQuality::Throughput(Throughput::from_kbit(999_999)),
            last_seen: Duration::from_millis(199_040),
            best: true,
        };
        let interface = HardInterface {
            name: longest.clone(),
            index: IfIndex(2),
            address: NEAR,
            active: false,
            settings: batman::InterfaceSettings {
                hop_penalty: Some(255),
                elp_interval: Some(Duration::from_millis(180_000)),
                throughput_override: Some(Throughput::from_kbit(999_900)),
            },
        };
        let client = GlobalClient {
            address: FAR,
            originator: NEAR,
            vlan: Some(VlanId::MAX),
            version: 255,
            last_version: 255,
            checksum: u32::MAX,
            flags: TtFlags::from_bits(u32::MAX),
            best: true,
        };
        let asks = MulticastFlags { originator: FAR, flags: Some(McastFlags::from_bits(u32::MAX)) };

        for table in [
            layout(Originator::HEADINGS, &[originator.cells(&names)]),
            layout(Gateway::HEADINGS, &[gateway().cells(&names)]),
            layout(HardInterface::HEADINGS, &[interface.cells(&names)]),
            layout(GlobalClient::HEADINGS, &[client.cells(&names)]),
            layout(MulticastFlags::HEADINGS, &[asks.cells(&names)]),
        ] {
            assert!(table.lines().all(|line| line.width() <= 80), "{table}");
        }
    }

    #[test]
    fn gateways_are_told_by_name_and_in_short_rates() {
        let mut names = Names::default();
        names.learn(NEAR, "roof");

        check(
            &layout(Gateway::HEADINGS, &[gateway().cells(&names)]),
            "   GATEWAY            QUALITY  NEXT HOP  INTERFACE        DOWN/UP\n\
             *  02:00:00:00:00:09  1.2G     roof      abcdefghijklmno  999.9M/999.9M\n",
        );
    }

    #[test]
    fn client_that_stays_was_never_seen_and_its_flags_are_letters() {
        let client = LocalClient {
            address: NEAR,
            vlan: Some(VlanId::new(10).unwrap()),
            flags: TtFlags::WIFI | TtFlags::PERMANENT,
            checksum: 1,
            last_seen: None,
        };

        check(
            &layout(LocalClient::HEADINGS, &[client.cells(&Names::default())]),
            "CLIENT             VLAN  SEEN  FLAGS\n02:00:00:00:00:02  10    -     PW\n",
        );
    }

    #[test]
    fn node_that_says_nothing_of_multicast_is_not_one_that_asks_for_nothing() {
        let row = |flags| MulticastFlags { originator: NEAR, flags };
        let asked = |flags| row(flags).cells(&Names::default())[1].clone();

        assert_eq!(asked(None), "does not say");
        assert_eq!(asked(Some(McastFlags::default())), "nothing special");
        assert_eq!(asked(Some(McastFlags::WANT_ALL_IPV4)), "IPv4");
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
