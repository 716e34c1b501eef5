//! Who may do and see what.

mod failed_logins;
mod oidc;
mod open_access;
mod refusals;
mod restrictions;
mod route_table;
mod sessions;
mod streams;
mod tokens;

use axum::body::Body;
use http::{Request, header};
use serde_json::Value;
use slipway_server::{Actor, NewToken, Scopes, create_token};
use slipway_store::Visibility;
use slipway_store::tokens::TokenRow;
use time::{Duration, OffsetDateTime};

use crate::harness::Gateway;

/// A token of the database.
pub(crate) async fn token(gateway: &Gateway, scopes: &[&str], visibility: Visibility) -> (TokenRow, String) {
    token_until(gateway, scopes, visibility, None).await
}

/// One that ends some time from now.
async fn token_until(
    gateway: &Gateway,
    scopes: &[&str],
    visibility: Visibility,
    lifetime: Option<Duration>,
) -> (TokenRow, String) {
    let now = now();
    let new = NewToken {
        name: "test".to_owned(),
        scopes: Scopes::from_words(scopes.iter().copied()),
        visibility,
        expires_at: lifetime.map(|lifetime| now + lifetime),
    };
    let mut conn = gateway.db.pool.acquire().await.expect("a connection");
    let created = create_token(&mut conn, new, &Actor::command_line(), now).await;
    created.expect("stored").expect("random bytes")
}

fn now() -> OffsetDateTime {
    slipway_core::Clock::now(&slipway_core::SystemClock)
}

pub(crate) fn of_account(account: &str) -> Visibility {
    Visibility {
        accounts: vec![account.to_owned()],
        ..Visibility::default()
    }
}

/// A request with a bearer token and, if there is one, a JSON body.
pub(crate) fn request(method: &str, path: &str, secret: Option<&str>, body: Option<&Value>) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    if let Some(secret) = secret {
        builder = builder.header(header::AUTHORIZATION, format!("Bearer {secret}"));
    }
    match body {
        None => builder.body(Body::empty()),
        Some(body) => builder
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string())),
    }
    .expect("a request")
}
