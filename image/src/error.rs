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
    /// A manifest differs from one that differs from another, and so on.
    #[error("{path} has more than {most} layers")]
    Bases {
        /// The manifest.
        path: PathBuf,
        /// How many there may be.
        most: usize,
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
    /// The manifest wants a kernel compiled here, and none was handed over.
    #[error("the manifest wants a kernel of our own, which was not built")]
    NoOwnKernel,
    /// The host knows no repository of Debian's, perhaps for want of its lists.
    #[error("apt has no lists of Debian's packages; `apt-get update` may help")]
    NoDebian,
    /// Debian has no package of the wanted release.
    #[error("Debian has no {package} {version} for {architecture}")]
    NoPackage {
        /// The package.
        package: String,
        /// The release that the manifest names.
        version: String,
        /// The architecture it is wanted for.
        architecture: crate::Architecture,
    },
    /// The kernel package does not hold what Debian's kernels hold.
    #[error("{path} holds no {what}")]
    KernelPackage {
        /// Where the package was unpacked.
        path: PathBuf,
        /// What is missing.
        what: String,
    },
    /// The host is of none of the architectures, so its programs cannot be asked for what an image needs to know.
    #[error("images are made on x86_64, aarch64 and armv7 hosts")]
    HostArchitecture,
    /// A program that the manifest names was not handed over.
    #[error("the manifest wants the program {name}, which was not built")]
    NoSuchProgram {
        /// Its name in the manifest.
        name: String,
    },
    /// A part does not fit its partition.
    #[error("{partition}: {needed} bytes for a partition of {available}")]
    TooLarge {
        /// The partition's name.
        partition: String,
        /// Bytes of the part.
        needed: u64,
        /// Bytes of the partition.
        available: u64,
    },
    /// The chooser's file has no room for what the manifest wants.
    #[error("the slot chooser cannot be told what to boot")]
    Environment(#[from] crate::slot::environment::Unfit),
    /// Buildroot's folder lacks a part.
    #[error("{images} holds no {missing}")]
    Buildroot {
        /// The folder.
        images: PathBuf,
        /// The file that is missing.
        missing: String,
    },
    /// The list of what was packed makes no sense.
    #[error("{path} is no list of what was packed")]
    Contents {
        /// The list.
        path: PathBuf,
        /// What the parser found.
        source: serde_json::Error,
    },
    /// What is on the image makes no update.
    #[error("no update can be made of it")]
    Update(#[from] crate::update::build::Fault),
    /// Files cannot be kept for the first boot.
    #[error("the router cannot keep what it is given")]
    Keep(#[from] crate::keep::Unfit),
    /// Files do not fit the FAT volume of their partition.
    #[error("{partition}: the files do not fit")]
    Volume {
        /// The partition's name.
        partition: String,
        /// What the volume's writer said.
        source: std::io::Error,
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
