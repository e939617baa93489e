//! What can go wrong while an image is described, gathered, packed or provisioned.

use std::path::PathBuf;

/// A reason why there is no image, no layout or no disk.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The manifest is not the TOML that is expected; the source names line and column.
    #[error("the image manifest cannot be read")]
    Manifest {
        /// What the parser found, and where.
        source: toml::de::Error,
    },
    /// The manifest asks for something that cannot be.
    #[error("the image manifest wants {0}")]
    Layout(#[from] crate::layout::Fault),
    /// The provisioned host name is no DNS label.
    #[error("{name:?} is no host name: 1 to 63 letters, digits and inner hyphens")]
    HostName {
        /// What was given.
        name: String,
    },
    /// The kernel image has no payload where the x86 boot protocol says.
    #[error("the kernel is no bzImage that can be unpacked")]
    BzImage(#[from] crate::bzimage::Fault),
    /// The kernel package has no such module.
    #[error("the kernel has no module {name}")]
    NoSuchModule {
        /// The module's name.
        name: String,
    },
    /// The host's package manager knows none of the kernel packages in the manifest.
    #[error("apt knows none of {packages:?} with a {series} kernel; `apt-get update` may help")]
    NoKernelPackage {
        /// The packages the manifest names.
        packages: Vec<String>,
        /// The series the manifest names.
        series: String,
    },
    /// The kernel package does not hold what Debian's kernels hold.
    #[error("{path} holds no {what}")]
    KernelPackage {
        /// Where the package was unpacked.
        path: PathBuf,
        /// What is missing.
        what: String,
    },
    /// The host's busybox needs libraries that the image does not have.
    #[error("no static busybox in {searched:?}: install busybox-static")]
    NoStaticBusybox {
        /// Where it was looked for.
        searched: &'static [&'static str],
    },
    /// A program that the manifest names was not handed over.
    #[error("the manifest wants the program {name}, which was not built")]
    NoSuchProgram {
        /// Its name in the manifest.
        name: String,
    },
    /// The packed root file system does not fit its partition.
    #[error("the root file system has {needed} bytes, its partition {available}")]
    RootTooLarge {
        /// Bytes of the squashfs.
        needed: u64,
        /// Bytes of the partition.
        available: u64,
    },
    /// A file could not be read or written.
    #[error("{path}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A tool of the host could not be started.
    #[error("{tool} cannot be started")]
    ToolMissing {
        /// Its name.
        tool: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A tool of the host failed.
    #[error("{tool} failed ({status}): {stderr}")]
    ToolFailed {
        /// Its name.
        tool: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// The partition table could not be written.
    #[error("{path}: the partition table cannot be written")]
    PartitionTable {
        /// The disk.
        path: PathBuf,
        /// What the table's writer said.
        source: gpt::GptError,
    },
}
