//! Cloud 66: authentication, envelope and pages, redeploy, cancel, actions, throttling.

use reqwest::Method;
use serde_json::{Value, json};
use slipway_simulator::{CodeStyle, Provider, Scenario, SimulatorSettings, StartRequest};

use crate::client::{Answer, Client, settings};

fn first_stack(client: &Client) -> String {
    // The first one has commits in the world of seed 1.
    client.world().applications(Provider::Cloud66)[0].id.clone()
}

fn start(client: &Client, stack: &str, scenario: Scenario) -> String {
    let request = StartRequest {
        provider: Some(Provider::Cloud66),
        application: Some(stack.to_owned()),
        scenario: Some(scenario),
        ..StartRequest::default()
    };
    client.world().start(&request).unwrap()[0].id.clone()
}

#[tokio::test]
async fn every_call_wants_the_bearer_token() {
    let client = Client::new().await;
    let url = format!("{}/api/3/stacks", client.simulator.cloud66_url());
    let plain = Answer::of(client.http.get(&url).send().await.unwrap()).await;
    assert_eq!(plain.status, 401);
    assert_eq!(plain.json()["error"], "unauthenticated");
    assert!(plain.json()["error_description"].is_string());
    let wrong = Answer::of(client.http.get(&url).bearer_auth("nobody").send().await.unwrap()).await;
    assert_eq!(wrong.status, 401);
    let basic = client
        .http
        .get(&url)
        .basic_auth("", Some(client.simulator.cloud66_token()));
    assert_eq!(basic.send().await.unwrap().status(), 401);
    let lower = format!("bearer {}", client.simulator.cloud66_token());
    assert_eq!(
        client
            .http
            .get(&url)
            .header("authorization", lower)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn a_token_without_the_redeploy_scope_reads_only() {
    let client = Client::new().await;
    client
        .world()
        .set_quirks(|quirks| quirks.cloud66_scopes = vec!["public".to_owned()]);
    let path = format!("/stacks/{}/deployments", first_stack(&client));
    assert_eq!(client.cloud66(Method::GET, &path, None).await.status, 200);
    let refused = client.cloud66(Method::POST, &path, None).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()["error"].as_str()),
        (403, Some("forbidden"))
    );
}

#[tokio::test]
async fn pages_have_thirty_and_integers_and_add_up() {
    let settings = SimulatorSettings {
        cloud66_stacks: 65,
        history_per_application: 50,
        ..settings()
    };
    let client = Client::with(settings).await;
    for suffix in ["", ".json"] {
        let mut seen = Vec::new();
        let mut next = json!(1);
        while let Some(page) = next.as_u64() {
            let answer = client
                .cloud66(Method::GET, &format!("/stacks{suffix}?page={page}"), None)
                .await
                .json();
            let items = answer["response"].as_array().unwrap();
            assert_eq!(answer["count"], items.len(), "outside: on this page");
            assert_eq!(answer["pagination"]["count"], 65, "inside: in all");
            assert_eq!(answer["pagination"]["per_page"], 30);
            assert_eq!(answer["pagination"]["pages"], 3);
            assert_eq!(answer["pagination"]["current"], page);
            assert_eq!(answer["pagination"]["previous"].as_u64(), (page > 1).then(|| page - 1));
            seen.extend(items.iter().map(|item| item["uid"].as_str().unwrap().to_owned()));
            next = answer["pagination"]["next"].clone();
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 65);
    }
    let path = format!("/stacks/{}/deployments", first_stack(&client));
    let mut ids = Vec::new();
    for page in 1..=3 {
        let answer = client
            .cloud66(Method::GET, &format!("{path}?page={page}"), None)
            .await
            .json();
        ids.extend(
            answer["response"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_u64().unwrap()),
        );
    }
    assert!(ids.len() >= 25);
    assert!(ids.is_sorted_by(|newer, older| newer > older), "newest first");
    assert_eq!(
        client.cloud66(Method::GET, "/stacks?page=99", None).await.json()["response"],
        json!([])
    );
    assert_eq!(
        client.cloud66(Method::GET, "/stacks?page=minus", None).await.status,
        400
    );
}

#[tokio::test]
async fn filters_narrow_the_list_of_stacks() {
    let client = Client::new().await;
    let all = client.cloud66(Method::GET, "/stacks", None).await.json();
    let name = all["response"][0]["name"].as_str().unwrap();
    let path = format!("/stacks?filter_name={name}&filter_environment=staging");
    let found = client.cloud66(Method::GET, &path, None).await.json();
    assert_eq!(found["count"], 1);
    assert_eq!(found["response"][0]["environment"], "staging");
}

#[tokio::test]
async fn a_deployment_waits_runs_and_ends_and_moves_head_and_live() {
    let client = Client::new().await;
    let stack = first_stack(&client);
    let id = start(&client, &stack, Scenario::Success);
    let path = format!("/stacks/{stack}/deployments/{id}");
    let waiting = client.cloud66(Method::GET, &path, None).await.json()["response"].clone();
    assert_eq!(
        (&waiting["started_at"], &waiting["is_deploying"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(waiting["outcome"], json!({ "code": 0, "meaning": "pending" }));
    client.advance(5);
    let running = client.cloud66(Method::GET, &path, None).await.json()["response"].clone();
    assert_eq!(
        (&running["is_deploying"], &running["finished_at"]),
        (&json!(true), &Value::Null)
    );
    let busy = client
        .cloud66(Method::GET, &format!("/stacks/{stack}"), None)
        .await
        .json()["response"]
        .clone();
    assert_eq!((&busy["status"], &busy["is_busy"]), (&json!(6), &json!(true)));
    client.advance(120);
    let ended = client.cloud66(Method::GET, &path, None).await.json()["response"].clone();
    assert_eq!(ended["outcome"], json!({ "code": 1, "meaning": "success" }));
    assert_eq!(ended["started_at"], running["started_at"]);
    let list = client
        .cloud66(Method::GET, &format!("/stacks/{stack}/deployments"), None)
        .await
        .json();
    let flagged = |flag: &str| {
        let all = list["response"].as_array().unwrap().iter();
        all.filter(|item| item[flag] == true)
            .map(|item| item["id"].to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(flagged("is_live"), std::slice::from_ref(&id));
    assert_eq!(flagged("is_head"), [id]);
    let idle = client
        .cloud66(Method::GET, &format!("/stacks/{stack}"), None)
        .await
        .json()["response"]
        .clone();
    assert_eq!(
        (&idle["status"], &idle["health"], &idle["is_busy"]),
        (&json!(1), &json!(3), &json!(false))
    );
}

#[tokio::test]
async fn redeploy_answers_without_an_id_and_queues_on_a_busy_stack() {
    let client = Client::new().await;
    let stack = first_stack(&client);
    let path = format!("/stacks/{stack}/deployments");
    let newest = || async { client.cloud66(Method::GET, &path, None).await.json()["response"][0]["id"].as_u64() };
    let before = newest().await;
    let body = json!({ "git_ref": "", "deploy_strategy": "", "rollout_strategy": null, "services": ["web", "api:1"] });
    let first = client
        .cloud66(Method::POST, &format!("{path}.json"), Some(body))
        .await
        .json()["response"]
        .clone();
    assert_eq!(first["ok"], true);
    assert_eq!(first["message"], "Stack queued for redeployment");
    assert_eq!(first["queued"], false);
    assert!(first["async_action_id"].is_u64());
    assert!(first.get("id").is_none());
    assert!(newest().await > before);
    client.advance(5);
    let second = client
        .cloud66(Method::POST, &format!("{path}?git_ref=v2&user_reference=mine"), None)
        .await
        .json();
    assert_eq!(second["response"]["queued"], true);
    client.advance(5);
    let list = client.cloud66(Method::GET, &path, None).await.json();
    assert_eq!(
        list["response"][0]["started_at"],
        Value::Null,
        "the second waits for the first"
    );
    assert_eq!(list["response"][0]["git_ref"], "v2");
    let actions = client
        .cloud66(
            Method::GET,
            &format!("/stacks/{stack}/actions?user_reference=mine"),
            None,
        )
        .await;
    assert_eq!(actions.json()["count"], 1);
    let action = &actions.json()["response"][0];
    assert_eq!(action["metadata"]["user_reference"], "mine");
    assert_eq!(
        (&action["finished_at"], &action["finished_success"]),
        (&Value::Null, &Value::Null)
    );
    client.advance(300);
    let one = client
        .cloud66(Method::GET, &format!("/stacks/{stack}/actions/{}", action["id"]), None)
        .await
        .json();
    assert!(one["response"]["finished_at"].is_string() && one["response"]["finished_success"].is_boolean());
}

#[tokio::test]
async fn redeploy_takes_what_real_clients_send() {
    let client = Client::new().await;
    let url = format!(
        "{}/api/3/stacks/{}/deployments",
        client.simulator.cloud66_url(),
        first_stack(&client)
    );
    let post = || client.http.post(&url).bearer_auth(client.simulator.cloud66_token());
    for request in [
        post(),
        post().body(""),
        post().body("{}"),
        post().body("{\"git_ref\":\"main\"}"),
        post().form(&[("services", "a,b"), ("git_ref", "main")]),
        post().json(&json!({ "services": "a,b", "canary_percentage": null })),
    ] {
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    assert_eq!(post().body("{\"git").send().await.unwrap().status(), 400);
    let long = "x".repeat(256);
    assert_eq!(
        post().query(&[("user_reference", long)]).send().await.unwrap().status(),
        400
    );
}

#[tokio::test]
async fn cancel_ends_a_running_and_a_waiting_deployment() {
    let client = Client::new().await;
    let stack = first_stack(&client);
    let running = start(&client, &stack, Scenario::Stuck);
    let waiting = start(&client, &stack, Scenario::Success);
    client.advance(5);
    let path = |id: &str| format!("/stacks/{stack}/deployments/{id}");
    for id in [&waiting, &running] {
        let answer = client.cloud66(Method::DELETE, &path(id), None).await;
        assert_eq!(
            answer.json(),
            json!({ "response": { "ok": true, "message": "Cancelling deployment" } })
        );
    }
    client.advance(2);
    for id in [&waiting, &running] {
        let ended = client.cloud66(Method::GET, &path(id), None).await.json()["response"].clone();
        assert_eq!(ended["outcome"]["meaning"], "failed");
        assert_eq!(ended["is_deploying"], false);
        assert!(ended["finished_at"].is_string());
    }
    let again = client.cloud66(Method::DELETE, &path(&running), None).await;
    assert_eq!(
        (again.status.as_u16(), again.json()["error"].as_str()),
        (409, Some("conflict"))
    );
    assert_eq!(client.cloud66(Method::DELETE, &path("1"), None).await.status, 404);
    let stack = client
        .cloud66(Method::GET, &format!("/stacks/{stack}"), None)
        .await
        .json();
    assert_eq!(stack["response"]["is_busy"], false);
}

#[tokio::test]
async fn an_id_of_another_stack_is_not_found() {
    let client = Client::new().await;
    let stacks = client.world().applications(Provider::Cloud66);
    let foreign = client.world().deployments(Provider::Cloud66, &stacks[1].id).unwrap()[0]
        .id
        .clone();
    for path in [
        format!("/stacks/{}/deployments/{foreign}", stacks[0].id),
        format!("/stacks/{}/deployments/abc", stacks[0].id),
        format!("/stacks/{}/deployments/18446744073709551615", stacks[0].id),
        "/stacks/none".to_owned(),
        "/nothing".to_owned(),
    ] {
        let answer = client.cloud66(Method::GET, &path, None).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["error"].as_str()),
            (404, Some("not_found")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn throttling_is_503_until_the_next_hour() {
    let client = Client::with(SimulatorSettings {
        rate_limits: true,
        ..settings()
    })
    .await;
    client.world().set_quirks(|quirks| quirks.cloud66_requests_per_hour = 2);
    let first = client.cloud66(Method::GET, "/stacks", None).await;
    assert_eq!(
        (
            &first.headers["x-ratelimit-limit"],
            &first.headers["x-ratelimit-remaining"]
        ),
        (&"2".parse().unwrap(), &"1".parse().unwrap())
    );
    assert_eq!(client.cloud66(Method::GET, "/stacks", None).await.status, 200);
    let over = client.cloud66(Method::GET, "/stacks", None).await;
    assert_eq!(
        (over.status.as_u16(), over.json()["error"].as_str()),
        (503, Some("throttled"))
    );
    assert!(over.headers.get("retry-after").is_none());
    client.advance(3_600);
    assert_eq!(client.cloud66(Method::GET, "/stacks", None).await.status, 200);
}

#[tokio::test]
async fn codes_can_be_text() {
    let client = Client::new().await;
    client
        .world()
        .set_quirks(|quirks| quirks.cloud66_code_style = CodeStyle::Text);
    let stack = first_stack(&client);
    start(&client, &stack, Scenario::Success);
    client.advance(200);
    let list = client
        .cloud66(Method::GET, &format!("/stacks/{stack}/deployments"), None)
        .await
        .json();
    assert_eq!(
        list["response"][0]["outcome"],
        json!({ "code": "success", "meaning": "Successful" })
    );
}

#[tokio::test]
async fn commands_are_actions_that_end() {
    let client = Client::new().await;
    let path = format!("/stacks/{}/actions", first_stack(&client));
    let body = json!({ "command": "restart", "user_reference": "r1" });
    let action = client.cloud66(Method::POST, &path, Some(body)).await.json()["response"].clone();
    assert_eq!(
        (&action["action"], &action["finished_at"]),
        (&json!("restart"), &Value::Null)
    );
    client.advance(10);
    let ended = client
        .cloud66(Method::GET, &format!("{path}/{}", action["id"]), None)
        .await
        .json();
    assert_eq!(ended["response"]["finished_success"], true);
    assert_eq!(client.cloud66(Method::POST, &path, Some(json!({}))).await.status, 400);
}
