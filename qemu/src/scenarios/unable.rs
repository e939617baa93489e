//! What keeps a node from running is said in a sentence, with what to do.

use std::time::Duration;

use anyhow::ensure;

use crate::io::lab::Lab;
use crate::io::machine::Machine;
use crate::io::mesh::config;
use crate::io::site::Site;
use crate::node::Node;
use crate::scenario::{Parts, Scenario, Way};
use crate::topology::Topology;

pub(super) const BAD_CONFIG: Scenario = Scenario {
    name: "bad-config",
    claim: "a configuration with three faults: all three are named, status 78, nothing is touched",
    parts: Parts::Image,
    way: Way::Alone(bad_config),
};

pub(super) const UNABLE: Scenario = Scenario {
    name: "unable",
    claim: "no CAP_NET_ADMIN, no batman-adv, no agent: one sentence each that says what to do",
    parts: Parts::Image,
    way: Way::Alone(unable),
};

const FAULTY: &str = "[mesh]\nalgoritm = \"BATMAN_IV\"\nhard_interfaces = [\"eth1\"]\n\n\
    [identity]\nserver = \"10.0.2.2\"\n\n[loop]\ninterval = \"soon\"\n";

const FAULTS: [&str; 3] = [
    "2:1: mesh: no such key, algoritm; did you mean algorithm?",
    "6:10: identity.server: expected HOST:PORT, found \"10.0.2.2\"",
    "9:12: loop.interval: expected a time of 100 ms to 1 h",
];

/// Boots one machine whose own mesh-node refuses its configuration, so that the scenario can run another.
fn idle_machine<'site>(site: &'site Site, name: &str) -> anyhow::Result<Lab<'site>> {
    let mut lab = Lab::open(site, name)?;
    let topology = Topology::default().segment("mesh", ["alpha"]);
    lab.boot(&topology, &[Node::new("alpha").config(FAULTY)])?;
    Ok(lab)
}

fn bad_config(site: &Site) -> anyhow::Result<()> {
    let lab = idle_machine(site, "bad-config")?;
    let alpha = lab.node("alpha")?;

    for command in ["mesh-node check-config /etc/mesh-node/config.toml", "mesh-node run"] {
        let output = alpha.run_within(command, Duration::from_secs(30))?;
        ensure!(output.status == 78, "`{command}` ended with {}: {}", output.status, output.stdout);
        let lines: Vec<&str> = output.stdout.lines().collect();
        ensure!(lines.len() == FAULTS.len(), "{lines:?}");
        for (line, fault) in lines.iter().zip(FAULTS) {
            ensure!(line.contains(fault), "{line:?} does not say {fault:?}");
        }
    }
    let untouched = "[ ! -e /sys/class/net/bat0 ] && ! pidof spire-agent && \
        [ $(cat /sys/class/net/eth1/operstate) = down ]";
    ensure!(alpha.run_within(untouched, Duration::from_secs(10))?.status == 0, "it was touched");
    Ok(())
}

fn unable(site: &Site) -> anyhow::Result<()> {
    let lab = idle_machine(site, "unable")?;
    let alpha = lab.node("alpha")?;
    let good = config("", "x0tta6bl4.mesh", 8081);
    alpha.run(&format!("cat >/tmp/good.toml <<'END'\n{good}END\nchmod 644 /tmp/good.toml"))?;

    says(
        alpha,
        "su -s /bin/sh nobody -c 'mesh-node run --config /tmp/good.toml'",
        77,
        "mesh-node needs CAP_NET_ADMIN to manage bat0: start it as root or grant it that capability",
    )?;
    says_that_there_is_no_agent(alpha)?;
    alpha.run("ip link delete bat0; rmmod batman_adv && mount -t tmpfs none /lib/modules")?;
    says(
        alpha,
        "mesh-node run --config /tmp/good.toml",
        69,
        "this kernel has no batman-adv: install the batman-adv module that belongs to it",
    )
}

/// Runs a command that must end by itself with a status and, for its last line, a sentence.
fn says(machine: &Machine, command: &str, status: i32, sentence: &str) -> anyhow::Result<()> {
    let output = machine.run_within(command, Duration::from_secs(30))?;
    ensure!(output.status == status, "`{command}` ended with {}: {}", output.status, output.stdout);
    let last = output.stdout.lines().last().unwrap_or_default();
    ensure!(last.contains(sentence), "`{command}` said {:?}", output.stdout);
    Ok(())
}

/// A node without its agent goes on without an identity, and says so once.
fn says_that_there_is_no_agent(machine: &Machine) -> anyhow::Result<()> {
    let sentence = "no spire-agent at /tmp/absent: install it there or set identity.agent_binary";
    machine.run(
        "sed 's,^server,agent_binary = \"/tmp/absent\"\\nserver,' /tmp/good.toml >/tmp/absent.toml",
    )?;
    machine.run(
        "mesh-node run --config /tmp/absent.toml >/tmp/absent.log 2>&1 & \
         until mesh-node status | grep 'no spire-agent'; do sleep 1; done >/tmp/status 2>&1; \
         sleep 3; kill $!; wait $!; true",
    )?;
    let told = machine.run("grep -c 'no spire-agent at' /tmp/absent.log")?;
    ensure!(told.trim() == "1", "told {} times", told.trim());
    let status = machine.run("cat /tmp/status")?;
    ensure!(status.contains(sentence), "the status does not say it: {status:?}");
    Ok(())
}
