//! Signed tokens (JWS, compact): taken apart, and checked against a key. Only asymmetric algorithms are known here, and which
//! one is used follows from the key, so that neither `none` nor a public key taken for a shared secret can get through.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How long a token may be, in bytes.
const LONGEST: usize = 16 * 1024;

/// A token whose signature has not been looked at.
#[derive(Debug)]
pub(super) struct Unverified<'a> {
    pub(super) header: Header,
    /// What is signed.
    message: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    /// Extensions that must be understood. None is.
    crit: Option<Value>,
}

/// A key of an issuer (JWK).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Key {
    kty: String,
    pub(super) kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart; none for what is no such token.
    pub(super) fn parse(token: &'a str) -> Option<Self> {
        if token.len() > LONGEST {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        (header.crit.is_none() && !payload.contains('.')).then_some(())?;
        Some(Self {
            header,
            message,
            payload,
            signature: decode(signature)?,
        })
    }

    /// The claims, if the key has signed them.
    pub(super) fn verify(&self, key: &Key) -> Option<Map<String, Value>> {
        (key.is_for_signatures() && key.algorithm()? == self.header.alg).then_some(())?;
        key.verify(self.message.as_bytes(), &self.signature)?;
        serde_json::from_slice(&decode(self.payload)?).ok()
    }
}

impl Key {
    fn is_for_signatures(&self) -> bool {
        let is_sig = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        is_sig && self.alg.as_deref().is_none_or(|alg| self.algorithm() == Some(alg))
    }

    /// The one algorithm that this key is used with here.
    fn algorithm(&self) -> Option<&'static str> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Some("RS256"),
            ("EC", Some("P-256")) => Some("ES256"),
            ("OKP", Some("Ed25519")) => Some("EdDSA"),
            _ => None,
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Option<()> {
        let part = |part: &Option<String>| decode(part.as_deref()?);
        let verified = match self.algorithm()? {
            "RS256" => RsaPublicKeyComponents {
                n: part(&self.n)?,
                e: part(&self.e)?,
            }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
            "ES256" => {
                // Uncompressed: both coordinates, whole.
                let (x, y) = (part(&self.x)?, part(&self.y)?);
                (x.len() == 32 && y.len() == 32).then_some(())?;
                let point = [&[4][..], &x, &y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            _ => UnparsedPublicKey::new(&ED25519, part(&self.x)?).verify(message, signature),
        };
        verified.ok()
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
