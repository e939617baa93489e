use aws_lc_rs::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey, VerificationAlgorithm,
};

/// FIPS 180-4, the example of one block.
pub(super) fn sha256() -> Result<String, String> {
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    same(digest(&SHA256, b"abc").as_ref(), ABC)?;
    Ok("FIPS 180-4, abc".to_owned())
}

/// "The Galois/Counter Mode of Operation", appendix B, test case 14.
pub(super) fn aes_gcm() -> Result<String, String> {
    let sealed = seal(
        UnboundKey::new(&AES_256_GCM, &[0; 32]).map_err(|_| "the key is refused")?,
        [0; 12],
        &[],
        &[0; 16],
    )?;
    same(&sealed, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")?;
    Ok("GCM test case 14".to_owned())
}

/// RFC 8439 section 2.8.2. The tag stands for the cipher text, which it authenticates.
pub(super) fn chacha20_poly1305() -> Result<String, String> {
    const SUNSCREEN: &[u8] =
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one \
        tip for the future, sunscreen would be it.";
    let key = unhex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
    let sealed = seal(
        UnboundKey::new(&CHACHA20_POLY1305, &key).map_err(|_| "the key is refused")?,
        [7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47],
        &unhex("50515253c0c1c2c3c4c5c6c7"),
        SUNSCREEN,
    )?;
    let tag = sealed.get(SUNSCREEN.len()..).unwrap_or_default();
    same(tag, "1ae10b594f09e26a7e902ecbd0600691")?;
    Ok("RFC 8439 section 2.8.2".to_owned())
}

/// RFC 8032 section 7.1, test 2.
pub(super) fn ed25519() -> Result<String, String> {
    verifies(
        &ED25519,
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        &[0x72],
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    )?;
    Ok("RFC 8032 section 7.1".to_owned())
}

/// RFC 6979 appendix A.2.5, SHA-256 of "sample".
pub(super) fn ecdsa_p256() -> Result<String, String> {
    verifies(
        &ECDSA_P256_SHA256_FIXED,
        "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
         7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
        b"sample",
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
         f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    )?;
    Ok("RFC 6979 appendix A.2.5".to_owned())
}

fn seal(key: UnboundKey, nonce: [u8; 12], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, String> {
    let mut sealed = plain.to_vec();
    LessSafeKey::new(key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed)
        .map_err(|_| "sealing failed")?;
    Ok(sealed)
}

/// Checks that a good signature is taken and one with a bit flipped is not.
fn verifies(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &str,
    message: &[u8],
    signature: &str,
) -> Result<(), String> {
    let key = UnparsedPublicKey::new(algorithm, unhex(key));
    let mut signature = unhex(signature);
    key.verify(message, &signature).map_err(|_| "a good signature is refused")?;
    if let Some(byte) = signature.first_mut() {
        *byte ^= 1;
    }
    match key.verify(message, &signature) {
        Ok(()) => Err("a bad signature is taken".to_owned()),
        Err(_) => Ok(()),
    }
}

fn same(found: &[u8], expected: &str) -> Result<(), String> {
    let found: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
    if found == expected { Ok(()) } else { Err(format!("{found} instead of {expected}")) }
}

/// Reads the constants above.
fn unhex(text: &str) -> Vec<u8> {
    let nibble = |digit: &u8| char::from(*digit).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.filter_map(|pair| Some(nibble(pair.first()?)? << 4 | nibble(pair.last()?)?)).collect()
}
