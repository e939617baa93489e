//! Which machine sits on which segment, and which frames get through.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A card's hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr([u8; 6]);

impl MacAddr {
    /// Derives the address of a machine's link; link 0 is the uplink, 1 the first on the mesh.
    ///
    /// It is locally administered, and the same in every run: `02:6d:65`, machine, link.
    pub fn of_link(machine: u16, link: u8) -> Self {
        let [high, low] = machine.to_be_bytes();
        Self([0x02, 0x6d, 0x65, high, low, link])
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(formatter, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

/// One end of a link: a machine's card on a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Name of the machine.
    pub machine: String,
    /// Number of the machine's interface: 1 is `eth1`.
    pub link: u8,
    /// Name of the segment.
    pub segment: String,
    /// Address of the card.
    pub mac: MacAddr,
}

/// Machines and the mesh segments that join them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    machines: Vec<String>,
    ports: Vec<Port>,
}

impl Topology {
    /// Adds a machine, numbered in the order in which machines are first mentioned.
    #[must_use]
    pub fn machine(mut self, name: &str) -> Self {
        self.number_or_add(name);
        self
    }

    /// Adds a segment on which every member hears every other, as on one radio channel.
    ///
    /// Each member gets its next free link there: `eth1` on its first segment, `eth2` on its second.
    #[must_use]
    pub fn segment<'a>(mut self, name: &str, members: impl IntoIterator<Item = &'a str>) -> Self {
        for machine in members {
            let number = self.number_or_add(machine);
            let link = self.ports_of(machine).map(|port| port.link).max().unwrap_or(0) + 1;
            self.ports.push(Port {
                machine: machine.into(),
                link,
                segment: name.into(),
                mac: MacAddr::of_link(number, link),
            });
        }
        self
    }

    /// Returns the machines in the order of their numbers.
    pub fn machines(&self) -> impl Iterator<Item = &str> {
        self.machines.iter().map(String::as_str)
    }

    /// Returns all ports, in the order in which they were added.
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// Returns a machine's ports, `eth1` first.
    pub fn ports_of(&self, machine: &str) -> impl Iterator<Item = &Port> {
        self.ports.iter().filter(move |port| port.machine == machine)
    }

    /// Returns the address of a machine's link, or `None` if there is no such machine.
    pub fn mac(&self, machine: &str, link: u8) -> Option<MacAddr> {
        let number = self.number(machine)?;
        Some(MacAddr::of_link(number, link))
    }

    fn number(&self, machine: &str) -> Option<u16> {
        let position = self.machines.iter().position(|name| name == machine)?;
        u16::try_from(position + 1).ok()
    }

    fn number_or_add(&mut self, machine: &str) -> u16 {
        self.number(machine).unwrap_or_else(|| {
            self.machines.push(machine.into());
            u16::try_from(self.machines.len()).unwrap_or(u16::MAX)
        })
    }
}

/// What a frame meets on its way from one machine to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Frames handed to the receiver.
    pub delivered: u64,
    /// Frames that met a cut.
    pub cut: u64,
    /// Frames that the receiver was too slow or not there to take.
    pub lost: u64,
}

/// State of the wires: who hears whom, and how much has passed.
#[derive(Clone, Debug)]
pub struct Wiring {
    ports: Vec<Port>,
    cuts: BTreeSet<(String, String)>,
    traffic: BTreeMap<(String, String), Traffic>,
}

impl Wiring {
    /// Wires a topology up with every link whole.
    pub fn new(topology: &Topology) -> Self {
        Self { ports: topology.ports().to_vec(), cuts: BTreeSet::new(), traffic: BTreeMap::new() }
    }

    /// Returns the ports; their positions are what [`Wiring::receivers`] speaks of.
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// Stops frames from one machine to another; the way back is untouched.
    pub fn cut(&mut self, from: &str, to: &str) {
        self.cuts.insert((from.into(), to.into()));
    }

    /// Lets frames from one machine reach another again.
    pub fn restore(&mut self, from: &str, to: &str) {
        self.cuts.remove(&(from.into(), to.into()));
    }

    /// Decides which ports get a frame that came in on one, and counts those that do not.
    pub fn receivers(&mut self, from: usize) -> Vec<usize> {
        let Some(source) = self.ports.get(from).cloned() else { return Vec::new() };
        let mut receivers = Vec::new();
        for (position, port) in self.ports.iter().enumerate() {
            if position == from || port.segment != source.segment {
                continue;
            }
            let pair = (source.machine.clone(), port.machine.clone());
            if self.cuts.contains(&pair) {
                self.traffic.entry(pair).or_default().cut += 1;
            } else {
                receivers.push(position);
            }
        }
        receivers
    }

    /// Counts a frame that a receiver took.
    pub fn delivered(&mut self, from: usize, to: usize) {
        self.count(from, to, |traffic| traffic.delivered += 1);
    }

    /// Counts a frame that a receiver could not take.
    pub fn lost(&mut self, from: usize, to: usize) {
        self.count(from, to, |traffic| traffic.lost += 1);
    }

    /// Returns what has happened to frames from one machine to another.
    pub fn traffic(&self, from: &str, to: &str) -> Traffic {
        self.traffic.get(&(from.into(), to.into())).cloned().unwrap_or_default()
    }

    fn count(&mut self, from: usize, to: usize, add: impl FnOnce(&mut Traffic)) {
        if let (Some(from), Some(to)) = (self.ports.get(from), self.ports.get(to)) {
            let pair = (from.machine.clone(), to.machine.clone());
            add(self.traffic.entry(pair).or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Topology {
        Topology::default()
            .segment("west", ["alpha", "bravo"])
            .segment("east", ["bravo", "charlie"])
    }

    #[test]
    fn machines_are_numbered_in_the_order_of_mention_and_links_from_one() {
        let topology = line();

        let seen: Vec<String> = topology
            .ports()
            .iter()
            .map(|port| format!("{} eth{} {} {}", port.machine, port.link, port.segment, port.mac))
            .collect();

        assert_eq!(
            seen,
            [
                "alpha eth1 west 02:6d:65:00:01:01",
                "bravo eth1 west 02:6d:65:00:02:01",
                "bravo eth2 east 02:6d:65:00:02:02",
                "charlie eth1 east 02:6d:65:00:03:01",
            ]
        );
    }

    #[test]
    fn a_frame_reaches_every_other_port_of_its_segment_and_no_other() {
        let mut wiring = Wiring::new(&line());

        assert_eq!(wiring.receivers(0), [1]);
        assert_eq!(wiring.receivers(1), [0]);
        assert_eq!(wiring.receivers(2), [3]);
        assert_eq!(wiring.receivers(9), [] as [usize; 0]);
    }

    #[test]
    fn a_cut_stops_one_direction_until_it_is_restored() {
        let mut wiring = Wiring::new(&line());

        wiring.cut("alpha", "bravo");

        assert_eq!(wiring.receivers(0), [] as [usize; 0]);
        assert_eq!(wiring.receivers(1), [0]);
        assert_eq!(wiring.traffic("alpha", "bravo").cut, 1);

        wiring.restore("alpha", "bravo");

        assert_eq!(wiring.receivers(0), [1]);
    }

    #[test]
    fn a_machine_alone_has_a_number_and_no_ports() {
        let topology = Topology::default().machine("alpha");

        assert_eq!(topology.mac("alpha", 0), Some(MacAddr::of_link(1, 0)));
        assert_eq!(topology.mac("bravo", 0), None);
        assert_eq!(topology.ports_of("alpha").count(), 0);
    }
}
