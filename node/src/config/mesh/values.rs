use batman::{Address, MacPolicy, Mtu};
use toml::de::DeValue;

use crate::config::key::Value;

impl Value for MacPolicy {
    const EXPECTED: &'static str =
        "\"kernel\", \"stable\" or an address such as \"02:00:00:00:00:01\"";
    const WORDS: &'static [&'static str] = &["kernel", "stable"];

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        match value.as_str().ok_or(None)? {
            "kernel" => Ok(Self::Kernel),
            "stable" => Ok(Self::Stable),
            text => {
                let address: batman::MacAddr = text.parse().map_err(|_| None)?;
                let [first, ..] = address.0;
                if first & 1 == 1 || address.0 == [0; 6] {
                    return Err(Some("no interface can have it".to_owned()));
                }
                Ok(Self::Fixed(address))
            }
        }
    }
}

impl Value for Mtu {
    const EXPECTED: &'static str = "a number of bytes from 1280 to 65535";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        let number = value.as_integer().ok_or(None)?;
        let bytes = u32::from_str_radix(number.as_str(), number.radix()).map_err(|_| None)?;
        Self::new(bytes).map_err(|_| None)
    }
}

impl Value for Address {
    const EXPECTED: &'static str = "an address and its prefix, such as \"10.0.0.1/24\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        value
            .as_str()
            .ok_or(None)?
            .parse()
            .map_err(|error: batman::InvalidAddress| Some(error.to_string()))
    }
}
