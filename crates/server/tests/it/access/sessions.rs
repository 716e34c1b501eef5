//! Sessions of browsers.

use std::time::{Duration, Instant};

use axum::body::Body;
use http::{Request, header};
use http_body_util::BodyExt;
use serde_json::json;
use slipway_store::Visibility;
use tower::ServiceExt;
use url::Url;

use super::streams::{AT_MOST, STREAM, end, open};
use super::{request, token};
use crate::harness::{ADMIN, Answer, Gateway, READ, settings};

struct Browser<'a> {
    gateway: &'a Gateway,
    cookie: String,
}

impl Browser<'_> {
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        let mut builder = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::HOST, "slipway.example.com")
            .header(header::COOKIE, format!("theme=dark; {}", self.cookie));
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        if body.is_some() {
            builder = builder.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_owned()));
        self.gateway.ask(builder.body(body).expect("a request")).await
    }
}

async fn begin<'a>(gateway: &'a Gateway, secret: &str) -> (Browser<'a>, String) {
    let body = json!({ "token": secret });
    let answer = gateway.ask(request("POST", "/api/v1/session", None, Some(&body))).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let set = answer.header("set-cookie").to_owned();
    let cookie = set.split(';').next().expect("a pair").to_owned();
    (Browser { gateway, cookie }, set)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_stands_for_a_token_until_it_ends() {
    let gateway = Gateway::new().await;
    let (browser, set) = begin(&gateway, READ).await;
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Secure"] {
        assert!(set.contains(attribute), "{set}");
    }
    assert!(!set.contains(READ));
    let whoami = browser.send("GET", "/whoami", &[], None).await;
    assert_eq!(whoami.json()["principal"], "reader");
    let ours = [("sec-fetch-site", "same-origin")];
    let ended = browser.send("DELETE", "/session", &ours, None).await;
    assert_eq!(ended.status, 204);
    assert!(ended.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(browser.send("GET", "/whoami", &[], None).await.status, 401);
    let audit = gateway.ask(request("GET", "/api/v1/audit", Some(ADMIN), None)).await;
    let actions: Vec<_> = audit.items().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["session.end", "session.create"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_site_changes_nothing_with_a_session() {
    let gateway = Gateway::new().await;
    let (browser, _) = begin(&gateway, ADMIN).await;
    let body = r#"{"name":"a","scopes":["raw:read"]}"#;
    for headers in [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[
            ("sec-fetch-site", "same-site"),
            ("origin", "https://slipway.example.com"),
        ],
        &[("origin", "https://evil.test")],
        &[("origin", "null")],
    ] {
        for (method, path, body) in [("POST", "/tokens", Some(body)), ("DELETE", "/session", None)] {
            let answer = browser.send(method, path, headers, body).await;
            let code = answer.json()["code"].as_str().map(ToOwned::to_owned);
            assert_eq!(
                (answer.status.as_u16(), code.as_deref()),
                (403, Some("cross_site_request")),
                "{headers:?}"
            );
        }
    }
    let ours = [("origin", "https://slipway.example.com")];
    assert_eq!(browser.send("POST", "/tokens", &ours, Some(body)).await.status, 201);
    // A page elsewhere cannot put its own session into somebody's browser either.
    let foreign = [("sec-fetch-site", "cross-site")];
    let body = json!({ "token": READ }).to_string();
    assert_eq!(
        browser.send("POST", "/session", &foreign, Some(&body)).await.status,
        403
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_with_its_token_and_with_its_time() {
    let gateway = Gateway::new().await;
    let (_, secret) = token(&gateway, &["deployments:read"], Visibility::default()).await;
    let (browser, _) = begin(&gateway, &secret).await;
    assert_eq!(browser.send("GET", "/deployments", &[], None).await.status, 200);
    assert_eq!(browser.send("GET", "/events", &[], None).await.status, 403);
    let path = format!("/api/v1/tokens/{}", browser_token(&gateway).await);
    gateway.ask(request("DELETE", &path, Some(ADMIN), None)).await;
    let refused = async {
        while browser.send("GET", "/deployments", &[], None).await.status != 401 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), refused)
        .await
        .expect("refused in time");

    let (browser, _) = begin(&gateway, READ).await;
    sqlx::query("UPDATE sessions SET expires_at = now()")
        .execute(&gateway.db.pool)
        .await
        .expect("ended");
    assert_eq!(browser.send("GET", "/deployments", &[], None).await.status, 401);
    for wrong in ["", "wrong", "slp_wrong"] {
        let body = json!({ "token": wrong });
        let answer = gateway.ask(request("POST", "/api/v1/session", None, Some(&body))).await;
        assert_eq!(answer.status, 401, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_was_had_with_a_session_ends_with_it_on_every_replica() {
    let gateway = Gateway::new().await;
    let (other, _running) = gateway.another().await;
    let (browser, _) = begin(&gateway, READ).await;
    let ours = [("sec-fetch-site", "same-origin")];
    let created = browser.send("POST", "/stream-tickets", &ours, None).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let path = format!(
        "{STREAM}?ticket={}",
        created.json()["ticket"].as_str().expect("a ticket")
    );
    let stream = open(&other, &path, None).await.expect("a stream");
    assert_eq!(browser.send("DELETE", "/session", &ours, None).await.status, 204);
    assert_eq!(end(stream).await, "revoked");
    let again = gateway.ask(request("GET", &path, None, None)).await;
    assert_eq!(
        (again.status.as_u16(), &again.json()["code"]),
        (401, &json!("ticket_expired"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_browser_follows_ends_with_its_session_on_every_replica() {
    let gateway = Gateway::new().await;
    let (other, _running) = gateway.another().await;
    let send = async |browser: &Browser<'_>, router: &slipway_server::Front, path: &str| {
        let mut request = request("GET", path, None, None);
        let cookie = browser.cookie.parse().expect("a cookie");
        request.headers_mut().insert(header::COOKIE, cookie);
        router.clone().oneshot(request).await.expect("an answer")
    };
    let (staying, _) = begin(&gateway, READ).await;
    let untouched = end(send(&staying, &other, STREAM).await.into_body().into_data_stream());
    let ended_elsewhere = async {
        for (signs_out, reason, code) in [(true, "revoked", "token_revoked"), (false, "expired", "token_expired")] {
            let (browser, _) = begin(&gateway, READ).await;
            if !signs_out {
                let soon = "UPDATE sessions SET expires_at = now() + interval '5 seconds'
                            WHERE created_at = (SELECT max(created_at) FROM sessions)";
                sqlx::query(soon).execute(&gateway.db.pool).await.expect("changed");
            }
            let mut streams = Vec::new();
            for router in [&gateway.router, &other] {
                let answer = send(&browser, router, STREAM).await;
                assert_eq!(answer.status(), 200, "{reason}");
                streams.push(answer.into_body().into_data_stream());
            }
            let waiting = send(&browser, &other, "/api/v1/events?wait=25");
            let ends = async {
                if signs_out {
                    let ours = [("sec-fetch-site", "same-origin")];
                    assert_eq!(browser.send("DELETE", "/session", &ours, None).await.status, 204);
                }
                let began = Instant::now();
                for stream in streams {
                    assert_eq!(end(stream).await, reason);
                }
                assert!(began.elapsed() < AT_MOST + Duration::from_secs(5), "{reason}");
            };
            let (waited, ()) = tokio::join!(waiting, ends);
            let status = waited.status();
            let body = waited.into_body().collect().await.expect("a body").to_bytes();
            let text = String::from_utf8_lossy(&body);
            // What was asked at the moment of the sign-out may also have come just after it.
            let came_late = signs_out && text.contains("unauthenticated");
            assert!(status == 401 && (text.contains(code) || came_late), "{status} {text}");
        }
    };
    tokio::select! {
        reason = untouched => panic!("another session of the same principal: {reason}"),
        () = ended_elsewhere => {}
    }
}

async fn browser_token(gateway: &Gateway) -> String {
    let listed = gateway.ask(request("GET", "/api/v1/tokens", Some(ADMIN), None)).await;
    listed.items()[0]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_on_its_own_machine_does_a_gateway_hand_out_a_cookie_for_plain_connections() {
    let secure = async |public_url: Option<&str>, host: &str| {
        let gateway = Gateway::with(slipway_server::ServerSettings {
            public_url: public_url.map(|url| Url::parse(url).expect("a URL")),
            ..settings()
        })
        .await;
        let mut request = request("POST", "/api/v1/session", None, Some(&json!({ "token": READ })));
        request
            .headers_mut()
            .insert(header::HOST, host.parse().expect("a host"));
        gateway.ask(request).await.header("set-cookie").contains("; Secure")
    };
    assert!(!secure(None, "localhost:8080").await);
    assert!(secure(None, "slipway.example.com").await);
    assert!(secure(Some("https://slipway.example.com"), "localhost").await);
    assert!(!secure(Some("http://localhost:8080"), "localhost:8080").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_buys_one_session_that_may_only_look() {
    let gateway = Gateway::new().await;
    let made = gateway
        .ask(request("POST", "/api/v1/session-codes", Some(ADMIN), None))
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let code = made.json()["code"].as_str().expect("a code").to_owned();

    // A code is no session itself.
    let cookie = format!("slipway_session={code}");
    let as_cookie = Browser {
        gateway: &gateway,
        cookie,
    };
    assert_eq!(as_cookie.send("GET", "/whoami", &[], None).await.status, 401);

    let body = json!({ "code": code });
    let answer = gateway.ask(request("POST", "/api/v1/session", None, Some(&body))).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let set = answer.header("set-cookie").to_owned();
    let browser = Browser {
        gateway: &gateway,
        cookie: set.split(';').next().expect("a pair").to_owned(),
    };
    let whoami = browser.send("GET", "/whoami", &[], None).await.json();
    assert_eq!(
        whoami["scopes"],
        json!(["deployments:read", "logs:read", "events:read"])
    );
    assert_eq!(browser.send("GET", "/deployments", &[], None).await.status, 200);
    assert_eq!(browser.send("GET", "/tokens", &[], None).await.status, 403);

    // What it makes in turn may do no more.
    let ours = [("sec-fetch-site", "same-origin")];
    let again = browser.send("POST", "/session-codes", &ours, None).await;
    let body = json!({ "code": again.json()["code"] });
    let third = gateway.ask(request("POST", "/api/v1/session", None, Some(&body))).await;
    let browser = Browser {
        gateway: &gateway,
        cookie: third.header("set-cookie").split(';').next().expect("a pair").to_owned(),
    };
    assert_eq!(browser.send("GET", "/tokens", &[], None).await.status, 403);

    // Once, and nothing but one of both.
    for body in [json!({ "code": code }), json!({ "code": "wrong" })] {
        let refused = gateway.ask(request("POST", "/api/v1/session", None, Some(&body))).await;
        assert_eq!(refused.status, 401, "{}", refused.text);
    }
    for body in [json!({}), json!({ "code": "one", "token": READ })] {
        let refused = gateway.ask(request("POST", "/api/v1/session", None, Some(&body))).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
    }

    // One that nobody used in time.
    let made = gateway
        .ask(request("POST", "/api/v1/session-codes", Some(READ), None))
        .await;
    sqlx::query("UPDATE sessions SET expires_at = now() - interval '1 second'")
        .execute(&gateway.db.pool)
        .await
        .expect("ended");
    let body = json!({ "code": made.json()["code"] });
    let refused = gateway.ask(request("POST", "/api/v1/session", None, Some(&body))).await;
    assert_eq!(refused.status, 401, "{}", refused.text);
}
