//! A mesh of many nodes, all behind one neighbour.

use batman::{MacAddr, RoutingAlgorithm};

use crate::packet::{self, Elp, FRAME, Ogm, Ogm2};

/// Nodes that a kernel hears of through one neighbour of its own, which is the first of them.
///
/// A value: what the neighbour says in a round, and what it answers, follow from it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// What the mesh speaks.
    pub algorithm: RoutingAlgorithm,
    /// How many nodes there are, the neighbour counted.
    pub nodes: u16,
    /// How many clients each of them has; up to 28 fit a frame.
    pub clients: u8,
    /// How far the nodes' messages may still go. The kernel sends on what has more than 1, and there is nobody to hear it.
    pub ttl: u8,
}

/// The best quality that there is under B.A.T.M.A.N. IV, BATADV_TQ_MAX_VALUE.
const PERFECT: u8 = 255;

/// What a hop takes of it, as the kernel's own default does (30 of 255).
const HOP: u8 = 30;

/// A gigabit per second, in B.A.T.M.A.N. V's units.
const GIGABIT: u32 = 10_000;

/// What neighbours are told of the time between two link probes, in milliseconds.
const PROBES: u32 = 500;

impl Crowd {
    /// Makes a crowd without clients whose messages end at the kernel that hears them.
    pub fn new(algorithm: RoutingAlgorithm, nodes: u16) -> Self {
        Self { algorithm, nodes, clients: 0, ttl: 1 }
    }

    /// Returns the address of a node; that of the neighbour is the first.
    pub fn node(number: u16) -> MacAddr {
        let [high, low] = number.to_be_bytes();
        MacAddr([0x02, 0xba, 0, 0, high, low])
    }

    /// Returns the address of a node's client.
    pub fn client(node: u16, number: u8) -> MacAddr {
        let [high, low] = node.to_be_bytes();
        MacAddr([0x02, 0xc1, 0, number, high, low])
    }

    /// Returns the frames in which every node is heard once. A round's number is one higher than that of the one before, from 1.
    pub fn round(&self, number: u32) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        if self.algorithm == RoutingAlgorithm::BatmanV {
            let mut probe = packet::broadcast(Self::node(0));
            Elp { originator: Self::node(0), sequence: number, interval: PROBES }.emit(&mut probe);
            frames.push(probe);
        }
        let header = packet::broadcast(Self::node(0)).len();
        let mut frame = packet::broadcast(Self::node(0));
        for node in 0..self.nodes {
            let mut message = Vec::new();
            self.emit(node, number, &mut message);
            if frame.len() > header && frame.len() - header + message.len() > FRAME {
                frames.push(std::mem::replace(&mut frame, packet::broadcast(Self::node(0))));
            }
            frame.extend(message);
        }
        frames.push(frame);
        frames
    }

    /// Answers a frame as a neighbour does that hears its sender well: it sends the sender's own messages on, and says so.
    ///
    /// Under B.A.T.M.A.N. V links need no answer.
    pub fn answer(&self, frame: &[u8]) -> Option<Vec<u8>> {
        let (sender, mut messages) = packet::unframed(frame)?;
        if self.algorithm == RoutingAlgorithm::BatmanV || sender == Self::node(0) {
            return None;
        }
        let mut answer = packet::broadcast(Self::node(0));
        let silence = answer.len();
        while let Some((message, rest)) = Ogm::parse(messages) {
            messages = rest;
            if message.originator == sender {
                let heard = Ogm {
                    ttl: message.ttl.saturating_sub(1),
                    flags: message.flags | Ogm::DIRECT,
                    previous: sender,
                    quality: PERFECT - HOP,
                    ..message
                };
                heard.emit(&mut answer);
            }
        }
        (answer.len() > silence).then_some(answer)
    }

    fn emit(&self, node: u16, sequence: u32, to: &mut Vec<u8>) {
        let clients: Vec<_> = (0..self.clients).map(|it| Self::client(node, it)).collect();
        let tvlv = packet::translation_table(&clients);
        let (originator, ttl) = (Self::node(node), self.ttl);
        // A kernel takes a node that it hears itself for a neighbour, and what comes from the neighbour's neighbour for
        // something that could loop: so each of the others is next to the neighbour.
        let is_neighbour = node == 0;
        match self.algorithm {
            RoutingAlgorithm::BatmanIv => {
                let (flags, quality) =
                    if is_neighbour { (Ogm::DIRECT, PERFECT) } else { (0, PERFECT - HOP) };
                Ogm { ttl, flags, sequence, originator, previous: originator, quality, tvlv }
                    .emit(to);
            }
            RoutingAlgorithm::BatmanV => {
                Ogm2 { ttl, sequence, originator, throughput: GIGABIT, tvlv }.emit(to);
            }
        }
    }
}

#[cfg(test)]
mod tests;
