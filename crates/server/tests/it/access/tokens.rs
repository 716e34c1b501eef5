//! Tokens from their making to their end, and what the audit log keeps of it.

use serde_json::{Value, json};
use slipway_store::Visibility;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{request, token};
use crate::harness::{ADMIN, Gateway, READ};

async fn send(gateway: &Gateway, method: &str, path: &str, body: Option<&Value>) -> crate::harness::Answer {
    gateway.ask(request(method, path, Some(ADMIN), body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_shown_once_used_listed_and_revoked() {
    let gateway = Gateway::new().await;
    let body = json!({
        "name": "grafana",
        "scopes": ["deployments:read", "events:read"],
        "restrictions": {"accounts": ["main"]},
        "expires_at": "2999-01-01T00:00:00Z"
    });
    let created = send(&gateway, "POST", "/api/v1/tokens", Some(&body)).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let created = created.json();
    let (secret, id) = (
        created["secret"].as_str().unwrap(),
        created["token"]["id"].as_str().unwrap(),
    );
    assert!(secret.starts_with("slp_") && secret.len() == 47, "{secret}");
    assert!(secret.starts_with(created["token"]["prefix"].as_str().unwrap()));
    assert_eq!(created["token"]["created_by"], "boss");

    let whoami = gateway
        .ask(request("GET", "/api/v1/whoami", Some(secret), None))
        .await
        .json();
    assert_eq!(whoami["principal"], "grafana");
    assert_eq!(whoami["scopes"], json!(["deployments:read", "events:read"]));
    assert_eq!(whoami["restrictions"]["accounts"], json!(["main"]));
    assert_eq!(whoami["expires_at"], "2999-01-01T00:00:00Z");

    let listed = send(&gateway, "GET", "/api/v1/tokens", None).await;
    assert!(
        !listed.text.contains(secret) && !listed.text.contains("hash"),
        "{}",
        listed.text
    );
    assert_eq!(listed.items()[0]["id"], id);

    let path = format!("/api/v1/tokens/{id}");
    let revoked = send(&gateway, "DELETE", &path, None).await.json();
    assert!(revoked["revoked_at"].is_string());
    let again = send(&gateway, "DELETE", &path, None).await.json();
    assert_eq!(again["revoked_at"], revoked["revoked_at"]);
    let gone = "/api/v1/tokens/018f0000-0000-7000-8000-000000000000";
    assert_eq!(send(&gateway, "DELETE", gone, None).await.status, 404);

    // What is known of a token is a second and a half old at most.
    let refused = async {
        loop {
            let answer = gateway.ask(request("GET", "/api/v1/whoami", Some(secret), None)).await;
            if answer.status == 401 {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let refused = tokio::time::timeout(std::time::Duration::from_secs(5), refused)
        .await
        .expect("refused in time");
    assert_eq!(refused.json()["code"], "token_revoked");

    let audit = send(&gateway, "GET", "/api/v1/audit", None).await;
    assert!(!audit.text.contains(secret), "no secret in the audit log");
    let actions: Vec<Value> = audit.items().iter().map(|entry| entry["action"].clone()).collect();
    // The newest is the one that was refused: there is no such token.
    assert_eq!(audit.items()[0]["outcome"], "refused");
    assert_eq!(
        actions,
        ["token.revoke", "token.revoke", "token.revoke", "token.create"]
    );
    let first = &audit.items()[3];
    assert_eq!(
        (&first["principal_id"], &first["target"]),
        (&json!("config:boss"), &json!(id))
    );
    assert!(first["request_id"].is_string() && first["outcome"] == "succeeded");
    assert_eq!(first["detail"]["scopes"], json!(["deployments:read", "events:read"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_cannot_be_is_refused_by_field() {
    let gateway = Gateway::new().await;
    for (body, field) in [
        (json!({}), "body"),
        (json!({"name": "", "scopes": ["admin"]}), "name"),
        (json!({"name": "a\nb", "scopes": ["admin"]}), "name"),
        (json!({"name": "a", "scopes": []}), "scopes"),
        (json!({"name": "a", "scopes": ["admin", "root"]}), "scopes[1]"),
        (
            json!({"name": "a", "scopes": ["admin"], "expires_at": "2001-01-01T00:00:00Z"}),
            "expires_at",
        ),
        (
            json!({"name": "a", "scopes": ["admin"], "expires_at": "tomorrow"}),
            "expires_at",
        ),
        (
            json!({"name": "a", "scopes": ["admin"], "restrictions": {"accounts": ["x"]}}),
            "restrictions",
        ),
        (
            json!({"name": "a", "scopes": ["raw:read"], "restrictions": {"accounts": [""]}}),
            "restrictions.accounts",
        ),
        (
            json!({"name": "a", "scopes": ["raw:read"], "restrictions": {"acounts": ["x"]}}),
            "restrictions.acounts",
        ),
        (json!({"name": "a", "scopes": ["raw:read"], "secret": "mine"}), "secret"),
        (json!({"name": 5, "scopes": ["raw:read"]}), "name"),
    ] {
        let answer = send(&gateway, "POST", "/api/v1/tokens", Some(&body)).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
        assert_eq!(answer.json()["code"], "invalid_body");
        assert_eq!(answer.json()["errors"][0]["field"], field, "{body}: {}", answer.text);
    }
    let list = json!(["a", ["admin"]]);
    assert_eq!(send(&gateway, "POST", "/api/v1/tokens", Some(&list)).await.status, 422);
    assert_eq!(send(&gateway, "POST", "/api/v1/tokens", None).await.status, 415);
    let listed = send(&gateway, "GET", "/api/v1/tokens", None).await;
    assert!(listed.items().is_empty(), "{}", listed.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_and_audit_are_walked_page_by_page() {
    let gateway = Gateway::new().await;
    for _ in 0..5 {
        token(&gateway, &["raw:read"], Visibility::default()).await;
    }
    for (list, time) in [("tokens", "created_at"), ("audit", "at")] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = send(&gateway, "GET", &format!("/api/v1/{list}?limit=2{cursor}"), None).await;
            // Ids of one millisecond are in no order of their own.
            let place = |item: &Value| {
                let at = OffsetDateTime::parse(item[time].as_str().unwrap(), &Rfc3339).unwrap();
                (at, item["id"].as_str().unwrap().to_owned())
            };
            seen.extend(page.items().iter().map(place));
            match page.json()["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let mut sorted = seen.clone();
        sorted.sort();
        sorted.dedup();
        sorted.reverse();
        assert_eq!((seen.len(), &seen), (5, &sorted), "{list}: newest first, none twice");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_use_of_a_token_is_noted_and_the_audit_log_only_grows() {
    let gateway = Gateway::new().await;
    let (row, secret) = token(&gateway, &["raw:read"], Visibility::default()).await;
    gateway.ask(request("GET", "/api/v1/whoami", Some(&secret), None)).await;
    let noted = async {
        loop {
            let listed = send(&gateway, "GET", "/api/v1/tokens", None).await;
            if listed.items()[0]["last_used_at"].is_string() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::harness::PATIENCE, noted)
        .await
        .expect("noted");
    for statement in [
        "UPDATE audit_log SET principal = 'somebody else'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
    ] {
        let refused = sqlx::query(statement)
            .execute(&gateway.db.pool)
            .await
            .expect_err(statement);
        assert!(refused.to_string().contains("only grows"), "{refused}");
    }
    let kept: Vec<u8> = sqlx::query_scalar("SELECT secret_hash FROM tokens WHERE id = $1")
        .bind(row.id)
        .fetch_one(&gateway.db.pool)
        .await
        .expect("a row");
    assert_eq!(kept.len(), 32);
    let text: String = sqlx::query_scalar("SELECT string_agg(t::text, ' ') FROM tokens t")
        .fetch_one(&gateway.db.pool)
        .await
        .expect("text");
    assert!(!text.contains(&secret));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_principal_has_so_many_requests_and_others_have_theirs() {
    let settings = slipway_server::ServerSettings {
        requests_per_minute: 3,
        ..crate::harness::settings()
    };
    let gateway = Gateway::with(settings).await;
    let ask = async |secret: &str| gateway.ask(request("GET", "/api/v1/whoami", Some(secret), None)).await;
    for left in ["2", "1", "0"] {
        let answer = ask(READ).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), "\"default\";q=3;w=60");
        assert!(
            answer
                .header("ratelimit")
                .starts_with(&format!("\"default\";r={left};t=")),
            "{:?}",
            answer.headers
        );
    }
    let refused = ask(READ).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()["code"].as_str()),
        (429, Some("rate_limited"))
    );
    let wait: u32 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(ask(ADMIN).await.status, 200);
    assert_eq!(ask("wrong").await.status, 401);
}
