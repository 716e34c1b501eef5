//! Webhooks of providers: hints that make the gateway look at once, whoever sends them.

use serde_json::{Value, json};
use slipway_test_database::TestDatabase;
use slipway_tests::{Case, Gateway, ServeOptions, SimulateOptions, Simulators, until};

/// Nothing is polled while a test runs.
fn once_a_day() -> ServeOptions {
    ServeOptions {
        applications_every: "24h".to_owned(),
        active_every: "24h".to_owned(),
        idle_every: "24h".to_owned(),
        ..ServeOptions::default()
    }
}

/// A provider that sends nothing by itself, and a gateway that has read everything once.
async fn synced(case: &Case) -> (Simulators, Gateway) {
    let simulate = SimulateOptions {
        cloud66_stacks: 2,
        scalingo_apps: 2,
        ..SimulateOptions::default()
    };
    let simulators = Simulators::start(case, &simulate).await;
    let gateway = Gateway::start(case, &once_a_day(), &simulators).await;
    gateway.wait_until_synced().await;
    (simulators, gateway)
}

async fn post(url: &str, body: impl Into<reqwest::Body>) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let sent = client
        .post(url)
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await;
    sent.expect("the gateway answers").status().as_u16()
}

async fn reads(simulators: &Simulators) -> u64 {
    let counters = simulators.control.counters().await;
    counters
        .iter()
        .filter(|(kind, _)| !kind.ends_with("exchange"))
        .map(|(_, count)| count)
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_shows_a_deployment_that_no_poll_would_see_today() {
    let case = Case::begin().await;
    let (simulators, gateway) = synced(&case).await;
    for (provider, account) in [("cloud66", Gateway::ACCOUNTS[0]), ("scalingo", Gateway::ACCOUNTS[1])] {
        // Each twice and out of order: that costs nothing and changes nothing.
        let target = json!({"provider": provider, "url": gateway.webhook_url(account), "duplicate": true, "reorder": true, "at_start": true});
        simulators.control.post("/webhooks", target).await;
        let started = simulators.control.deploy(provider, "success", 1).await;
        let seen = until("the deployment is seen", async || {
            let all = gateway.api.deployments(&format!("provider={provider}")).await;
            all.into_iter()
                .find(|item| item.provider_deployment_id.as_ref() == started.first())
        })
        .await;
        assert_eq!(seen.observed_via, "webhook", "{provider}");
        simulators.control.delete("/webhooks").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forged_repeated_or_wrong_costs_little_and_tells_nothing() {
    let case = Case::begin().await;
    let (simulators, gateway) = synced(&case).await;
    let account = Gateway::ACCOUNTS[1];
    let url = gateway.webhook_url(account);
    let apps = simulators.control.applications().await;
    let app = apps.iter().find(|app| app["provider"] == "scalingo").expect("an app");
    let event = |id: &str, app_id: &Value, kind: &str| {
        json!({"id": id, "type": kind, "app_id": app_id, "type_data": {"status": "success", "deployment_uuid": "forged"}}).to_string()
    };
    let before = gateway.api.deployments("").await;

    // Wrong: as if there were nothing.
    let nothing = format!("{}/api/v1/nothing", gateway.api.base());
    for wrong in [
        nothing,
        url.replace(account, "no-such-account"),
        format!("{url}x"),
        url[..url.len() - 1].to_owned(),
        url.replace(account, Gateway::ACCOUNTS[0]).replace("0123", "3210"),
    ] {
        assert_eq!(post(&wrong, event("a", &app["id"], "deployment")).await, 404, "{wrong}");
    }
    // Not understood, too large, or none of our business.
    for (body, status) in [
        ("".to_owned(), 400),
        ("[1]".to_owned(), 400),
        ("{\"type\":".to_owned(), 400),
        ("x".repeat(300 * 1024), 413),
        (event("b", &app["id"], "restart"), 202),
    ] {
        let shown = body.chars().take(40).collect::<String>();
        assert_eq!(post(&url, body).await, status, "{shown}");
    }
    // Nothing of that made the gateway look: what came after it is seen to cost one read.
    let reads_before = reads(&simulators).await;
    for _ in 0..5 {
        assert_eq!(post(&url, event("c", &app["id"], "deployment")).await, 202);
    }
    until("the hint made the gateway look", async || {
        (reads(&simulators).await > reads_before).then_some(())
    })
    .await;
    // An application that nobody knows makes it look at the list.
    let reads_before = reads(&simulators).await;
    assert_eq!(
        post(&url, event("d", &json!("000000000000000000000000"), "deployment")).await,
        202
    );
    until("the list was read", async || {
        (reads(&simulators).await > reads_before).then_some(())
    })
    .await;
    // Nothing that a webhook says is a fact.
    let ids = |all: &[slipway_api::DeploymentView]| all.iter().map(|item| (item.id, item.version)).collect::<Vec<_>>();
    assert_eq!(ids(&gateway.api.deployments("").await), ids(&before));
    assert!(
        gateway
            .api
            .deployments("")
            .await
            .iter()
            .all(|item| item.provider_deployment_id.as_deref() != Some("forged"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_bounded_by_the_account_and_other_requests_are_served() {
    let case = Case::begin().await;
    let (simulators, gateway) = synced(&case).await;
    let url = gateway.webhook_url(Gateway::ACCOUNTS[0]);
    let before = reads(&simulators).await;
    let (mut taken, mut refused) = (0, 0);
    for number in 0..300 {
        let body = json!({"uid": format!("forged-{number}"), "event_type": "stack.redeploy.ok", "timestamp": number})
            .to_string();
        match post(&url, body).await {
            202 => taken += 1,
            429 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(taken >= 120 && refused > 0, "{taken} taken, {refused} refused");
    gateway.api.assert_ready().await;
    // Three hundred forged applications, and the list is read once in ten seconds at most.
    assert!(reads(&simulators).await - before < 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_a_webhook_is_refused_and_nothing_is_lost() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    // Of the same server, to take the other one away.
    let operator = TestDatabase::create().await.expect("another database");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let gateway = Gateway::start(&case, &ServeOptions::on(&database), &simulators).await;
    gateway.wait_until_synced().await;
    let url = gateway.webhook_url(Gateway::ACCOUNTS[0]);
    let stacks = simulators.control.applications().await;
    let stack = stacks
        .iter()
        .find(|stack| stack["provider"] == "cloud66")
        .expect("a stack");
    let body = json!({"uid": stack["id"], "event_type": "stack.redeploy.ok", "timestamp": 1}).to_string();
    let allow = async |is_allowed: bool| {
        let name = &database.name;
        let allowing = format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS {is_allowed}");
        let cutting = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        for statement in [allowing, cutting] {
            let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
                .execute(&operator.pool)
                .await;
            done.expect("done");
        }
    };

    allow(false).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let send = async || {
        let request = client
            .post(&url)
            .header("content-type", "application/json")
            .body(body.clone());
        request.send().await.expect("an answer")
    };
    let refused = send().await;
    assert_eq!(refused.status().as_u16(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let problem: Value = serde_json::from_str(&refused.text().await.expect("a body")).expect("a problem");
    assert_eq!(problem["code"], "database_unavailable");
    // What happens meanwhile is found by looking: no webhook will tell of it again.
    let missed = simulators.control.deploy("cloud66", "success", 1).await;
    allow(true).await;
    until("the webhook is taken when it comes again", async || {
        (send().await.status().as_u16() == 202).then_some(())
    })
    .await;
    let kept = "SELECT count(*) FROM webhook_inbox";
    let kept: i64 = sqlx::query_scalar(kept)
        .fetch_one(&database.pool)
        .await
        .expect("a number");
    assert_eq!(kept, 1, "the one that was refused was not kept");
    until("the deployment that was missed is there", async || {
        let rows = gateway.api.deployments("provider=cloud66").await;
        let is_missed = |row: &&slipway_api::DeploymentView| row.provider_deployment_id.as_ref() == missed.first();
        rows.iter().find(is_missed).map(|_| ())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_prints_the_url_that_is_taken() {
    let case = Case::begin().await;
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let options = once_a_day();
    let gateway = Gateway::start(&case, &options, &simulators).await;
    let file = Gateway::config_file(&case, &options);
    let ask = |arguments: &[&str]| {
        let mut command = case.command(&["webhook", "url"]);
        let output = command.arg("--config").arg(&file).args(arguments).output();
        let output = output.expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    for account in Gateway::ACCOUNTS {
        let (code, printed, said) = ask(&[account]);
        assert_eq!((code, said.as_str()), (Some(0), ""));
        let printed = printed.trim();
        let path = printed.find("/api/v1/").map(|at| &printed[at..]).expect("a path");
        let wanted = gateway.webhook_url(account);
        assert!(wanted.ends_with(path), "{printed} {wanted}");
        // What the provider would send to it is taken.
        let url = format!("{}{path}", gateway.api.base());
        assert_eq!(post(&url, "[]").await, 400, "the secret is right, the body is not");
    }
    let (code, printed, said) = ask(&["no-such-account"]);
    assert_eq!((code, printed.as_str()), (Some(1), ""));
    assert!(said.contains("no account `no-such-account` is configured"), "{said}");
    // Without a secret there is no URL, and the sentence says how to get one; with a public address it begins with that.
    let text = std::fs::read_to_string(&file).expect("the configuration");
    let bare: Vec<_> = text
        .lines()
        .map(|line| match line {
            line if line.starts_with("webhook_secret") => "",
            "[server]" => "[server]\npublic_url = 'https://deployments.example.com/'",
            line => line,
        })
        .collect();
    std::fs::write(&file, bare.join("\n")).expect("writable");
    let (code, printed, said) = ask(&[Gateway::ACCOUNTS[0]]);
    assert_eq!((code, printed.as_str()), (Some(1), ""));
    assert!(
        said.contains("webhook_secret") && said.contains("openssl rand"),
        "{said}"
    );
    let public = text.replace("[server]", "[server]\npublic_url = 'https://deployments.example.com/'");
    std::fs::write(&file, public).expect("writable");
    let (_, printed, _) = ask(&[Gateway::ACCOUNTS[0]]);
    assert!(
        printed.starts_with("https://deployments.example.com/api/v1/inbound/cloud66-test/"),
        "{printed}"
    );
}
