//! The token exchange of Scalingo: a permanent API token for a real JWT (HS512) of one hour.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::dice::Dice;
use crate::front::{Front, Incoming};
use crate::time_format::wall_clock;

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    iat: i64,
    uuid: String,
    rnd: String,
    exp: i64,
}

/// The id of the one user whose tokens the simulator knows.
pub(crate) fn user_id(seed: u64, user: usize) -> String {
    format!("us-{}", Dice::new(seed, "user", user as u64).uuid())
}

/// The key changes when all tokens expire at once, and is the same after a restart of the same world.
fn key(front: &Front) -> hmac::Key {
    let generation = front.world.shared().token_key.load(Ordering::SeqCst);
    let secret = Dice::new(front.world.state().seed(), "token key", generation).hex(64);
    hmac::Key::new(hmac::HMAC_SHA512, secret.as_bytes())
}

/// `POST /v1/tokens/exchange`: Basic with an empty user and the API token as password.
pub(crate) fn exchange(front: &Front, incoming: &Incoming) -> Response {
    let password = incoming.header(header::AUTHORIZATION).and_then(|value| {
        let (scheme, encoded) = value.split_once(' ')?;
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        (scheme.eq_ignore_ascii_case("basic") && user.is_empty()).then(|| password.to_owned())
    });
    if password.as_deref() != Some(front.token.as_str()) {
        let body = json!({ "error": "Invalid credentials" });
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    Json(json!({ "token": issue(front) })).into_response()
}

fn issue(front: &Front) -> String {
    let iat = wall_clock().unix_timestamp();
    let lifetime = i64::try_from(front.world.quirks().scalingo_token_lifetime_s).unwrap_or(3_600);
    let seed = front.world.state().seed();
    let nanos = wall_clock().unix_timestamp_nanos() as u64;
    let claims = Claims {
        iss: "Scalingo".to_owned(),
        iat,
        uuid: user_id(seed, 0),
        // Two exchanges in one second give two tokens.
        rnd: Dice::new(nanos, "rnd", 0).hex(8),
        exp: iat + lifetime,
    };
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!(
        "{}.{}",
        part(json!({ "alg": "HS512", "typ": "JWT" })),
        part(json!(claims))
    );
    let signature = hmac::sign(&key(front), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

/// True for a token of ours whose signature and time are right.
pub(crate) fn is_valid(front: &Front, token: &str) -> bool {
    let checked = || {
        let (signed, signature) = token.rsplit_once('.')?;
        let (head, body) = signed.split_once('.')?;
        let head: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&key(front), signed.as_bytes(), &signature).ok()?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
        (head["alg"] == "HS512" && claims.exp > wall_clock().unix_timestamp()).then_some(())
    };
    checked().is_some()
}
