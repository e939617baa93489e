//! Virtual cables between namespaces: plugged in, pulled out, and cut without either end noticing.

use std::fs;
use std::os::fd::AsRawFd as _;

use anyhow::Context as _;
use rtnetlink::packet_route::link::{InfoData, InfoVeth, LinkAttribute};
use rtnetlink::{Handle, LinkBridge, LinkDummy, LinkMessageBuilder, LinkUnspec, LinkVeth};

use crate::configuration::{PRIMARY, end_of_cable, originator};
use crate::namespace::Namespace;

/// The bridge at home that a cable can lead over.
const BRIDGE: &str = "between";

/// Its port that is taken out of it where the cable is cut.
const PORT: &str = "between-low";

/// Its other port.
const OTHER_PORT: &str = "between-high";

/// One end of a cable.
#[derive(Clone, Copy)]
pub(crate) struct End<'a> {
    pub(crate) namespace: &'a Namespace,
    pub(crate) number: usize,
}

/// Gives a node the interface that its originator is named after.
pub(crate) async fn primary(end: End<'_>) -> anyhow::Result<()> {
    let dummy = LinkDummy::new(PRIMARY).address(originator(end.number).to_vec()).build();
    end.namespace.links.link().add(dummy).execute().await.context(PRIMARY)
}

/// Plugs a cable in between two nodes; both ends are down, which the nodes mend.
pub(crate) async fn plug(links: &Handle, low: End<'_>, high: End<'_>) -> anyhow::Result<()> {
    let (ours, theirs) = (end_of_cable(high.number), end_of_cable(low.number));
    let far = LinkMessageBuilder::<LinkUnspec>::default().name(theirs);
    let far = far.setns_by_fd(high.namespace.network().as_raw_fd()).build();
    let cable = LinkVeth::new(&ours, "unnamed").setns_by_fd(low.namespace.network().as_raw_fd());
    let cable = cable.set_info_data(InfoData::Veth(InfoVeth::Peer(far))).build();
    let added = links.link().add(cable).execute().await;
    added.with_context(|| format!("a cable from {} to {}", low.number, high.number))
}

/// Pulls a cable out: both of its ends are gone.
pub(crate) async fn pull(low: End<'_>, high: End<'_>) -> anyhow::Result<()> {
    delete(&low.namespace.links, end_of_cable(high.number)).await
}

/// Plugs two nodes into a bridge at home instead.
pub(crate) async fn plug_over_bridge(
    links: &Handle,
    low: End<'_>,
    high: End<'_>,
) -> anyhow::Result<()> {
    links.link().add(LinkBridge::new(BRIDGE).build()).execute().await.context(BRIDGE)?;
    for (end, other, port) in [(low, high, PORT), (high, low, OTHER_PORT)] {
        let far = LinkMessageBuilder::<LinkUnspec>::default().name(end_of_cable(other.number));
        let far = far.setns_by_fd(end.namespace.network().as_raw_fd()).build();
        let cable = LinkVeth::new(port, "unnamed").up();
        let cable = cable.set_info_data(InfoData::Veth(InfoVeth::Peer(far))).build();
        links.link().add(cable).execute().await.context(port)?;
        join(links, port).await?;
    }
    Ok(())
}

/// Pulls both nodes out of the bridge and takes it away.
pub(crate) async fn pull_from_bridge(links: &Handle) -> anyhow::Result<()> {
    for link in [PORT, OTHER_PORT, BRIDGE] {
        delete(links, link.to_owned()).await?;
    }
    Ok(())
}

/// Cuts the cable over the bridge: its ends stay up, and hear nothing.
pub(crate) async fn cut(links: &Handle) -> anyhow::Result<()> {
    let alone = LinkUnspec::new_with_name(PORT).nocontroller().build();
    links.link().set(alone).execute().await.context("cutting")
}

/// Joins it again.
pub(crate) async fn mend(links: &Handle) -> anyhow::Result<()> {
    join(links, PORT).await
}

async fn join(links: &Handle, port: &str) -> anyhow::Result<()> {
    let file = format!("/sys/class/net/{BRIDGE}/ifindex");
    let bridge = fs::read_to_string(&file).context(file)?.trim().parse()?;
    let joined = LinkUnspec::new_with_name(port).controller(bridge).build();
    links.link().set(joined).execute().await.with_context(|| format!("joining {port}"))
}

async fn delete(links: &Handle, name: String) -> anyhow::Result<()> {
    let mut request = links.link().del(0);
    request.message_mut().attributes.push(LinkAttribute::IfName(name.clone()));
    request.execute().await.context(name)
}
