//! Every route, and what each kind of caller gets there. A route without a row fails.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use slipway_server::{Scope, free_paths, openapi, undocumented_paths};
use slipway_store::Visibility;
use time::Duration;

use super::{of_account, request, token, token_until};
use crate::harness::Gateway;
use crate::rows::{insert_account, insert_application, insert_deployment, success};

/// Who asks, in the order of the columns: nobody; a token that is not known; one that has expired; one that was revoked; one
/// with another scope; one with the right scope that sees another account; the right one.
const COLUMNS: [&str; 7] = [
    "none",
    "wrong",
    "expired",
    "revoked",
    "other scope",
    "restricted",
    "right",
];

struct Row {
    route: &'static str,
    scope: &'static str,
    body: Option<Value>,
    expected: [u16; 7],
}

fn row(route: &'static str, scope: &'static str, expected: [u16; 7]) -> Row {
    Row {
        route,
        scope,
        body: None,
        expected,
    }
}

/// A read that anybody may make who may read at all, and that leaves out what is hidden.
const LIST: [u16; 7] = [401, 401, 401, 401, 403, 200, 200];
/// A read of one thing, which is hidden from who is restricted to another account.
const ITEM: [u16; 7] = [401, 401, 401, 401, 403, 404, 200];
/// Something that a token restricted to anything cannot do.
const ADMINISTER: [u16; 7] = [401, 401, 401, 401, 403, 403, 200];

/// A write: the provider of these tests has none.
fn write(route: &'static str, body: Value) -> Row {
    Row {
        body: Some(body),
        ..row(route, "deployments:write", [401, 401, 401, 401, 403, 404, 409])
    }
}

fn table() -> Vec<Row> {
    let read = "deployments:read";
    let new_token = json!({"name": "new", "scopes": ["deployments:read"]});
    vec![
        row("GET /api/v1/whoami", read, [401, 401, 401, 401, 200, 200, 200]),
        row("GET /api/v1/providers", read, LIST),
        row("GET /api/v1/accounts", read, LIST),
        row("GET /api/v1/accounts/{account}", read, ITEM),
        row("GET /api/v1/applications", read, LIST),
        row("GET /api/v1/applications/{application_id}", read, ITEM),
        row("GET /api/v1/applications/{application_id}/deployments", read, ITEM),
        row("GET /api/v1/annotations", read, LIST),
        row("GET /api/v1/board", read, LIST),
        row("GET /api/v1/deployments", read, LIST),
        row("GET /api/v1/deployments/{deployment_id}", read, ITEM),
        row("GET /api/v1/deployments/{deployment_id}/timeline", read, ITEM),
        row("GET /api/v1/deployments/{deployment_id}/logs", "logs:read", ITEM),
        row("GET /api/v1/deployments/{deployment_id}/logs/stream", "logs:read", ITEM),
        row("GET /api/v1/freezes", read, LIST),
        row("GET /api/v1/insights/deployments", read, LIST),
        row("GET /api/v1/insights/explain", read, LIST),
        row(
            "POST /api/v1/applications/{application_id}/refresh",
            read,
            [401, 401, 401, 401, 403, 404, 202],
        ),
        write(
            "POST /api/v1/applications/{application_id}/deployments",
            json!({"git_ref": "main"}),
        ),
        write("POST /api/v1/deployments/{deployment_id}/cancel", json!({})),
        write("POST /api/v1/deployments/{deployment_id}/redeploy", json!({})),
        write("POST /api/v1/deployments/{deployment_id}/rollback", json!({})),
        Row {
            expected: [401, 401, 401, 401, 403, 404, 404],
            ..write(
                "POST /api/v1/previews",
                json!({"action": "cancel", "deployment_id": uuid::Uuid::nil()}),
            )
        },
        row("GET /api/v1/events", "events:read", LIST),
        row("GET /api/v1/events/stream", "events:read", LIST),
        row(
            "POST /api/v1/stream-tickets",
            "events:read or logs:read",
            [401, 401, 401, 401, 403, 201, 201],
        ),
        row("POST /api/v1/session-codes", read, [401, 401, 401, 401, 403, 201, 201]),
        row("GET /api/v1/tokens", "admin", ADMINISTER),
        Row {
            body: Some(new_token),
            ..row("POST /api/v1/tokens", "admin", [401, 401, 401, 401, 403, 403, 201])
        },
        row("DELETE /api/v1/tokens/{token_id}", "admin", ADMINISTER),
        row("GET /api/v1/audit", "admin", ADMINISTER),
        // The token is in the body; see `sessions`.
        Row {
            body: Some(json!({"token": "wrong"})),
            ..row("POST /api/v1/session", read, [401; 7])
        },
        row("DELETE /api/v1/session", read, [204; 7]),
        // No token opens it, only the secret in the path; see `flows::webhooks`.
        Row {
            body: Some(json!({})),
            ..row("POST /api/v1/inbound/{account}/{secret}", read, [404; 7])
        },
        row("GET /livez", read, [200; 7]),
        row("GET /readyz", read, [200; 7]),
        row("GET /healthz", "admin", [200, 401, 401, 401, 200, 200, 200]),
        row("GET /metrics", "admin", ADMINISTER),
        row("GET /openapi.json", read, [200; 7]),
        row("GET /openapi-3.0.json", read, [200; 7]),
        row("GET /docs/", read, [200; 7]),
    ]
}

#[test]
fn every_route_has_a_row() {
    let document = serde_json::to_value(openapi()).expect("JSON");
    let mut routes: BTreeSet<String> = free_paths().into_iter().map(|path| format!("GET {path}")).collect();
    routes.extend(undocumented_paths().into_iter().map(|path| format!("POST {path}")));
    routes.insert("GET /docs/".to_owned());
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("an item").keys() {
            routes.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let rows: BTreeSet<String> = table().iter().map(|row| row.route.to_owned()).collect();
    assert_eq!(rows, routes);
}

/// Needs no scope: tells anybody who they are, or finds out by itself.
const ANY_SCOPE: [&str; 4] = [
    "GET /api/v1/whoami",
    "POST /api/v1/session",
    "DELETE /api/v1/session",
    "POST /api/v1/inbound/{account}/{secret}",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scope_that_the_document_names_opens_an_operation_and_no_other_does() {
    let gateway = Gateway::new().await;
    let document = serde_json::to_value(openapi()).expect("JSON");
    let mut secrets = Vec::new();
    for scope in Scope::ALL {
        let (_, secret) = token(&gateway, &[scope.as_str()], Visibility::default()).await;
        secrets.push((scope.as_str(), secret));
    }
    let mut wrong = Vec::new();
    for row in table().iter().filter(|row| row.route.contains("/api/v1/")) {
        let (method, path) = row.route.split_once(' ').expect("a method and a path");
        let operation = &document["paths"][path][method.to_lowercase()];
        let named = operation["x-required-scope"].as_str();
        if ANY_SCOPE.contains(&row.route) {
            assert_eq!(named, None, "{}", row.route);
            continue;
        }
        assert_eq!(named, Some(row.scope), "{}", row.route);
        let sentence = format!("Needs the scope `{}`.", row.scope.replace(" or ", "` or `"));
        let description = operation["description"].as_str().unwrap_or_default();
        assert!(description.ends_with(&sentence), "{}: {description}", row.route);
        // Whatever is behind it: the scope is asked for first.
        let nothing = "018f0000-0000-7000-8000-000000000000";
        let path = path
            .replace("{account}", "none")
            .replace("{application_id}", nothing)
            .replace("{deployment_id}", nothing)
            .replace("{token_id}", nothing);
        for (scope, secret) in &secrets {
            let answer = gateway
                .send(request(method, &path, Some(secret), row.body.as_ref()))
                .await;
            let is_open = answer.status() != 403;
            if is_open != (row.scope.split(" or ").any(|open| open == *scope) || *scope == "admin") {
                wrong.push(format!("{} · {scope}: {}", row.route, answer.status()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_caller_gets_on_every_route_what_it_should() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    insert_account(pool, "main", Some(success())).await;
    let application = insert_application(pool, "main", "shop").await;
    let deployment = insert_deployment(pool, &application, Duration::ZERO).await;
    let (doomed, _) = token(&gateway, &["raw:read"], Visibility::default()).await;
    let mut wrong = Vec::new();
    for row in table() {
        let scope = row.scope.split(" or ").last().expect("a scope");
        let (method, path) = row.route.split_once(' ').expect("a method and a path");
        let path = path
            .replace("{account}", "main")
            .replace("{application_id}", &application.id.to_string())
            .replace("{deployment_id}", &deployment.id.to_string())
            .replace("{token_id}", &doomed.id.to_string())
            .replace("{secret}", "wrong");
        let everything = Visibility::default;
        let (_, expired) = token_until(&gateway, &[scope], everything(), Some(-Duration::SECOND)).await;
        let (revoked_row, revoked) = token(&gateway, &[scope], everything()).await;
        sqlx::query("UPDATE tokens SET revoked_at = now() WHERE id = $1")
            .bind(revoked_row.id)
            .execute(pool)
            .await
            .expect("revoked");
        let (_, other) = token(&gateway, &["raw:read"], everything()).await;
        let (_, restricted) = token(&gateway, &[scope], of_account("elsewhere")).await;
        let (_, right) = token(&gateway, &[scope], everything()).await;
        let unknown = format!("slp_{}", "x".repeat(43));
        let secrets = [
            None,
            Some(&unknown),
            Some(&expired),
            Some(&revoked),
            Some(&other),
            Some(&restricted),
            Some(&right),
        ];
        for ((column, secret), expected) in COLUMNS.iter().zip(secrets).zip(row.expected) {
            let request = request(method, &path, secret.map(String::as_str), row.body.as_ref());
            let status = gateway.send(request).await.status().as_u16();
            if status != expected {
                wrong.push(format!("{} · {column}: {status} instead of {expected}", row.route));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_says_what_is_wrong_and_how_to_do_better() {
    let gateway = Gateway::new().await;
    let ask = async |secret: Option<&str>, path: &str| gateway.ask(request("GET", path, secret, None)).await;
    let path = "/api/v1/deployments";
    let (_, expired) = token_until(&gateway, &["admin"], Visibility::default(), Some(-Duration::SECOND)).await;
    let (_, other) = token(&gateway, &["events:read"], Visibility::default()).await;
    let (row, revoked) = token(&gateway, &["admin"], Visibility::default()).await;
    sqlx::query("UPDATE tokens SET revoked_at = now() WHERE id = $1")
        .bind(row.id)
        .execute(&gateway.db.pool)
        .await
        .expect("revoked");
    for (secret, code, challenge) in [
        (None, "unauthenticated", "Bearer realm=\"slipway\""),
        (Some("slp_nonsense"), "unauthenticated", "Bearer realm=\"slipway\""),
        (
            Some(expired.as_str()),
            "token_expired",
            "Bearer realm=\"slipway\", error=\"invalid_token\"",
        ),
        (
            Some(revoked.as_str()),
            "token_revoked",
            "Bearer realm=\"slipway\", error=\"invalid_token\"",
        ),
        (Some(other.as_str()), "insufficient_scope", ""),
    ] {
        let answer = ask(secret, path).await;
        assert_eq!(answer.json()["code"], code, "{}", answer.text);
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    let answer = ask(Some(&other), path).await;
    assert_eq!(answer.json()["errors"][0]["message"], "deployments:read");
    for query in [
        "?token=abc",
        "?access_token=abc",
        &format!("?account={other}"),
        "?Authorization=x",
    ] {
        let answer = ask(Some(&other), &format!("{path}{query}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["code"].as_str()),
            (400, Some("credentials_in_url")),
            "{query}"
        );
        assert!(!answer.text.contains(&other), "the token is not said back");
    }
}
