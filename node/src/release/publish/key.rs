//! Private keys and what they sign.

use aws_lc_rs::rand::SecureRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use tough::schema::key::Key;
use tough::schema::{Role as TufRole, Root, Signature, Signed};
use tough::sign::Sign as _;

use super::Fault;
use crate::release::Role;

const PEM_TAG: &str = "PRIVATE KEY";

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519.
    Ed25519,
    /// ECDSA with P-256 and SHA-256.
    Ecdsa,
}

/// A private key.
pub enum SigningKey {
    /// Ed25519.
    Ed25519(Ed25519KeyPair),
    /// ECDSA with P-256 and SHA-256.
    Ecdsa(EcdsaKeyPair),
}

impl SigningKey {
    /// Makes a new key; the generator is the library's own.
    ///
    /// # Errors
    ///
    /// Fails if the system has no randomness.
    pub fn generate(algorithm: Algorithm) -> Result<Self, Fault> {
        let made = match algorithm {
            Algorithm::Ed25519 => Ed25519KeyPair::generate().map(Self::Ed25519),
            Algorithm::Ecdsa => {
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map(Self::Ecdsa)
            }
        };
        made.map_err(|error| Fault::Key { reason: error.to_string() })
    }

    /// Reads PKCS#8 in PEM.
    ///
    /// # Errors
    ///
    /// Fails if it is another format or another kind of key.
    pub fn from_pem(text: &[u8]) -> Result<Self, Fault> {
        let parsed = pem::parse(text).map_err(|error| Fault::Key { reason: error.to_string() })?;
        if parsed.tag() != PEM_TAG {
            return Err(Fault::Key { reason: format!("it holds a {}", parsed.tag()) });
        }
        let der = parsed.contents();
        if let Ok(key) = Ed25519KeyPair::from_pkcs8(der) {
            return Ok(Self::Ed25519(key));
        }
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der);
        key.map(Self::Ecdsa).map_err(|error| Fault::Key { reason: error.to_string() })
    }

    /// Writes PKCS#8 in PEM.
    ///
    /// # Errors
    ///
    /// Fails if the library cannot encode the key.
    pub fn to_pem(&self) -> Result<String, Fault> {
        let der = match self {
            Self::Ed25519(key) => key.to_pkcs8v1(),
            Self::Ecdsa(key) => key.to_pkcs8v1(),
        };
        let der = der.map_err(|error| Fault::Key { reason: error.to_string() })?;
        Ok(pem::encode(&pem::Pem::new(PEM_TAG, der.as_ref())))
    }

    /// Returns the public half, as root metadata lists it.
    pub fn public(&self) -> Key {
        match self {
            Self::Ed25519(key) => key.tuf_key(),
            Self::Ecdsa(key) => key.tuf_key(),
        }
    }

    pub(super) fn sign<T: TufRole>(
        &self,
        role: &T,
        random: &dyn SecureRandom,
    ) -> Result<Signature, Fault> {
        let fault = |reason: String| Fault::Signing { role: Role::from(T::TYPE), reason };
        let text = role.canonical_form().map_err(|error| fault(error.to_string()))?;
        let keyid = self.public().key_id().map_err(|error| fault(error.to_string()))?;
        let sig = match self {
            Self::Ed25519(key) => key.sign(&text).as_ref().to_vec(),
            Self::Ecdsa(key) => {
                let signed = key.sign(random, &text);
                signed.map_err(|error| fault(error.to_string()))?.as_ref().to_vec()
            }
        };
        Ok(Signature { keyid, sig: sig.into() })
    }
}

/// The keys a publisher has at hand.
pub struct Keyring<'a> {
    /// The keys.
    pub keys: Vec<SigningKey>,
    /// What ECDSA signatures draw from.
    pub random: &'a dyn SecureRandom,
}

impl Keyring<'_> {
    /// Tells whether these keys are enough for a role.
    pub(super) fn can_sign<T: TufRole>(&self, root: &Root) -> bool {
        let (have, threshold) = self.standing::<T>(root);
        have >= threshold
    }

    /// Signs a role with each of its keys.
    pub(super) fn sign<T: TufRole>(&self, root: &Root, role: T) -> Result<Signed<T>, Fault> {
        let (have, threshold) = self.standing::<T>(root);
        if have < threshold {
            return Err(Fault::MissingKeys { role: Role::from(T::TYPE), threshold, have });
        }
        let keys = self.keys.iter().filter(|key| signs::<T>(root, key));
        let signatures = keys.map(|key| key.sign(&role, self.random)).collect::<Result<_, _>>()?;
        Ok(Signed { signed: role, signatures })
    }

    fn standing<T: TufRole>(&self, root: &Root) -> (u64, u64) {
        let have = self.keys.iter().filter(|key| signs::<T>(root, key)).count();
        let threshold = root.roles.get(&T::TYPE).map_or(u64::MAX, |role| role.threshold.get());
        (u64::try_from(have).unwrap_or(u64::MAX), threshold)
    }
}

/// Tells whether a key is one of a role's.
pub(super) fn signs<T: TufRole>(root: &Root, key: &SigningKey) -> bool {
    let public = key.public();
    root.keys(T::TYPE).any(|listed| *listed == public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_read_back_from_its_pem() {
        for algorithm in [Algorithm::Ed25519, Algorithm::Ecdsa] {
            let key = SigningKey::generate(algorithm).unwrap();

            let back = SigningKey::from_pem(key.to_pem().unwrap().as_bytes()).unwrap();

            assert_eq!(back.public(), key.public());
        }
    }

    #[test]
    fn what_is_no_private_key_is_refused() {
        let public = pem::encode(&pem::Pem::new("PUBLIC KEY", vec![1; 32]));
        let nonsense = pem::encode(&pem::Pem::new(PEM_TAG, vec![1; 32]));

        for text in ["", public.as_str(), nonsense.as_str()] {
            assert!(matches!(SigningKey::from_pem(text.as_bytes()), Err(Fault::Key { .. })));
        }
    }
}
