//! Which gateway this node uses and why, by the kernel's own rules.

use std::cmp::Ordering;
use std::fmt;

use batman::{
    Gateway, GatewayMode, LinkQuality, MacAddr, MeshDevice, RoutingAlgorithm, Throughput,
};

use super::names::Names;

/// The gateway in use, and why it is, or why none is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The one in use.
    pub used: Option<Gateway>,
    /// Why.
    pub why: Why,
}

/// Why a gateway is in use, or none is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The node chooses none in this mode; the kernel may not have said which it is in.
    NotAClient(Option<GatewayMode>),
    /// No gateway is known.
    NoneKnown,
    /// The kernel chooses when it hears from one of these the next time.
    NotYet {
        /// How many are known.
        known: usize,
    },
    /// The kernel's rule and what it compared.
    Chosen {
        /// The rule.
        rule: Rule,
        /// What the one in use has, if it says it in the algorithm's measure.
        own: Option<Merit>,
        /// The best of the others.
        rival: Option<(MacAddr, Merit)>,
    },
}

/// What the kernel goes by (`get_best_gw_node` and `is_eligible` in net/batman-adv/bat_iv_ogm.c and bat_v.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// IV, class 1: the greatest TQ² × download, and it stays.
    Fast,
    /// IV, class 2: the best TQ, and it stays.
    Stable,
    /// IV, class 3 and more: the best TQ; one that is this much better takes over.
    BetterTq {
        /// The class.
        class: u32,
    },
    /// V: the greatest of what way and gateway carry both; one that is this much better takes over.
    MoreThroughput {
        /// The class.
        class: u32,
    },
    /// A rule without a name here.
    Unknown,
}

/// What a gateway is weighed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merit {
    /// IV: the quality of the way.
    Tq(u8),
    /// IV, class 1: the quality of the way and the download.
    Product {
        /// The quality.
        tq: u8,
        /// The download.
        download: Throughput,
    },
    /// V: the lesser of the way's throughput and the download.
    Throughput(Throughput),
}

impl Merit {
    /// Returns what the kernel compares.
    pub fn weight(self) -> u64 {
        match self {
            Self::Tq(tq) => u64::from(tq),
            Self::Product { tq, download } => {
                // In this order the kernel loses the same bits.
                let square = u64::from(tq) * u64::from(tq);
                square.saturating_mul(download.kbit() / 100).saturating_mul(100 * 100) >> 18
            }
            Self::Throughput(throughput) => throughput.kbit() / 100,
        }
    }
}

impl Rule {
    fn of(algorithm: Option<RoutingAlgorithm>, class: Option<u32>) -> Self {
        match (algorithm, class) {
            (Some(RoutingAlgorithm::BatmanIv), Some(1)) => Self::Fast,
            (Some(RoutingAlgorithm::BatmanIv), Some(2)) => Self::Stable,
            (Some(RoutingAlgorithm::BatmanIv), Some(class @ 3..)) => Self::BetterTq { class },
            (Some(RoutingAlgorithm::BatmanV), Some(class)) => Self::MoreThroughput { class },
            _ => Self::Unknown,
        }
    }

    /// Returns what a gateway is weighed by; nothing where its row is of another algorithm.
    pub fn merit(self, gateway: &Gateway) -> Option<Merit> {
        match (self, gateway.quality) {
            (Self::Fast, LinkQuality::Tq(tq)) => {
                Some(Merit::Product { tq, download: gateway.download })
            }
            (Self::Stable | Self::BetterTq { .. }, LinkQuality::Tq(tq)) => Some(Merit::Tq(tq)),
            (Self::MoreThroughput { .. }, LinkQuality::Throughput(way)) => {
                Some(Merit::Throughput(way.min(gateway.download)))
            }
            _ => None,
        }
    }

    /// Tells whether a gateway takes over from the one in use when the kernel next hears from it.
    pub fn takes_over(self, own: Merit, rival: Merit) -> bool {
        let ahead = rival.weight().checked_sub(own.weight());
        match self {
            Self::Fast | Self::Stable | Self::Unknown => false,
            // Of two equal ones the kernel takes the first of its list; whichever that is, neither is better.
            Self::BetterTq { class: ..=3 } => ahead.is_some_and(|ahead| ahead > 0),
            Self::BetterTq { class } | Self::MoreThroughput { class } => {
                ahead.is_some_and(|ahead| ahead > 0 && ahead >= u64::from(class))
            }
        }
    }
}

/// Tells whether this node chooses a gateway.
pub fn is_client(device: &MeshDevice) -> bool {
    device.settings.gateway_mode == Some(GatewayMode::Client)
}

/// Finds the gateway in use and why it is.
pub fn choice(device: &MeshDevice, gateways: &[Gateway]) -> Choice {
    let settings = &device.settings;
    if !is_client(device) {
        return Choice { used: None, why: Why::NotAClient(settings.gateway_mode) };
    }
    let Some(used) = gateways.iter().find(|gateway| gateway.best) else {
        let why = match gateways.len() {
            0 => Why::NoneKnown,
            known => Why::NotYet { known },
        };
        return Choice { used: None, why };
    };
    let rule = Rule::of(device.algorithm, settings.gateway_class);
    let others = gateways.iter().filter(|gateway| gateway.address != used.address);
    let weighed = others.filter_map(|it| Some((it.address, rule.merit(it)?)));
    let rival = weighed.max_by_key(|(_, merit)| merit.weight());
    Choice { used: Some(used.clone()), why: Why::Chosen { rule, own: rule.merit(used), rival } }
}

impl Choice {
    /// Tells in a sentence why it is so.
    pub fn sentence(&self, names: &Names) -> String {
        match &self.why {
            Why::NotAClient(Some(GatewayMode::Server)) => {
                "this node is a gateway itself and chooses none".to_owned()
            }
            Why::NotAClient(Some(mode)) => {
                format!("gateway mode is {mode}: this node chooses no gateway")
            }
            Why::NotAClient(None) => "the kernel does not tell the gateway mode".to_owned(),
            Why::NoneKnown => "no gateway is known".to_owned(),
            Why::NotYet { known } => format!(
                "none is chosen yet of {known} that are known: the kernel does when it hears from one"
            ),
            Why::Chosen { rule, own, rival } => chosen(*rule, *own, *rival, names),
        }
    }
}

fn chosen(
    rule: Rule,
    own: Option<Merit>,
    rival: Option<(MacAddr, Merit)>,
    names: &Names,
) -> String {
    match (own, rival) {
        (Some(own), Some((address, merit))) => {
            let standing = standing(rule, own, merit);
            format!("{rule}; it has {own}, {} has {merit}: {standing}", names.show(address))
        }
        (Some(own), None) => format!("{rule}; it has {own} and is the only one known"),
        (None, _) => rule.to_string(),
    }
}

fn standing(rule: Rule, own: Merit, rival: Merit) -> &'static str {
    match (rival.weight().cmp(&own.weight()), rule) {
        (Ordering::Less, _) => "none is better",
        (Ordering::Equal, _) => "equal, so it stays",
        (Ordering::Greater, Rule::Fast | Rule::Stable) => "better now, but this one has not gone",
        (Ordering::Greater, _) if rule.takes_over(own, rival) => "it takes over next",
        (Ordering::Greater, _) => "better, but not by enough",
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fast => {
                f.write_str("class 1 takes the best TQ² × download and keeps it until it goes")
            }
            Self::Stable => f.write_str("class 2 takes the best TQ and keeps it until it goes"),
            Self::BetterTq { class: class @ ..=3 } => {
                write!(f, "class {class} takes the best TQ, another as soon as it is better")
            }
            Self::BetterTq { class } => {
                write!(f, "class {class} takes the best TQ, another once it is {class} better")
            }
            Self::MoreThroughput { class } => {
                let better = Throughput::from_hundreds_of_kbit(*class);
                write!(
                    f,
                    "class {class} takes the most throughput that way and gateway both have, \
                     another once it is {better} better"
                )
            }
            Self::Unknown => f.write_str("the kernel chose it by a rule without a name here"),
        }
    }
}

impl fmt::Display for Merit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tq(tq) => write!(f, "TQ {tq}"),
            Self::Product { tq, download } => write!(f, "TQ {tq} and {download}"),
            Self::Throughput(throughput) => throughput.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
