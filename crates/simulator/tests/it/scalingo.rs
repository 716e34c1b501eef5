//! Scalingo: exchange and expiry, apps, pages, create, output, errors, throttling, events.

use base64::Engine as _;
use reqwest::Method;
use serde_json::{Value, json};
use slipway_simulator::{Fault, FaultKind, Provider, Scenario, SimulatorSettings, StartRequest};

use crate::client::{Answer, Client, settings};

fn first_app(client: &Client) -> String {
    client.world().applications(Provider::Scalingo)[0].name.clone()
}

fn start(client: &Client, app: &str, scenario: Scenario) -> String {
    let request = StartRequest {
        provider: Some(Provider::Scalingo),
        application: Some(app.to_owned()),
        scenario: Some(scenario),
        ..StartRequest::default()
    };
    client.world().start(&request).unwrap()[0].id.clone()
}

#[tokio::test]
async fn the_exchange_gives_a_real_jwt_and_the_api_takes_nothing_else() {
    let client = Client::new().await;
    let parts: Vec<&str> = client.jwt().split('.').collect();
    let decode = |part: &str| {
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()
    };
    assert_eq!(parts.len(), 3);
    assert_eq!(decode(parts[0])["alg"], "HS512");
    let claims = decode(parts[1]);
    assert_eq!(claims["iss"], "Scalingo");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3_600);
    assert!(claims["uuid"].is_string() && claims["rnd"].is_string());

    let url = format!("{}/v1/tokens/exchange", client.simulator.scalingo_auth_url());
    for (user, password) in [("", "tk-us-wrong"), ("me", client.simulator.scalingo_token())] {
        let sent = client
            .http
            .post(&url)
            .basic_auth(user, Some(password))
            .send()
            .await
            .unwrap();
        let refused = Answer::of(sent).await;
        assert_eq!(
            (refused.status.as_u16(), refused.json()),
            (401, json!({ "error": "Invalid credentials" }))
        );
    }
    let api = format!("{}/v1/apps", client.simulator.scalingo_api_url());
    let forged = format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86));
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
    for token in [client.simulator.scalingo_token(), &forged, &unsigned, "x", "a.b.c"] {
        let refused = Answer::of(client.http.get(&api).bearer_auth(token).send().await.unwrap()).await;
        assert_eq!(refused.status, 401);
        assert!(refused.json()["error"].is_string());
    }
}

#[tokio::test]
async fn tokens_end_by_time_and_by_control() {
    let client = Client::new().await;
    assert_eq!(client.scalingo(Method::GET, "/apps", None).await.status, 200);
    client
        .world()
        .set_fault(Fault::new(Provider::Scalingo, FaultKind::ExpireTokens));
    assert_eq!(client.scalingo(Method::GET, "/apps", None).await.status, 401);
    let url = format!("{}/v1/apps", client.simulator.scalingo_api_url());
    let fresh = client.exchange().await;
    assert_eq!(
        client.http.get(&url).bearer_auth(fresh).send().await.unwrap().status(),
        200
    );
    client.world().set_quirks(|quirks| quirks.scalingo_token_lifetime_s = 0);
    let stale = client.exchange().await;
    assert_eq!(
        client.http.get(&url).bearer_auth(stale).send().await.unwrap().status(),
        401
    );
}

#[tokio::test]
async fn apps_are_not_paged_and_are_found_by_name_and_id() {
    let client = Client::with(SimulatorSettings {
        scalingo_apps: 130,
        ..settings()
    })
    .await;
    let apps = client.scalingo(Method::GET, "/apps?", None).await.json();
    assert_eq!(apps["apps"].as_array().unwrap().len(), 130);
    let app = &apps["apps"][7];
    for key in ["name", "id"] {
        let path = format!("/apps/{}", app[key].as_str().unwrap());
        assert_eq!(
            client.scalingo(Method::GET, &path, None).await.json()["app"]["id"],
            app["id"]
        );
    }
    assert!(
        app["links"]["deployments_stream"]
            .as_str()
            .unwrap()
            .starts_with("ws://127.0.0.1:")
    );
    let live = app["last_deployment_id"].as_str().unwrap();
    assert_eq!(live.len(), 24, "the other kind of id");
    let missing = client.scalingo(Method::GET, "/apps/none", None).await;
    assert_eq!(
        (missing.status.as_u16(), missing.json()),
        (404, json!({ "resource": "app", "error": "not found" }))
    );
}

#[tokio::test]
async fn pages_follow_page_and_per_page() {
    let client = Client::with(SimulatorSettings {
        history_per_application: 90,
        ..settings()
    })
    .await;
    let path = format!("/apps/{}/deployments", first_app(&client));
    let first = client.scalingo(Method::GET, &path, None).await.json();
    assert_eq!(first["deployments"].as_array().unwrap().len(), 20);
    let meta = &first["meta"]["pagination"];
    assert_eq!((&meta["current_page"], &meta["next_page"]), (&json!(1), &json!(2)));
    assert_eq!(
        (&meta["prev_page"], &meta["previous_page"]),
        (&Value::Null, &Value::Null)
    );
    let total = meta["total_count"].as_u64().unwrap();
    let mut ids = Vec::new();
    let mut next = json!(1);
    while let Some(page) = next.as_u64() {
        let answer = client
            .scalingo(Method::GET, &format!("{path}?page={page}&per_page=7"), None)
            .await
            .json();
        ids.extend(
            answer["deployments"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].to_string()),
        );
        assert_eq!(
            answer["meta"]["pagination"]["prev_page"],
            answer["meta"]["pagination"]["previous_page"]
        );
        next = answer["meta"]["pagination"]["next_page"].clone();
    }
    assert_eq!(ids.len() as u64, total);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len() as u64, total);
    let clamped = client
        .scalingo(Method::GET, &format!("{path}?per_page=5000"), None)
        .await
        .json();
    assert_eq!(clamped["meta"]["pagination"]["per_page"], 100);
    let odd = client
        .scalingo(Method::GET, &format!("{path}?page=x&per_page=-1"), None)
        .await;
    assert_eq!(odd.json()["deployments"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn create_is_201_and_the_deployment_goes_its_way() {
    let client = Client::new().await;
    let path = format!("/apps/{}/deployments", first_app(&client));
    let body = json!({ "deployment": { "git_ref": "master", "source_url": "https://example.com/a.tar.gz" } });
    let created = client.scalingo(Method::POST, &path, Some(body)).await;
    assert_eq!(created.status, 201);
    let created = created.json()["deployment"].clone();
    assert_eq!(
        (&created["git_ref"], &created["type"]),
        (&json!("master"), &json!("archive"))
    );
    assert_eq!(
        (&created["status"], &created["duration"]),
        (&json!("queued"), &json!(0))
    );
    assert!(created["created_at"].as_str().unwrap().ends_with('Z'));
    client.advance(200);
    let path = format!("{path}/{}", created["id"].as_str().unwrap());
    let ended = client.scalingo(Method::GET, &path, None).await.json()["deployment"].clone();
    assert!(!["queued", "building", "pushing", "starting"].contains(&ended["status"].as_str().unwrap()));
    assert!(
        ended["finished_at"].as_str().unwrap().ends_with("+00:00"),
        "the other style of time"
    );
    assert!(ended["duration"].as_i64().unwrap() > 0);
}

#[tokio::test]
async fn create_refuses_in_the_documented_shapes() {
    let client = Client::new().await;
    let path = format!("/apps/{}/deployments", first_app(&client));
    let dash = json!({ "deployment": { "git_ref": "-x", "source_url": "https://example.com/a" } });
    let refused = client.scalingo(Method::POST, &path, Some(dash)).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()),
        (422, json!({ "errors": { "git_ref": ["is invalid"] } }))
    );
    let refused = client
        .scalingo(Method::POST, &path, Some(json!({ "deployment": {} })))
        .await;
    assert_eq!(refused.status, 422);
    let refused = client.scalingo(Method::POST, &path, Some(json!({}))).await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["error"].is_string());
    let manual = format!("/apps/{}/scm_repo_link/manual_deploy", first_app(&client));
    let deployed = client
        .scalingo(Method::POST, &manual, Some(json!({ "branch": "main" })))
        .await;
    assert_eq!(
        (deployed.status.as_u16(), &deployed.json()["deployment"]["git_ref"]),
        (200, &json!("main"))
    );
}

#[tokio::test]
async fn every_ending_is_reached_through_its_phases() {
    let client = Client::with(SimulatorSettings {
        scalingo_apps: 8,
        ..settings()
    })
    .await;
    let app = first_app(&client);
    for (scenario, ending) in [
        (Scenario::Success, "success"),
        (Scenario::BuildFailure, "build-error"),
        (Scenario::Failed, "build-error"),
        (Scenario::CrashAtStart, "crashed-error"),
        (Scenario::Timeout, "timeout-error"),
        (Scenario::HookError, "hook-error"),
        (Scenario::Abort, "aborted"),
        (Scenario::Cancelled, "aborted"),
        (Scenario::Stuck, "timeout-error"),
        (Scenario::Flapping, "success"),
    ] {
        let path = format!("/apps/{app}/deployments/{}", start(&client, &app, scenario));
        let mut seen = Vec::new();
        for _ in 0..20_000 {
            let status = client.world().deployments(Provider::Scalingo, &app).unwrap()[0].phase;
            if seen.last() != Some(&status) {
                seen.push(status);
            }
            if status.is_finished() {
                break;
            }
            client.advance(if scenario == Scenario::Stuck { 60 } else { 1 });
        }
        let ended = client.scalingo(Method::GET, &path, None).await.json();
        assert_eq!(ended["deployment"]["status"], ending, "{scenario:?} {seen:?}");
        if scenario == Scenario::Flapping {
            let words: Vec<_> = seen.iter().map(|phase| phase.scalingo_status()).collect();
            assert!(words.windows(2).any(|pair| pair == ["building", "queued"]), "{words:?}");
        }
    }
}

#[tokio::test]
async fn output_is_text_partial_while_running_and_stays_after() {
    let client = Client::new().await;
    let app = first_app(&client);
    let id = start(&client, &app, Scenario::Success);
    let path = format!("/apps/{app}/deployments/{id}/output");
    assert_eq!(client.scalingo(Method::GET, &path, None).await.text, "");
    client.advance(6);
    let url = format!("{}/v1{path}", client.simulator.scalingo_api_url());
    let json_wanted = client
        .http
        .get(url)
        .bearer_auth(client.jwt())
        .header("accept", "application/json");
    let part = Answer::of(json_wanted.send().await.unwrap()).await;
    assert_eq!(part.headers["content-type"], "text/plain; charset=utf-8");
    assert!(part.text.starts_with("-----> Fetching source"));
    client.advance(200);
    let whole = client.scalingo(Method::GET, &path, None).await.text;
    assert!(whole.starts_with(&part.text) && whole.len() > part.text.len());
    assert!(whole.contains("\u{1b}["), "colours");
    let missing = client
        .scalingo(Method::GET, &format!("/apps/{app}/deployments/none/output"), None)
        .await;
    assert_eq!(
        missing.json(),
        json!({ "resource": "deployment", "error": "not found" })
    );
}

#[tokio::test]
async fn some_logs_carry_what_looks_like_a_secret() {
    let client = Client::with(SimulatorSettings {
        history_per_application: 60,
        ..settings()
    })
    .await;
    let app = first_app(&client);
    let mut found = 0;
    for deployment in client.world().deployments(Provider::Scalingo, &app).unwrap() {
        let text = client
            .scalingo(
                Method::GET,
                &format!("/apps/{app}/deployments/{}/output", deployment.id),
                None,
            )
            .await;
        found += usize::from(text.text.contains("SCALINGO_API_TOKEN=tk-us-"));
    }
    assert!(found > 0);
}

#[tokio::test]
async fn ten_run_at_once_and_the_rest_is_queued() {
    let client = Client::new().await;
    let request = StartRequest {
        provider: Some(Provider::Scalingo),
        application: Some(first_app(&client)),
        scenario: Some(Scenario::Stuck),
        count: Some(12),
        ..StartRequest::default()
    };
    client.world().start(&request).unwrap();
    client.advance(10);
    let path = format!("/apps/{}/deployments", first_app(&client));
    let list = client.scalingo(Method::GET, &path, None).await.json();
    let with = |status: &str| {
        list["deployments"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|item| item["status"] == status)
            .count()
    };
    assert_eq!((with("building"), with("queued")), (10, 2));
}

#[tokio::test]
async fn throttling_is_plain_text_429_and_does_not_count_exchange() {
    let client = Client::with(SimulatorSettings {
        rate_limits: true,
        ..settings()
    })
    .await;
    for _ in 0..60 {
        assert_eq!(client.scalingo(Method::GET, "/apps", None).await.status, 200);
        client.exchange().await;
    }
    let over = client.scalingo(Method::GET, "/apps", None).await;
    assert_eq!((over.status.as_u16(), over.text.as_str()), (429, "Retry later"));
    assert!(over.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
    assert!(over.headers.get("retry-after").is_none());
    client.advance(60);
    assert_eq!(client.scalingo(Method::GET, "/apps", None).await.status, 200);
}

#[tokio::test]
async fn events_carry_both_ids_and_from_overrides_pages() {
    let client = Client::new().await;
    let app = first_app(&client);
    let id = start(&client, &app, Scenario::Success);
    client.advance(200);
    let events = client
        .scalingo(
            Method::GET,
            &format!("/apps/{app}/events?from=1&per_page=1&page=9"),
            None,
        )
        .await;
    let newest = events.json()["events"][0].clone();
    assert_eq!(newest["type"], "deployment");
    assert_eq!(newest["type_data"]["deployment_uuid"], json!(id));
    assert!(newest["type_data"]["pusher"].is_string(), "a plain name here");
    let shown = client.scalingo(Method::GET, &format!("/apps/{app}"), None).await.json();
    assert_eq!(newest["type_data"]["deployment_id"], shown["app"]["last_deployment_id"]);
    let body = json!({ "deployment": { "git_ref": "main", "source_url": "https://example.com/a" } });
    client
        .scalingo(Method::POST, &format!("/apps/{app}/deployments"), Some(body))
        .await;
    let own = client.scalingo(Method::GET, "/events", None).await.json();
    assert_eq!(own["events"][0]["user"]["username"], "ada");
}

#[tokio::test]
async fn the_cache_reset_has_no_body_and_regions_need_no_token() {
    let client = Client::new().await;
    let reset = client
        .scalingo(
            Method::DELETE,
            &format!("/apps/{}/caches/deployment", first_app(&client)),
            None,
        )
        .await;
    assert_eq!((reset.status.as_u16(), reset.text.as_str()), (204, ""));
    let url = format!("{}/v1/regions", client.simulator.scalingo_auth_url());
    let regions = Answer::of(client.http.get(url).send().await.unwrap()).await.json();
    assert_eq!(regions["regions"][0]["api"], client.simulator.scalingo_api_url());
}
