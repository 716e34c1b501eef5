//! What somebody was not let do is in the audit log, and nobody can fill that.

use std::time::Duration;

use serde_json::{Value, json};
use slipway_server::ServerSettings;
use slipway_store::Visibility;

use super::{request, token};
use crate::harness::{ADMIN, Gateway, PATIENCE, READ, settings};
use crate::wire::Wire;

async fn refused(gateway: &Gateway) -> Vec<Value> {
    let audit = gateway
        .ask(request("GET", "/api/v1/audit?limit=200", Some(ADMIN), None))
        .await;
    let mut entries = audit.items();
    entries.retain(|entry| entry["outcome"] == "refused");
    entries.reverse();
    entries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_refused_a_change_is_named_with_the_reason() {
    let gateway = Gateway::new().await;
    let (row, reader) = token(&gateway, &["deployments:read"], Visibility::default()).await;
    let new = json!({"name": "mine", "scopes": ["admin"]});
    let gone = "/api/v1/tokens/018f0000-0000-7000-8000-000000000000";
    let own = format!("/api/v1/tokens/{}", row.id);
    for (method, path, secret, body, status) in [
        ("POST", "/api/v1/tokens", Some(reader.as_str()), Some(&new), 403),
        ("DELETE", own.as_str(), Some(reader.as_str()), None, 403),
        ("DELETE", gone, Some(ADMIN), None, 404),
        ("POST", "/api/v1/stream-tickets", Some(reader.as_str()), None, 403),
        (
            "POST",
            "/api/v1/session",
            None,
            Some(&json!({"token": "wrong-and-secret"})),
            401,
        ),
        ("DELETE", own.as_str(), Some("slp_wrong-and-secret"), None, 401),
        // Not refused: not understood.
        ("POST", "/api/v1/tokens", Some(ADMIN), Some(&json!({"name": ""})), 422),
        ("DELETE", "/api/v1/nowhere", Some(READ), None, 404),
        // Reads are not written down.
        ("GET", "/api/v1/audit", Some(READ), None, 403),
    ] {
        let answer = gateway.ask(request(method, path, secret, body)).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.text);
    }
    let entries = refused(&gateway).await;
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
            (
                text("principal"),
                text("action"),
                entry["detail"]["code"].as_str().expect("a code").to_owned(),
            )
        })
        .collect();
    let expected = [
        ("test", "token.create", "insufficient_scope"),
        ("test", "token.revoke", "insufficient_scope"),
        ("boss", "token.revoke", "not_found"),
        ("test", "stream_ticket.create", "insufficient_scope"),
        ("anonymous", "session.create", "unauthenticated"),
        ("anonymous", "token.revoke", "unauthenticated"),
    ]
    .map(|(principal, action, code)| (principal.to_owned(), action.to_owned(), code.to_owned()));
    assert_eq!(told, expected);
    assert_eq!(entries[1]["target"], json!(row.id));
    assert_eq!(entries[0]["principal_id"], json!(format!("token:{}", row.id)));
    assert!(entries.iter().all(|entry| entry["request_id"].is_string()));
    assert!(!json!(entries).to_string().contains("wrong-and-secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_refusals_are_two_entries() {
    let gateway = Gateway::with(ServerSettings {
        refusals_window: Duration::from_secs(3),
        ..settings()
    })
    .await;
    let (_, reader) = token(&gateway, &["deployments:read"], Visibility::default()).await;
    let new = json!({"name": "mine", "scopes": ["admin"]});
    let mut sent = 0;
    // As many as fit before the sum is written.
    while sent < 1_000 && refused(&gateway).await.len() < 2 {
        for _ in 0..50 {
            let answer = gateway
                .ask(request("POST", "/api/v1/tokens", Some(&reader), Some(&new)))
                .await;
            assert_eq!(answer.status, 403);
            sent += 1;
        }
    }
    let summed = async {
        loop {
            let entries = refused(&gateway).await;
            let counted: u64 = entries
                .iter()
                .map(|entry| entry["detail"]["repeated"].as_u64().unwrap_or(1))
                .sum();
            if counted == sent {
                return entries;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let entries = tokio::time::timeout(PATIENCE, summed)
        .await
        .expect("all of them are counted");
    assert!(entries.len() <= 4, "{entries:#?}");
    assert!(entries[0]["detail"]["repeated"].is_null() && entries[0]["request_id"].is_string());
    assert!(entries[1]["detail"]["repeated"].is_u64() && entries[1]["request_id"].is_null());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stays_unknown_is_told_by_the_address() {
    let gateway = Gateway::new().await;
    let wire = Wire::new(&gateway).await;
    let headers = [("Authorization", "Bearer slp_wrong")];
    for _ in 0..3 {
        assert_eq!(wire.send("POST", "/api/v1/tokens", &headers).await.status, 401);
    }
    let entries = refused(&gateway).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["client_address"], "127.0.0.1");
}
