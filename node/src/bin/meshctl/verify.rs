//! Looks at a repository as a router would.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use mesh_node::io::clock;
use mesh_node::release::Now;
use mesh_node::release::io::check::{self, Finding};
use serde_json::json;
use spire_bridge::identity::WallTime;
use url::Url;

use crate::report::Report;

#[derive(Args)]
pub(crate) struct Verify {
    /// The repository's folder, or its http:// address.
    #[arg(long, value_name = "DIR|URL")]
    repository: String,
    /// The root that routers were given.
    #[arg(long, value_name = "FILE")]
    root: PathBuf,
}

pub(crate) async fn verify(arguments: &Verify) -> Result<Report> {
    let url = match arguments.repository.parse::<Url>() {
        Ok(url) => url,
        Err(_) => check::folder_url(&arguments.repository)?,
    };
    let floor = WallTime::from_unix(0);
    let now = Now { wall: clock::wall(), floor, floor_source: "none".to_owned() };
    let checked = check::check(url, &arguments.root, &now).await?;
    let good = checked.updates.iter().all(|(_, finding)| matches!(finding, Finding::Good));
    let mut lines =
        vec![format!("metadata: good under root {} until {}", checked.root, checked.expires)];
    lines.extend(checked.updates.iter().map(|(name, finding)| format!("{name}: {finding}")));
    let updates: Vec<_> = checked
        .updates
        .iter()
        .map(|(name, finding)| json!({ "name": name, "finding": finding.to_string() }))
        .collect();
    let value = json!({
        "good": good, "root": checked.root, "expires": checked.expires.to_string(),
        "updates": updates,
    });
    Ok(if good { Report::new(lines, value) } else { Report::failed(lines, value) })
}
