//! New secrets, and what is kept of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

/// How many random bytes a secret has.
const RANDOM_BYTES: usize = 32;

/// The hash of a secret.
pub(crate) type Hash = [u8; 32];

/// SHA-256: enough for secrets of 256 random bits, and fast enough for every request.
pub(crate) fn sha256(secret: &str) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    hash
}

/// A new secret that begins with `prefix`; none where the system gives no random bytes.
pub(crate) fn new(prefix: &str) -> Option<String> {
    let mut bytes = [0; RANDOM_BYTES];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}
