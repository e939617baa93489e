//! `flash`: writes an image to a disk.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use image::Size;
use image::flash::{Pace, Progress, Refusal, Stage, Watcher};
use image::io::flash::{Flash, Flashed, Interrupts, Order, Unable, this_computer};
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde_json::json;

use crate::say;

/// How often progress is told.
const TELLING: Duration = Duration::from_millis(250);

pub(crate) const HELP: &str = "\
The provisioning file, TOML; files that it names lie beside it:
  name = \"router-1\"                       required: the host name
  config = \"router-1.toml\"                required: mesh-node's configuration, or its text in '''...'''
  join_token_file = \"router-1.token\"      the enrolment secret, or join_token = \"...\"
  trust_bundle_file = \"bundle.pem\"        required with a token: the SPIRE server's certificates
  update_root_file = \"root.json\"          the root of trust of updates, where it is not the image's own
  uplink = \"dhcp\"                         the default, or { address = \"192.0.2.7/24\",
                                          gateway = \"192.0.2.1\", name_server = \"192.0.2.1\" }

Exit status: 0 flashed, 2 wrong arguments, 65 a faulty image or provisioning file, 74 the disk failed,
77 refused, 130 interrupted.";

/// What `flash` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The disk, such as /dev/sdb; or a file, for QEMU.
    device: PathBuf,
    /// The image; the one in target/image if there is one alone.
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// What makes it a certain router: see below.
    #[arg(long, value_name = "FILE")]
    provision: Option<PathBuf>,
    /// Makes a file of this size, such as 1GiB, or grows it.
    #[arg(long, value_parser = size)]
    size: Option<Size>,
    /// Writes a disk that is built in, too; never one of this computer's own system.
    #[arg(long)]
    fixed_disk: bool,
    /// Does not ask.
    #[arg(long)]
    yes: bool,
    /// A line of JSON for each event instead of words.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Unable> {
    let Arguments { yes, json, .. } = *arguments;
    let order = Order {
        device: arguments.device.clone(),
        image: arguments.image.clone(),
        provision: arguments.provision.clone(),
        size: arguments.size,
        may_be_fixed: arguments.fixed_disk,
    };
    let flash = Flash::prepare(&order, this_computer())?;
    for warning in &flash.warnings {
        if json {
            say(&json!({ "event": "warning", "message": warning }));
        } else {
            eprintln!("warning: {warning}");
        }
    }
    if !json {
        eprintln!("{}", flash.summary());
    }
    if !yes {
        confirm(&flash)?;
    }
    // From here on a step is not broken off in its middle.
    let interrupts = Interrupts::hold().ok();
    let screen = io::stderr().is_terminal();
    let told = None;
    let mut watch =
        Watch { begun: Instant::now(), pace: Pace::default(), told, interrupts, json, screen };
    let flashed = flash.run(&mut watch);
    watch.end();
    report(&flashed?, json);
    Ok(())
}

fn confirm(flash: &Flash) -> Result<(), Unable> {
    let Some((what, name)) = flash.loss() else { return Ok(()) };
    if !io::stdin().is_terminal() {
        return Err(Unable::Refused(vec![Refusal::NobodyToAsk { disk: what }]));
    }
    eprint!("Everything on {what} will be lost. Type {name} to go on: ");
    let mut typed = String::new();
    // No answer is an answer.
    let _ = io::stdin().lock().read_line(&mut typed);
    if typed.trim() == name {
        return Ok(());
    }
    Err(Unable::Refused(vec![Refusal::NotConfirmed { disk: what }]))
}

struct Watch {
    begun: Instant,
    pace: Pace,
    told: Option<(Duration, Stage)>,
    interrupts: Option<Interrupts>,
    json: bool,
    screen: bool,
}

impl Watcher for Watch {
    fn advanced(&mut self, stage: Stage, done: u64, total: u64) -> ControlFlow<()> {
        let now = self.begun.elapsed();
        let progress = self.pace.advanced(now, stage, done, total);
        let is_due = self.told.is_none_or(|(at, known)| known != stage || now >= at + TELLING);
        if is_due || progress.is_complete() {
            self.tell(&progress);
            self.told = Some((now, stage));
        }
        if self.interrupts.as_ref().is_some_and(Interrupts::have_come) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

impl Watch {
    fn tell(&self, progress: &Progress) {
        if self.json {
            let mut event = json!({ "event": "progress" });
            if let (Some(event), Ok(serde_json::Value::Object(fields))) =
                (event.as_object_mut(), serde_json::to_value(progress))
            {
                event.extend(fields);
            }
            say(&event);
        } else if self.screen {
            let end = if progress.is_complete() { "\n" } else { "" };
            eprint!("\r\x1b[K{progress}{end}");
        } else if progress.is_complete() {
            eprintln!("{progress}");
        }
    }

    /// Leaves the line that progress stands in.
    fn end(&self) {
        if self.screen && !self.json {
            eprint!("\r\x1b[K");
        }
    }
}

fn report(flashed: &Flashed, json: bool) {
    if json {
        let mut event = json!({ "event": "flashed" });
        if let (Some(event), Ok(serde_json::Value::Object(fields))) =
            (event.as_object_mut(), serde_json::to_value(flashed))
        {
            event.extend(fields);
        }
        return say(&event);
    }
    let device = flashed.device.display();
    println!("{device}: written and read back, {}", Size(flashed.bytes));
    if flashed.bytes_behind > 0 {
        println!(
            "The router takes the other {} for its data at its first boot.",
            Size(flashed.bytes_behind)
        );
    }
    match &flashed.name {
        Some(name) => println!(
            "It is {name} from its first boot on, and wipes its enrolment secret once it is attested."
        ),
        None => println!(
            "It has no name and no configuration yet: flash it with --provision, or give it both on its console."
        ),
    }
    if flashed.is_file {
        println!("Next: boot it in QEMU with -drive file={device},format=raw,if=virtio");
    } else {
        println!("Next: take {device} out, put it into the router, and switch it on.");
    }
}

fn size(text: &str) -> Result<Size, String> {
    let read: Result<Size, serde::de::value::Error> = Size::deserialize(text.into_deserializer());
    read.map_err(|error| error.to_string())
}
