//! Wrong tokens: how many an address may send, and whom that never concerns.

use slipway_server::{Network, ServerSettings};
use slipway_store::Visibility;

use super::token;
use crate::harness::{Gateway, READ, settings};
use crate::wire::Wire;

const LIMIT: u32 = 2;

/// Asks over a real connection, through a proxy that is trusted where `from` is given.
async fn ask(wire: &Wire, from: Option<&str>, secret: &str) -> (u16, String, String) {
    let bearer = format!("Bearer {secret}");
    let mut headers = vec![("Authorization", bearer.as_str())];
    headers.extend(from.map(|from| ("X-Forwarded-For", from)));
    let answer = wire.send("GET", "/api/v1/whoami", &headers).await;
    let code = match answer.status.as_u16() {
        200 => String::new(),
        _ => answer.json()["code"].as_str().expect("a code").to_owned(),
    };
    (answer.status.as_u16(), code, answer.header("retry-after").to_owned())
}

fn wrong(number: u32) -> String {
    format!("slp_{number:043}")
}

async fn limited(trusted_proxies: Vec<Network>) -> (Gateway, Wire) {
    let gateway = Gateway::with(ServerSettings {
        failed_logins_per_minute: LIMIT,
        trusted_proxies,
        ..settings()
    })
    .await;
    let wire = Wire::new(&gateway).await;
    (gateway, wire)
}

/// Sends wrong tokens until the address is refused: the bucket fills while the test runs.
async fn exhaust(wire: &Wire, from: Option<&str>) {
    for number in 0..10 * LIMIT {
        let (status, code, retry_after) = ask(wire, from, &wrong(number)).await;
        if status == 429 {
            assert_eq!(code, "too_many_failed_logins");
            assert!(
                (1..=60).contains(&retry_after.parse::<u32>().expect("seconds")),
                "{retry_after}"
            );
            assert!(number >= LIMIT, "only after {LIMIT}");
            return;
        }
        assert_eq!((status, code.as_str()), (401, "unauthenticated"));
    }
    panic!("never refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_guesses_waits_and_nobody_else_does() {
    let loopback = Network {
        address: "127.0.0.1".parse().expect("an address"),
        prefix: 32,
    };
    let (gateway, wire) = limited(vec![loopback]).await;
    let (guesser, neighbour) = (Some("192.0.2.1"), Some("192.0.2.2"));
    let (_, known) = token(&gateway, &["deployments:read"], Visibility::default()).await;
    assert_eq!(ask(&wire, guesser, &known).await.0, 200);
    assert_eq!(ask(&wire, guesser, READ).await.0, 200);
    exhaust(&wire, guesser).await;
    // Who was let in from there before goes on.
    for secret in [known.as_str(), READ] {
        assert_eq!(ask(&wire, guesser, secret).await.0, 200);
    }
    // Another address is not concerned, with whatever token.
    assert_eq!(ask(&wire, neighbour, &known).await.0, 200);
    assert_eq!(ask(&wire, neighbour, &wrong(0)).await.0, 401);
    // What the proxy adds counts, not what the client claims before it.
    assert_eq!(ask(&wire, Some("203.0.113.7, 192.0.2.1"), &wrong(1)).await.0, 429);
    assert_eq!(ask(&wire, Some("192.0.2.1, 192.0.2.2"), &wrong(2)).await.0, 401);
    // A request without credentials is refused for what it is.
    let answer = wire
        .send("GET", "/api/v1/whoami", &[("X-Forwarded-For", "192.0.2.1")])
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(wire.send("GET", "/livez", &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_have_ended_are_no_guesses_and_a_claimed_address_no_way_out() {
    let (gateway, wire) = limited(Vec::new()).await;
    let (row, revoked) = token(&gateway, &["deployments:read"], Visibility::default()).await;
    sqlx::query("UPDATE tokens SET revoked_at = now() WHERE id = $1")
        .bind(row.id)
        .execute(&gateway.db.pool)
        .await
        .expect("revoked");
    for _ in 0..3 * LIMIT {
        assert_eq!(ask(&wire, None, &revoked).await.1, "token_revoked");
    }
    // Nobody is trusted here: all of these come from one address.
    let mut codes = Vec::new();
    for number in 0..10 * LIMIT {
        codes.push(ask(&wire, Some(&format!("192.0.2.{number}")), &wrong(number)).await.0);
    }
    assert!(codes.contains(&429), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_cannot_be_guessed_any_faster() {
    let (_gateway, wire) = limited(Vec::new()).await;
    exhaust(&wire, None).await;
    let body = format!("{{\"token\":\"{}\"}}", wrong(99));
    let length = body.len().to_string();
    let headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", length.as_str()),
    ];
    let answer = wire.send_with_body("POST", "/api/v1/session", &headers, &body).await;
    assert_eq!(answer.json()["code"], "too_many_failed_logins");
}
