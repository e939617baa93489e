//! `list`: says which disks may be flashed.

use image::Size;
use image::flash::{Attachment, Disk, refusals};
use image::io::flash::{Unable, disks, this_computer};
use serde_json::json;

use crate::failure::refusal;

/// What `list` can be told.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// One JSON array instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Unable> {
    list(&disks(this_computer())?, arguments.json);
    Ok(())
}

fn list(disks: &[Disk], json: bool) {
    // An image's size is not known here; a disk without any room is refused all the same.
    let told = disks
        .iter()
        .filter(|it| it.device.attachment != Attachment::Volume)
        .filter(|it| it.device.attachment != Attachment::Loop || it.device.size.0 > 0)
        .map(|it| (it, refusals(it, Size(1), false)));
    if json {
        let disks: Vec<_> = told
            .map(|(Disk { device, .. }, refusals)| {
                json!({
                    "name": device.name,
                    "path": format!("/dev/{}", device.name),
                    "bytes": device.size.0,
                    "attachment": device.attachment,
                    "model": device.model,
                    "may_be_flashed": refusals.is_empty(),
                    "refusals": refusals.iter().map(refusal).collect::<Vec<_>>(),
                })
            })
            .collect();
        return println!("{}", serde_json::Value::from(disks));
    }
    println!(
        "{:<14} {:>10}  {:<12}  {:<24}  MAY BE FLASHED",
        "DISK", "SIZE", "ATTACHED BY", "MODEL"
    );
    let mut candidates = 0;
    for (Disk { device, .. }, refusals) in told {
        let verdict = refusals.first().map_or("yes".to_owned(), |it| format!("no: {it}"));
        candidates += usize::from(refusals.is_empty());
        println!(
            "{:<14} {:>10}  {:<12}  {:<24}  {verdict}",
            format!("/dev/{}", device.name),
            device.size.to_string(),
            device.attachment.to_string(),
            device.model
        );
    }
    if candidates == 0 {
        println!("\nNo disk may be flashed: plug a card or a stick in, and unmount it.");
    }
}
