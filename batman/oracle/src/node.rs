//! mesh-node itself, with a configuration that asks for every knob, on this machine that has no agent.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use batman::knob::{Kind, Scope};
use batman::{GatewayMode, Knob, LogLevel, Mask, RoutingAlgorithm, Throughput, Value};

use crate::world::{CABLE, CLIENT, VLAN};

/// The LAN's bridge.
pub(crate) const BRIDGE: &str = "br-lan";

/// The MTU, the MAC and the addresses that the mesh should have: none is what the kernel would choose.
pub(crate) const MTU: u32 = 1400;
pub(crate) const MAC: &str = "02:00:00:00:00:77";
pub(crate) const ADDRESSES: [&str; 2] = ["10.9.1.1/24", "fd09::1/64"];

/// The node looks by itself so rarely that what is mended sooner was mended because the kernel told of it.
pub(crate) const INTERVAL: Duration = Duration::from_secs(8);

/// A node that was told to end has nothing to wait for.
const ENDED: Duration = Duration::from_secs(20);

/// What a line of its log says when it has mended something.
const CHANGED: &str = "mesh changed";

/// A mesh-node that runs.
pub(crate) struct Node {
    process: Child,
    log: PathBuf,
}

/// The value that is asked for: not the kernel's default.
pub(crate) fn wanted(knob: Knob) -> Value {
    match (knob.about().kind, knob.about().default) {
        (Kind::Switch, default) => Value::Switch(default != Value::Switch(true)),
        (Kind::Number { .. }, _) => Value::Number(40),
        (Kind::Mask, _) => Value::Mask(Mask(0x12)),
        (Kind::Time { .. }, _) => Value::Time(Duration::from_millis(800)),
        (Kind::Rate { .. }, _) => Value::Rate(Throughput::from_kbit(54_300)),
        (Kind::Gateway, _) => Value::Gateway(GatewayMode::Server),
        (Kind::Log, _) => Value::Log(LogLevel(0b101)),
    }
}

/// Writes a configuration that asks for every knob, and returns its file.
pub(crate) fn configuration(algorithm: RoutingAlgorithm) -> anyhow::Result<PathBuf> {
    let of = |scope| Knob::ALL.iter().copied().filter(move |it| it.about().scope == scope);
    let mut text = format!(
        "[node]\nname = \"rig\"\n[mesh]\nalgorithm = \"{algorithm}\"\nhard_interfaces = [\"{}\"]\nmac = \"{MAC}\"\nmtu = {MTU}\n\
         addresses = {ADDRESSES:?}\n",
        CABLE[0]
    );
    let mut write = |heading: String, scope| {
        text += &heading;
        for knob in of(scope) {
            let _ = writeln!(text, "{} = {}", knob.about().name, written(wanted(knob)));
        }
    };
    write(String::new(), Scope::Mesh);
    write(format!("[mesh.link.{}]\n", CABLE[0]), Scope::HardInterface);
    write(format!("[mesh.vlan.{VLAN}]\n"), Scope::Vlan);
    let _ = write!(
        text,
        "[mesh.lan]\nbridge = \"{BRIDGE}\"\nports = [\"{}\"]\n[identity]\nserver = \"127.0.0.1:9\"\n\
         data_dir = \"/tmp/agent\"\n[loop]\ninterval = \"{}s\"\n",
        CLIENT[0],
        INTERVAL.as_secs()
    );
    let file = PathBuf::from(format!("/tmp/{algorithm}.toml"));
    fs::write(&file, text).with_context(|| file.display().to_string())?;
    Ok(file)
}

/// A value as the configuration has it.
fn written(value: Value) -> String {
    match value {
        Value::Switch(on) => on.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Mask(mask) => format!("{:#x}", mask.0),
        Value::Time(time) => format!("\"{}ms\"", time.as_millis()),
        Value::Rate(rate) => format!("\"{} kbit\"", rate.kbit()),
        Value::Gateway(mode) => format!("\"{mode}\""),
        Value::Log(level) => {
            let words: Vec<_> = level.to_string().split(", ").map(str::to_owned).collect();
            format!("{words:?}")
        }
    }
}

/// Has mesh-node read a configuration and say that it is good.
pub(crate) fn check(configuration: &std::path::Path) -> anyhow::Result<()> {
    let checked = Command::new("mesh-node").arg("check-config").arg(configuration).output();
    let checked = checked.context("there is no mesh-node")?;
    let told = String::from_utf8_lossy(&checked.stderr);
    ensure!(checked.status.success(), "mesh-node check-config ({}): {told}", checked.status);
    Ok(())
}

impl Node {
    /// Starts one.
    pub(crate) fn start(algorithm: RoutingAlgorithm) -> anyhow::Result<Self> {
        let configuration = configuration(algorithm)?;
        check(&configuration)?;
        let log = configuration.with_extension("log");
        let lines = fs::File::create(&log)?;
        let mut command = Command::new("mesh-node");
        command.args(["run", "--config"]).arg(configuration).stdout(Stdio::null()).stderr(lines);
        Ok(Self { process: command.spawn().context("there is no mesh-node")?, log })
    }

    /// All that it has said.
    pub(crate) fn told(&self) -> anyhow::Result<String> {
        fs::read_to_string(&self.log).with_context(|| self.log.display().to_string())
    }

    /// The lines that tell of changes to the mesh.
    pub(crate) fn changes(&self) -> anyhow::Result<Vec<String>> {
        let told = self.told()?;
        Ok(told.lines().filter(|line| line.contains(CHANGED)).map(str::to_owned).collect())
    }

    /// Fails if it has ended by itself.
    pub(crate) fn runs(&mut self) -> anyhow::Result<()> {
        match self.process.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("mesh-node has ended ({status}): {}", self.told()?),
        }
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let number = self.process.id().to_string();
        Command::new("kill").arg(number).status().context("there is no kill")?;
        let since = Instant::now();
        while since.elapsed() < ENDED {
            if self.process.try_wait()?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("mesh-node did not end within {ENDED:?}")
    }
}
