//! What a repository says about an update beside its length and hash.

pub use image::update::Digest as Sha256;
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The custom metadata of a target; fields it does not know are left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custom {
    /// The processor architecture, by the manifest's name.
    pub architecture: String,
    /// The board, by the manifest's name.
    pub board: String,
    /// The firmware's version.
    pub version: Version,
    /// The oldest firmware that may be updated to this one directly.
    pub minimum: Version,
    /// The schema of the data partition that this firmware writes.
    pub schema: u32,
    /// The hash of the update file's header, in lower-case hexadecimal.
    pub header_sha256: Sha256,
}

impl Custom {
    /// Reads the custom object of a target; never panics, whatever the text.
    ///
    /// # Errors
    ///
    /// Fails where a field is missing or is not what it should be.
    pub fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// Reads the custom object of a target that has been parsed as JSON.
    ///
    /// # Errors
    ///
    /// As [`Custom::parse`].
    pub fn from_fields<'a>(
        fields: impl IntoIterator<Item = (&'a String, &'a Value)>,
    ) -> Result<Self, serde_json::Error> {
        let object = fields.into_iter().map(|(name, value)| (name.clone(), value.clone()));
        serde_json::from_value(Value::Object(object.collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = r#"{"architecture":"armv7","board":"generic-armv7","version":"1.2.0","minimum":"1.0.0",
        "schema":1,"header_sha256":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff","later":[1]}"#;

    #[test]
    fn custom_metadata_is_read_and_unknown_fields_are_left_alone() {
        let custom = Custom::parse(GOOD.as_bytes()).unwrap();

        assert_eq!(custom.version, Version::new(1, 2, 0));
        assert_eq!(custom.header_sha256.0[31], 0xff);
        assert_eq!(
            Custom::parse(&serde_json::to_vec(&custom).unwrap()).unwrap(),
            custom,
            "what is written is read back"
        );
    }

    #[test]
    fn custom_metadata_that_lacks_a_field_or_holds_nonsense_is_refused() {
        for (from, to) in [
            ("\"board\"", "\"bored\""),
            ("1.2.0", "1.2"),
            ("\"schema\":1", "\"schema\":-1"),
            ("1d1eff", "1d1e"),
            ("1d1eff", "1d1ef"),
            ("1d1eff", "1d1efg"),
            ("1d1eff", "1d1e\u{e4}"),
        ] {
            let text = GOOD.replace(from, to);

            assert!(Custom::parse(text.as_bytes()).is_err(), "{to}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Custom::parse(&bytes);
        }
    }
}
