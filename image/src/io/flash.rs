//! Flashes a disk: looks at it, asks [`crate::flash`] whether it may be written, and writes it.

mod disks;
mod interrupts;
mod source;
mod target;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

pub use disks::{Kernel, observe};
pub use interrupts::Interrupts;

use source::Image;
use target::{Open, Target, Wanted};

use crate::block::BlockDevice as _;
use crate::flash::provisioning::Fault;
use crate::flash::{Disk, Failure, Patch, Plan, Provisioning, Refusal, Source, Watcher, writing};
use crate::{Architecture, Size, keep};

/// The kernel's bits of a file that others than its owner may read.
const READ_BY_OTHERS: u32 = 0o044;

/// What somebody wants to be flashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The disk, or a file in its place.
    pub device: PathBuf,
    /// The image; none for the one that was packed.
    pub image: Option<PathBuf>,
    /// The provisioning file.
    pub provision: Option<PathBuf>,
    /// The size that a file gets.
    pub size: Option<Size>,
    /// Whether a disk that is built in is meant.
    pub may_be_fixed: bool,
}

/// A flash that nothing stands against.
#[derive(Debug)]
pub struct Flash {
    image: Image,
    target: Target,
    /// A disk is held from before anybody is asked; a file is made when all is known to be good.
    disk: Option<Open>,
    patch: Option<Patch>,
    /// The name that the router gets.
    name: Option<String>,
    /// What is unusual and no reason to stop.
    pub warnings: Vec<String>,
}

/// A flash that is done.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Flashed {
    /// The disk or file.
    pub device: PathBuf,
    /// The image.
    pub image: PathBuf,
    /// The machines that it runs on.
    pub architecture: Option<Architecture>,
    /// Bytes of the image.
    pub bytes: u64,
    /// Bytes of the disk behind the image, which the router takes for its data at its first boot.
    pub bytes_behind: u64,
    /// The name that the router was given.
    pub name: Option<String>,
    /// The file by which the image was checked.
    pub checked_by: Option<PathBuf>,
    /// Whether it is a file.
    pub is_file: bool,
}

/// Why there is no flash, or only a part of one.
#[derive(Debug, thiserror::Error)]
pub enum Unable {
    /// The disk may not be written.
    #[error("the disk may not be written")]
    Refused(Vec<Refusal>),
    /// The provisioning file is faulty.
    #[error("{path} is faulty")]
    Provisioning {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        faults: Vec<Fault>,
    },
    /// The provisioning file cannot be read.
    #[error("{path} cannot be read")]
    ProvisioningFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The router cannot keep that much.
    #[error("the router cannot keep what it is given")]
    Keep(#[from] keep::Unfit),
    /// No image was named, and none was packed here.
    #[error(
        "there is no image in target/image: make one with `./x image`, or name one with --image"
    )]
    NothingPacked,
    /// No image was named, and several were packed here.
    #[error("several images were packed: name one with --image: {}", shown(.0))]
    SeveralImages(Vec<PathBuf>),
    /// The image cannot be read.
    #[error("{path} cannot be read")]
    Image {
        /// The image.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no image of a router's disk.
    #[error("{path} is no image of a router's disk: {reason}")]
    NoImage {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        reason: String,
    },
    /// The image is not what it should be.
    #[error("{path} is damaged: it is not what {beside} says; nothing was written")]
    Damaged {
        /// The image.
        path: PathBuf,
        /// Where it is said what it should be.
        beside: PathBuf,
    },
    /// The disk cannot be opened.
    #[error("{path} cannot be opened")]
    Target {
        /// The disk or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// This computer does not tell what its disks are.
    #[error("{path} cannot be read: this computer's disks are not known")]
    Machine {
        /// Where the kernel tells it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The flash ended before anything was written.
    #[error("nothing was written")]
    Untouched(#[source] Failure),
    /// The flash ended half way.
    #[error("{path} is not bootable now: flash it again before it is used")]
    HalfWay {
        /// The disk or file.
        path: PathBuf,
        /// Why.
        #[source]
        failure: Failure,
    },
}

/// This computer, as its kernel tells of it.
pub fn this_computer() -> Kernel<'static> {
    Kernel { sys: Path::new("/sys"), proc: Path::new("/proc") }
}

/// Lists the disks of a computer and what each is used for.
///
/// # Errors
/// [`Unable::Machine`].
pub fn disks(kernel: Kernel<'_>) -> Result<Vec<Disk>, Unable> {
    Ok(observe(kernel)?.disks())
}

impl Flash {
    /// Looks at everything that an order names, and writes nothing.
    ///
    /// # Errors
    /// What stands against it.
    pub fn prepare(order: &Order, kernel: Kernel<'_>) -> Result<Self, Unable> {
        let mut warnings = Vec::new();
        let provisioning =
            order.provision.as_deref().map(|it| provisioning(it, &mut warnings)).transpose()?;
        let image_path = order.image.clone().map_or_else(source::packed, Ok)?;
        let image = Image::open(&image_path)?;
        let patch = provisioning.as_ref().map(|it| image.patch(it)).transpose()?;
        if image.expected.is_none() {
            let name = image.path.display();
            warnings
                .push(format!("nothing beside {name} says what it should be: it is not checked"));
        }
        let wanted = Wanted {
            path: &order.device,
            image_path: &image.path,
            image: image.size(),
            size: order.size,
            may_be_fixed: order.may_be_fixed,
        };
        let target = Target::find(&wanted, &observe(kernel)?).map_err(Unable::Refused)?;
        let is_disk = matches!(target, Target::Disk { .. });
        let disk = is_disk.then(|| target.open()).transpose()?;
        let name = provisioning.map(|it| it.provision.host_name.to_string());
        Ok(Self { image, target, disk, patch, name, warnings })
    }

    /// What is lost by it, and the name by which a person says that it may be; none for a new file.
    pub fn loss(&self) -> Option<(String, String)> {
        match &self.target {
            Target::Disk { path, disk } => {
                let device = &disk.device;
                let words =
                    [&device.model, &device.size.to_string(), &device.attachment.to_string()]
                        .map(String::clone);
                let words: Vec<_> = words.into_iter().filter(|it| !it.is_empty()).collect();
                let what = format!("{} ({})", path.display(), words.join(", "));
                Some((what, device.name.clone()))
            }
            Target::File { path, size, exists: true } => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                Some((format!("{} (a file, {size})", path.display()), name))
            }
            Target::File { exists: false, .. } => None,
        }
    }

    /// What is flashed, in a line.
    pub fn summary(&self) -> String {
        let image = self.image.path.display();
        let size = self.image.size();
        let architecture =
            self.image.architecture.map_or_else(String::new, |it| format!(" for {it}"));
        let name = self.name.as_ref().map_or_else(
            || "without a name: the router is configured by hand".to_owned(),
            |it| format!("as {it}"),
        );
        format!("{image} ({size}{architecture}), {name}")
    }

    /// Checks the image, writes it and reads it back.
    ///
    /// # Errors
    /// [`Unable::HalfWay`] once anything was written, others before.
    pub fn run(self, watcher: &mut impl Watcher) -> Result<Flashed, Unable> {
        let source = Source { image: &self.image.device, patch: self.patch };
        let fingerprint = source.fingerprint(watcher).map_err(Unable::Untouched)?;
        let checked_by = match self.image.expected {
            Some((expected, beside)) if expected != fingerprint.image => {
                return Err(Unable::Damaged { path: self.image.path, beside });
            }
            expected => expected.map(|(_, beside)| beside),
        };
        let mut medium = self.disk.map_or_else(|| self.target.open(), Ok)?;
        let (bytes, room) = (source.image.len(), medium.len());
        let plan = Plan::new(bytes, room);
        let device = self.target.path().to_owned();
        writing::write(&plan, &source, &fingerprint, &mut medium, watcher)
            .map_err(|failure| Unable::HalfWay { path: device.clone(), failure })?;
        Ok(Flashed {
            device,
            image: self.image.path,
            architecture: self.image.architecture,
            bytes,
            bytes_behind: room.saturating_sub(bytes),
            name: self.name,
            checked_by,
            is_file: matches!(self.target, Target::File { .. }),
        })
    }
}

fn provisioning(path: &Path, warnings: &mut Vec<String>) -> Result<Provisioning, Unable> {
    let fault = |source| Unable::ProvisioningFile { path: path.to_owned(), source };
    let text = fs::read_to_string(path).map_err(fault)?;
    // What it names lies beside it, wherever the person who flashes stands.
    let beside = path.parent().unwrap_or_else(|| Path::new(""));
    let mut read =
        |name: &str| fs::read_to_string(beside.join(name)).map_err(|error| error.to_string());
    let provisioning = Provisioning::parse(&text, &mut read)
        .map_err(|faults| Unable::Provisioning { path: path.to_owned(), faults })?;
    let own = provisioning.holds_secret.then(|| path.to_owned());
    let named = provisioning.secret_files.iter().map(|it| beside.join(it));
    for file in own.into_iter().chain(named) {
        let mode = fs::metadata(&file).map(|it| it.permissions().mode());
        if mode.is_ok_and(|it| it & READ_BY_OTHERS != 0) {
            let name = file.display();
            warnings
                .push(format!("{name} holds a secret and others may read it: chmod 600 {name}"));
        }
    }
    Ok(provisioning)
}

fn shown(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|it| it.display().to_string()).collect();
    paths.join(", ")
}
