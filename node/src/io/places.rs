//! Where things are on a router.

/// Where the data file system is mounted.
pub const DATA: &str = "/data";

/// The configuration.
pub const CONFIG: &str = "/etc/mesh-node/config.toml";

/// The host name.
pub const HOST_NAME: &str = "/data/hostname";

/// What the clock said when it was last written down.
pub const CLOCK: &str = "/data/mesh-node/clock";

/// What is remembered of updates.
pub const UPDATE_RECORD: &str = "/data/mesh-node/update.json";

/// When the image was packed, in seconds since 1970.
pub const IMAGE_BUILT: &str = "/etc/mesh-node/built";

/// Where the agent keeps its data when the data file system takes none.
pub const AGENT_IN_MEMORY: &str = "/run/spire/agent-data";

/// What concerns this boot alone, in memory.
pub const RUNTIME: &str = "/run/mesh-node";

/// Where the node that runs here is asked, unless its configuration says otherwise.
pub const API_SOCKET: &str = "/run/mesh-node/api.sock";

/// How often mesh-node was started in this boot.
pub const STARTS: &str = "/run/mesh-node/starts";

/// What the boot had to say.
pub const BOOT_REPORT: &str = "/run/mesh-node/boot.json";
