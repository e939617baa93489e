//! The architectures a command is asked for.

use std::str::FromStr;

use image::Architecture;

/// One architecture, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted(Option<Architecture>);

impl Wanted {
    /// Those that are wanted.
    pub(crate) fn all(self) -> Vec<Architecture> {
        self.0.map_or_else(|| Architecture::ALL.to_vec(), |it| vec![it])
    }
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self(None)),
            name => name.parse().map(|it| Self(Some(it))).map_err(|it| format!("{it}, or all")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_all_can_be_wanted() {
        let all = |text: &str| text.parse().map(Wanted::all);

        assert_eq!(all("armv7"), Ok(vec![Architecture::Armv7]));
        assert_eq!(all("all"), Ok(Architecture::ALL.to_vec()));
        assert!(all("i386").unwrap_err().ends_with("or all"));
    }
}
