//! A network namespace with the directories that a router has of its own.

use std::fs::{self, File};
use std::process::Command;

use anyhow::Context as _;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use rtnetlink::{Handle, LinkUnspec};

/// Directories that every router has to itself, in memory.
const OWN: [&str; 2] = ["/run", "/data"];

/// Where this program came from.
pub(crate) struct Home {
    place: Place,
}

/// One router's view of the machine.
pub(crate) struct Namespace {
    place: Place,
    /// The links in it.
    pub(crate) links: Handle,
}

/// What a thread can go into.
struct Place {
    network: File,
    mounts: File,
}

impl Place {
    fn here() -> anyhow::Result<Self> {
        let open = |kind| {
            let file = format!("/proc/self/ns/{kind}");
            File::open(&file).context(file)
        };
        Ok(Self { network: open("net")?, mounts: open("mnt")? })
    }

    fn enter(&self) -> anyhow::Result<()> {
        setns(&self.network, CloneFlags::CLONE_NEWNET).context("into a network namespace")?;
        setns(&self.mounts, CloneFlags::CLONE_NEWNS).context("into a mount namespace")
    }
}

impl Home {
    /// Remembers where this program is, and makes what each router covers with its own.
    pub(crate) fn here() -> anyhow::Result<Self> {
        for directory in OWN {
            fs::create_dir_all(directory).context(directory)?;
        }
        Ok(Self { place: Place::here()? })
    }
}

impl Namespace {
    /// Makes one and comes back.
    pub(crate) async fn create(home: &Home) -> anyhow::Result<Self> {
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).context("a new namespace")?;
        let made = Self::furnish().await;
        home.place.enter()?;
        made
    }

    async fn furnish() -> anyhow::Result<Self> {
        for directory in OWN {
            mount(Some("own"), directory, Some("tmpfs"), MsFlags::empty(), None::<&str>)
                .context(directory)?;
        }
        // It shows the links of the namespace in which it was mounted.
        mount(Some("sys"), "/sys", Some("sysfs"), MsFlags::empty(), None::<&str>)
            .context("/sys")?;
        let links = connect()?;
        let up = LinkUnspec::new_with_name("lo").up().build();
        links.link().set(up).execute().await.context("lo")?;
        Ok(Self { place: Place::here()?, links })
    }

    /// Does something inside, such as starting a program, and comes back.
    pub(crate) fn inside<T>(&self, home: &Home, act: impl FnOnce() -> T) -> anyhow::Result<T> {
        self.place.enter()?;
        let done = act();
        home.place.enter()?;
        Ok(done)
    }

    /// Runs a program inside and returns whether it was content, and what it said.
    pub(crate) fn run(&self, home: &Home, words: &[&str]) -> anyhow::Result<(bool, String)> {
        let (program, arguments) = words.split_first().context("a program")?;
        let output = self.inside(home, || Command::new(program).args(arguments).output())?;
        let output = output.with_context(|| words.join(" "))?;
        let told = if output.status.success() { &output.stdout } else { &output.stderr };
        Ok((output.status.success(), String::from_utf8_lossy(told).into_owned()))
    }

    /// A name for the kernel of where links can be put.
    pub(crate) fn network(&self) -> &File {
        &self.place.network
    }
}

/// Opens the links of the namespace that this thread is in.
pub(crate) fn connect() -> anyhow::Result<Handle> {
    let (connection, links, _) = rtnetlink::new_connection()?;
    tokio::spawn(connection);
    Ok(links)
}
