use toml::de::DeValue;

/// A key of the configuration: all that is said about it anywhere is said here.
#[derive(Debug)]
pub struct Key {
    /// Its name within the section.
    pub name: &'static str,
    /// What it is for, one or two lines.
    pub doc: &'static str,
    /// What holds if it is not given.
    pub preset: Preset,
}

/// What holds if a key is not given.
#[derive(Debug)]
pub enum Preset {
    /// This value, as TOML.
    Default(&'static str),
    /// It must be given.
    Required {
        /// How it could look, as TOML.
        example: &'static str,
    },
    /// It may be left out.
    Optional {
        /// How it could look, as TOML.
        example: &'static str,
        /// What happens without it.
        otherwise: &'static str,
    },
}

/// A type that a key can have.
pub(super) trait Value: Sized {
    /// What a good value looks like, as it completes "expected ...".
    const EXPECTED: &'static str;

    /// The words a value may be, if there is a list; near misses are answered from it.
    const WORDS: &'static [&'static str] = &[];

    /// Reads a value.
    ///
    /// # Errors
    /// What is wrong with it, or nothing where `EXPECTED` says it all.
    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>>;
}
