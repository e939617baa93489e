//! New slots that do not come up: the old one is back by itself.

use anyhow::ensure;
use image::Architecture;

use crate::io::pair::Pair;
use crate::io::progress::tell;
use crate::scenario::{Parts, Scenario, Way};
use crate::update::Update;

pub(super) const BAD_KERNEL: Scenario = Scenario {
    name: "bad-kernel",
    claim: "a slot whose kernel is garbage is given up, and the old one is back",
    parts: Parts::Release,
    way: Way::OnPair(|pair| given_up(pair, Update::garbage_kernel)),
};

pub(super) const KERNEL_PANIC: Scenario = Scenario {
    name: "kernel-panic",
    claim: "a slot whose kernel panics is given up, and the old one is back",
    parts: Parts::Release,
    way: Way::OnPair(|pair| given_up(pair, |it| Ok(it.parameters("rdinit=/absent")))),
};

pub(super) const ROOT_GARBAGE: Scenario = Scenario {
    name: "root-garbage",
    claim: "a slot whose root file system is none is given up, and the old one is back",
    parts: Parts::Release,
    way: Way::OnPair(|pair| given_up(pair, |it| Ok(it.garbage_root()))),
};

pub(super) const BAD_KERNEL_AARCH64: Scenario = Scenario {
    name: "bad-kernel-aarch64",
    claim: "an aarch64 router as well gives up a slot whose kernel is garbage",
    parts: Parts::AllImages,
    way: Way::OnPairOf(Architecture::Aarch64, |pair| given_up(pair, Update::garbage_kernel)),
};

pub(super) const NODE_CRASH: Scenario = Scenario {
    name: "node-crashes-at-start",
    claim: "a slot whose node ends as soon as it starts is given up, and the old one is back",
    parts: Parts::Release,
    way: Way::OnPair(node_crashes),
};

fn given_up(
    pair: &mut Pair<'_>,
    spoil: fn(Update) -> anyhow::Result<Update>,
) -> anyhow::Result<()> {
    let spoilt = spoil(pair.update.clone())?;
    try_out(pair, &spoilt)
}

fn node_crashes(pair: &mut Pair<'_>) -> anyhow::Result<()> {
    let root = pair.root_with_a_crashing_node()?;
    let spoilt = pair.update.clone().root(root);
    try_out(pair, &spoilt)
}

fn try_out(pair: &mut Pair<'_>, spoilt: &Update) -> anyhow::Result<()> {
    let old = pair.running()?;
    pair.install(spoilt)?;
    pair.activate()?;

    let status = pair.wait_until_given_up(&old)?;

    let other = status.slot(false)?;
    tell(format_args!("{} is {}: {}", other.name, other.state, other.detail));
    ensure!(!other.detail.is_empty(), "it does not tell why: {}", status.summary());
    pair.is_whole()
}
