//! Every sample of the two documentation pages: served in that shape, or named as an error of the page.

use reqwest::Method;
use serde_json::{Value, json};
use slipway_simulator::{NewFrame, Provider, Scenario, StartRequest};

use crate::client::{Client, Stream};

const CLOUD66: &str = include_str!("../fixtures/cloud66-deployments.md");
const SCALINGO: &str = include_str!("../fixtures/scalingo-deployments.md");

/// The fenced blocks of a page, each as (last heading, fence language, text).
fn samples(page: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let (mut heading, mut open): (String, Option<(String, String)>) = (String::new(), None);
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => {
                let (language, text) = open.take().unwrap();
                found.push((heading.clone(), language, text));
            }
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, Some(language)) => open = Some((language.to_owned(), String::new())),
            (None, None) => {
                if let Some(title) = line.strip_prefix('#') {
                    heading = title.trim_start_matches('#').trim().to_owned();
                }
            }
        }
    }
    found
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// All differences of shape. A null of the sample fits anything; `extra` names the keys that it may lack.
fn differences(path: &str, sample: &Value, served: &Value, extra: &[&str]) -> Vec<String> {
    match (sample, served) {
        (Value::Null, _) => Vec::new(),
        (Value::Object(sample), Value::Object(served)) => {
            let mut found = Vec::new();
            for (key, value) in sample {
                match served.get(key) {
                    Some(other) => found.extend(differences(&format!("{path}.{key}"), value, other, extra)),
                    None => found.push(format!("{path}.{key} is not served")),
                }
            }
            let unknown = served
                .keys()
                .filter(|key| !sample.contains_key(*key) && !extra.contains(&key.as_str()));
            found.extend(unknown.map(|key| format!("{path}.{key} is neither in the sample nor listed")));
            found
        }
        (Value::Array(sample), Value::Array(served)) => match (sample.first(), served.first()) {
            (Some(sample), Some(served)) => differences(&format!("{path}[0]"), sample, served, extra),
            (Some(_), None) => vec![format!("{path} is empty")],
            _ => Vec::new(),
        },
        (sample, served) if kind(sample) == kind(served) => Vec::new(),
        (sample, served) => vec![format!(
            "{path} is {} in the sample and {} here",
            kind(sample),
            kind(served)
        )],
    }
}

fn same_shape(what: &str, sample: &Value, served: &Value, extra: &[&str]) {
    let found = differences("", sample, served, extra);
    assert!(found.is_empty(), "{what}:\n{}\nserved: {served:#}", found.join("\n"));
}

/// Newer than the page: branch or tag, in the current model.
const CLOUD66_EXTRA: [&str; 1] = ["git_ref"];
/// Missing from the page: the two fields of 2020 that tell whether the redeploy waits, and where to follow it.
const REDEPLOY_EXTRA: [&str; 2] = ["queued", "async_action_id"];
/// Missing from the page's samples, present in recorded answers (or, for the sizes, in the official clients).
const SCALINGO_EXTRA: [&str; 15] = [
    "finished_at",
    "previous_git_ref",
    "type",
    "image",
    "registry",
    "image_size",
    "stack_base_image",
    "postdeploy_hook",
    "duration",
    "links",
    "status",
    "previous_page",
    "per_page",
    "created_at",
    "git_ref",
];

fn start(client: &Client, provider: Provider, application: &str, scenario: Scenario) -> String {
    let request = StartRequest {
        provider: Some(provider),
        application: Some(application.to_owned()),
        scenario: Some(scenario),
        ..StartRequest::default()
    };
    client.world().start(&request).unwrap()[0].id.clone()
}

#[tokio::test]
async fn cloud66_page() {
    let client = Client::new().await;
    let stack = client.world().applications(Provider::Cloud66)[0].id.clone();
    let list = format!("/stacks/{stack}/deployments");
    // By the API, so that the newest one has an e-mail in `triggered_by`.
    client.cloud66(Method::POST, &list, None).await;
    client.advance(2_000);
    let mut compared = 0;
    for (heading, _, text) in samples(CLOUD66) {
        let (first, rest) = text.split_once('\n').unwrap();
        if !first.starts_with("HTTP/") {
            // Request blocks. Errors of the page: it prints the two headers of the answer here, and for "Redeploy" it says GET,
            // which would quietly be the list; all clients and the current page say POST.
            assert!(rest.contains("X-RateLimit-Limit: 3600"));
            let documented = match heading.as_str() {
                "Deployment list" => "GET /stacks/{id}/deployments",
                "Deployment" => "GET /stacks/{stack_id}/deployments/{id}",
                "Redeploy" => "GET /stacks/{stack_id}/deployments",
                "Cancel deployment" => "DELETE /stacks/{stack_id}/deployments/{id}",
                other => panic!("a new sample under {other}"),
            };
            assert_eq!(first, format!("{documented} HTTP/1.1"));
            continue;
        }
        assert_eq!(first, "HTTP/1.1 200 OK");
        let sample: Value = serde_json::from_str(rest.split_once("\n\n").unwrap().1).unwrap();
        let newest = client.cloud66(Method::GET, &list, None).await.json()["response"][0]["id"].to_string();
        let (answer, extra) = match heading.as_str() {
            "Deployment list" => (client.cloud66(Method::GET, &list, None).await, &CLOUD66_EXTRA[..]),
            "Deployment" => (
                client.cloud66(Method::GET, &format!("{list}/{newest}"), None).await,
                &CLOUD66_EXTRA[..],
            ),
            "Redeploy" => (client.cloud66(Method::POST, &list, None).await, &REDEPLOY_EXTRA[..]),
            "Cancel deployment" => (
                client.cloud66(Method::DELETE, &format!("{list}/{newest}"), None).await,
                &[][..],
            ),
            other => panic!("a new sample under {other}"),
        };
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["content-type"], "application/json");
        assert!(
            answer.headers.contains_key("x-ratelimit-limit") && answer.headers.contains_key("x-ratelimit-remaining")
        );
        same_shape(&heading, &sample, &answer.json(), extra);
        compared += 1;
    }
    assert_eq!(compared, 4);
    let listed = client.cloud66(Method::GET, &list, None).await.json();
    assert!(
        listed["response"].is_array(),
        "the documented GET of a redeploy is the list"
    );
}

#[tokio::test]
async fn scalingo_page() {
    let client = Client::new().await;
    let app = client.world().applications(Provider::Scalingo)[0].name.clone();
    start(&client, Provider::Scalingo, &app, Scenario::Success);
    client.advance(200);
    let list = format!("/apps/{app}/deployments");
    let listed = client.scalingo(Method::GET, &list, None).await.json();
    let one = format!("{list}/{}", listed["deployments"][0]["id"].as_str().unwrap());
    let mut stream = client.stream(&app).await;
    stream.next().await.unwrap();
    client.world().set_quirks(|quirks| {
        quirks.scalingo_new_frame = NewFrame::Id;
        quirks.scalingo_ping_every_ms = 50;
    });
    start(&client, Provider::Scalingo, &app, Scenario::Success);
    client.advance(200);
    let mut frames = stream.until(|frame| frame["data"]["status"] == "success").await;
    frames.extend(stream.until(|frame| frame["type"] == "ping").await);

    let (mut compared, mut named) = (0, 0);
    for (heading, language, text) in samples(SCALINGO) {
        let value: Option<Value> = serde_json::from_str(&text).ok();
        match (heading.as_str(), language.as_str(), value) {
            // Error of the page: the old style of authentication (`-u ":$AUTH_TOKEN"`) and the host of before the regions.
            (_, "shell", _) => {
                assert!(text.contains("https://api.scalingo.com/v1/apps/"));
                named += 1;
            }
            ("Deployments", "json", Some(sample)) => {
                let shown = client.scalingo(Method::GET, &one, None).await.json();
                same_shape("example object", &sample, &shown["deployment"], &SCALINGO_EXTRA);
                // Error of the page: the link lacks the app; recorded links and the page's own create sample have it.
                assert!(!sample["links"]["output"].as_str().unwrap().contains("/apps/"));
                assert!(
                    shown["deployment"]["links"]["output"]
                        .as_str()
                        .unwrap()
                        .contains("/apps/")
                );
                compared += 1;
            }
            ("List the deployments of an app", "json", Some(sample)) => {
                // Error of the page: the items lack `links`, which official clients follow.
                assert!(sample["deployments"][0].get("links").is_none());
                same_shape("list", &sample, &listed, &SCALINGO_EXTRA);
                compared += 1;
            }
            ("Get a particular deployment", "json", Some(sample)) => {
                // Error of the page: neither `links` nor `status`.
                assert!(sample["deployment"].get("status").is_none());
                same_shape(
                    "show",
                    &sample,
                    &client.scalingo(Method::GET, &one, None).await.json(),
                    &SCALINGO_EXTRA,
                );
                compared += 1;
            }
            ("Attributes", "json", Some(sample)) if sample["deployment"].get("id").is_none() => {
                let created = client
                    .scalingo(
                        Method::POST,
                        &list,
                        Some(json!({ "deployment": {
                    "git_ref": "main", "source_url": sample["deployment"]["source_url"] } })),
                    )
                    .await;
                // Error of the page: it says 200; official clients accept 201 only.
                assert_eq!(created.status, 201);
                compared += 1;
            }
            ("Attributes", "json", Some(sample)) => {
                let body = json!({ "deployment": { "git_ref": "master", "source_url": "https://example.com/a" } });
                let created = client.scalingo(Method::POST, &list, Some(body)).await;
                same_shape("create", &sample, &created.json(), &SCALINGO_EXTRA);
                compared += 1;
            }
            ("Get the output of the deployment", "", None) => {
                let output = client.scalingo(Method::GET, &format!("{one}/output"), None).await;
                assert!(
                    output.headers["content-type"]
                        .to_str()
                        .unwrap()
                        .starts_with("text/plain")
                );
                let plain = |text: &str| text.lines().filter(|line| line.starts_with("-----")).count();
                assert!(
                    plain(&text) > 0 && plain(&output.text) > 0,
                    "phases as lines with dashes"
                );
                compared += 1;
            }
            ("Get real time output of a live deployment", "json", None) => {
                // Error of the page: no JSON, and "api token" is the exchanged one.
                assert!(text.contains("\"token\": <api token>"));
                let url = format!(
                    "{}/apps/{app}",
                    client.simulator.scalingo_api_url().replace("http", "ws")
                );
                let mut refused = Stream::open(&url).await;
                refused.authenticate(client.simulator.scalingo_token()).await;
                assert_eq!(refused.next().await, None);
                named += 1;
            }
            ("Event types", "", None) => {
                // Errors of the page: `queued` and `hook-error` are missing.
                assert!(text.contains("building → pushing → starting → success") && !text.contains("hook-error"));
                named += 1;
            }
            ("Details about the deployment statuses", "json", Some(sample)) => {
                let frame = frames.iter().find(|frame| frame["type"] == sample["type"]).unwrap();
                same_shape("frame", &sample, frame, &[]);
                compared += 1;
            }
            (heading, language, value) => panic!("a new sample under {heading:?} ({language}): {value:?}"),
        }
    }
    assert_eq!((compared, named), (10, 6));
}
