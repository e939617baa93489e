//! A slot's environment: the file `BGENV.DAT` of EFI Boot Guard 0.22, and our record inside it.
//!
//! Our record lies in the last characters of the kernel parameters, behind their end, where nobody reads; so do four
//! bytes that keep the file's checksum the same whatever the record says. The revision has such four bytes too, in the
//! user data. Either change is therefore one sector, which a medium writes whole or not at all.

use std::fmt;
use std::time::Duration;

use super::checksum;
use super::trial::{self, Trial};

/// The length of the file.
pub const LENGTH: usize = 132_104;

/// The name of the file, in the root directory of a slot's boot partition.
pub const FILE: &str = "BGENV.DAT";

/// The most characters that kernel parameters may have: what comes behind is ours.
pub const LONGEST_PARAMETERS: usize = 230;

/// Characters in either string, the ending one included.
const CHARACTERS: usize = 255;

const SECTOR: usize = 512;
const KERNEL_FILE: usize = 0;
const KERNEL_PARAMETERS: usize = 2 * CHARACTERS;
const TRIAL: usize = 988;
const STATE_HOLE: usize = TRIAL + trial::LENGTH;
const IN_PROGRESS: usize = 1020;
const STATE: usize = 1021;
const WATCHDOG: usize = 1022;
const REVISION: usize = 1024;
const USER_DATA: usize = 1028;
/// Where the user data's first variable has its value.
const REVISION_HOLE: usize = USER_DATA + VARIABLE.len();
const CHECKSUM: usize = LENGTH - 4;

/// The head of a user variable as EFI Boot Guard stores them: its name, the length of what follows the name (length,
/// type and four bytes), a type of the free range.
const VARIABLE: [u8; 17] = *b"mesh\0\x10\0\0\0\0\0\0\0\x01\0\0\0";

/// What the chooser makes of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It boots.
    Ok,
    /// It boots once, and is on trial from then on.
    Installed,
    /// It was booted once and has not proved itself; found at boot, it has failed.
    Testing,
    /// It has failed.
    Failed,
}

/// What a slot boots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// The file, such as `C:BOOT-A:kernel`.
    pub file: String,
    /// Its parameters.
    pub parameters: String,
    /// The watchdog's time, in whole seconds; zero leaves it off.
    pub watchdog: Duration,
}

/// Why a file is no environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The file has another length.
    #[error("an environment of {0} bytes")]
    Length(usize),
    /// The checksum in the file is not the file's.
    #[error("an environment with the checksum {stored:08x} where {computed:08x} is right")]
    Checksum {
        /// What the file says.
        stored: u32,
        /// What the file's bytes come to.
        computed: u32,
    },
    /// A state that does not exist.
    #[error("an environment in the state {0}")]
    State(u8),
}

/// Why a kernel fits no environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The name of its file is too long or empty.
    #[error("a kernel file name of {0} characters: 1 to 254 fit")]
    File(usize),
    /// It has too many parameters.
    #[error("kernel parameters of {0} characters: {LONGEST_PARAMETERS} fit")]
    Parameters(usize),
    /// A text contains the character that would end it.
    #[error("a kernel file name or parameters with a NUL")]
    Nul,
    /// The watchdog's time does not fit.
    #[error("a watchdog of {0:?}: whole seconds fit, up to 65535")]
    Watchdog(Duration),
}

/// An environment was written by somebody else and has no place for our record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an environment without room for our record")]
pub struct NoRoom;

/// Reads our record out of a damaged environment, as far as it makes sense.
pub(super) fn record_left_in(damaged: &[u8]) -> Option<Trial> {
    Trial::decode(*damaged.get(TRIAL..)?.first_chunk()?)
}

/// Bytes to be written at an offset of an environment's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// From the start of the file.
    pub offset: u64,
    /// What comes there.
    pub bytes: Vec<u8>,
}

/// A valid environment.
#[derive(Clone, PartialEq, Eq)]
pub struct Environment {
    bytes: Box<[u8; LENGTH]>,
}

impl Environment {
    /// Makes an environment.
    ///
    /// # Errors
    /// [`Unfit`] names what about the kernel does not fit.
    pub fn new(kernel: &Kernel, state: State, revision: u32, record: Trial) -> Result<Self, Unfit> {
        let file = units(&kernel.file)?;
        if !(1..CHARACTERS).contains(&(file.len() / 2)) {
            return Err(Unfit::File(file.len() / 2));
        }
        let parameters = units(&kernel.parameters)?;
        if parameters.len() / 2 > LONGEST_PARAMETERS {
            return Err(Unfit::Parameters(parameters.len() / 2));
        }
        let mut new = Self { bytes: zeros() };
        new.put(KERNEL_FILE, &file);
        new.put(KERNEL_PARAMETERS, &parameters);
        new.put(TRIAL, &record.encode());
        new.put(STATE, &[state.encode()]);
        new.put(WATCHDOG, &seconds(kernel.watchdog)?.to_le_bytes());
        new.put(REVISION, &revision.to_le_bytes());
        new.put(USER_DATA, &VARIABLE);
        new.put(CHECKSUM, &checksum::of(new.checked()).to_le_bytes());
        Ok(new)
    }

    /// Makes the environment of a slot that must not be chosen: nothing whole is in it.
    pub fn receiving(image: trial::ImageId) -> Self {
        let nothing =
            Kernel { file: "-".into(), parameters: String::new(), watchdog: Duration::ZERO };
        let record = Trial::new(trial::Phase::Receiving, image);
        Self::new(&nothing, State::Failed, 0, record).expect("one character fits")
    }

    /// Reads an environment.
    ///
    /// # Errors
    /// [`Fault`] says why it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let bytes: Box<[u8; LENGTH]> =
            Box::<[u8]>::from(bytes).try_into().map_err(|_| Fault::Length(bytes.len()))?;
        let parsed = Self { bytes };
        let stored = u32::from_le_bytes(parsed.field(CHECKSUM));
        let computed = checksum::of(parsed.checked());
        if stored != computed {
            return Err(Fault::Checksum { stored, computed });
        }
        let [state] = parsed.field(STATE);
        State::decode(state).map(|_| parsed).ok_or(Fault::State(state))
    }

    /// The whole file.
    pub fn as_bytes(&self) -> &[u8] {
        &*self.bytes
    }

    /// What the slot boots.
    pub fn kernel(&self) -> Kernel {
        Kernel {
            file: self.text(KERNEL_FILE),
            parameters: self.text(KERNEL_PARAMETERS),
            watchdog: Duration::from_secs(u16::from_le_bytes(self.field(WATCHDOG)).into()),
        }
    }

    /// What the chooser makes of it.
    pub fn state(&self) -> State {
        let [state] = self.field(STATE);
        State::decode(state).unwrap_or(State::Failed)
    }

    /// Whether somebody says to be writing to the slot.
    pub fn is_in_progress(&self) -> bool {
        self.field(IN_PROGRESS) == [1]
    }

    /// How new it is: the highest boots, zero never does beside another.
    pub fn revision(&self) -> u32 {
        u32::from_le_bytes(self.field(REVISION))
    }

    /// Our record, if the environment is one of ours.
    pub fn trial(&self) -> Option<Trial> {
        if self.field(USER_DATA) == VARIABLE { Trial::decode(self.field(TRIAL)) } else { None }
    }

    /// Changes state, record and the watchdog's time, of which whole seconds count, by one sector.
    ///
    /// # Errors
    /// [`NoRoom`] in an environment that somebody else wrote.
    pub fn change(
        &mut self,
        state: State,
        record: Trial,
        watchdog: Duration,
    ) -> Result<Write, NoRoom> {
        self.trial().ok_or(NoRoom)?;
        let watchdog = u16::try_from(watchdog.as_secs()).unwrap_or(u16::MAX);
        Ok(self.rewrite::<1>(STATE_HOLE, |new| {
            new.put(TRIAL, &record.encode());
            new.put(IN_PROGRESS, &[0, state.encode()]);
            new.put(WATCHDOG, &watchdog.to_le_bytes());
        }))
    }

    /// Changes the revision by one sector.
    ///
    /// # Errors
    /// [`NoRoom`] in an environment that somebody else wrote.
    pub fn change_revision(&mut self, revision: u32) -> Result<Write, NoRoom> {
        self.trial().ok_or(NoRoom)?;
        Ok(self.rewrite::<2>(REVISION_HOLE, |new| new.put(REVISION, &revision.to_le_bytes())))
    }

    /// Changes a sector and fills its hole so that the file's checksum stays.
    fn rewrite<const NUMBER: usize>(
        &mut self,
        hole: usize,
        change: impl FnOnce(&mut Self),
    ) -> Write {
        let offset = NUMBER * SECTOR;
        let old: [u8; SECTOR] = self.field(offset);
        let before = self.bytes.get(..offset).unwrap_or_default();
        let before = checksum::forwards(u32::MAX, before);
        change(self);
        let new: [u8; SECTOR] = self.field(offset);
        self.put(hole, &checksum::compensation(before, &old, &new, hole - offset));
        let new: [u8; SECTOR] = self.field(offset);
        Write { offset: offset as u64, bytes: new.to_vec() }
    }

    fn checked(&self) -> &[u8] {
        self.bytes.get(..CHECKSUM).unwrap_or_default()
    }

    fn field<const N: usize>(&self, offset: usize) -> [u8; N] {
        let bytes = self.bytes.get(offset..).and_then(|it| it.first_chunk());
        bytes.copied().unwrap_or([0; N])
    }

    fn put(&mut self, offset: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(offset..).and_then(|it| it.get_mut(..bytes.len())) {
            place.copy_from_slice(bytes);
        }
    }

    fn text(&self, offset: usize) -> String {
        let bytes: [u8; 2 * CHARACTERS] = self.field(offset);
        let (units, _) = bytes.as_chunks();
        let units = units.iter().map(|it| u16::from_le_bytes(*it));
        let units = units.take(CHARACTERS - 1).take_while(|it| *it != 0);
        char::decode_utf16(units).map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("kernel", &self.kernel())
            .field("state", &self.state())
            .field("revision", &self.revision())
            .field("trial", &self.trial())
            .finish_non_exhaustive()
    }
}

impl State {
    pub(super) const fn decode(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Ok),
            1 => Some(Self::Installed),
            2 => Some(Self::Testing),
            3 => Some(Self::Failed),
            _ => None,
        }
    }

    pub(super) const fn encode(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Installed => 1,
            Self::Testing => 2,
            Self::Failed => 3,
        }
    }
}

fn units(text: &str) -> Result<Vec<u8>, Unfit> {
    if text.contains('\0') {
        return Err(Unfit::Nul);
    }
    Ok(text.encode_utf16().flat_map(u16::to_le_bytes).collect())
}

fn seconds(watchdog: Duration) -> Result<u16, Unfit> {
    let seconds = u16::try_from(watchdog.as_secs()).ok().filter(|_| watchdog.subsec_nanos() == 0);
    seconds.ok_or(Unfit::Watchdog(watchdog))
}

fn zeros() -> Box<[u8; LENGTH]> {
    vec![0; LENGTH].into_boxed_slice().try_into().expect("a vector of that length")
}

#[cfg(test)]
mod tests;
