//! Freeze windows of a configuration file: what they hold back, who sees them, and who may deploy all the same.

use serde_json::{Value, json};
use slipway_api::ApplicationView;
use slipway_test_database::TestDatabase;
use slipway_tests::{Answer, Api, Case, Gateway, ServeOptions, SimulateOptions, Simulators};

const UNTIL: &str = "2100-01-01T00:00:00Z";

/// Everything of Scalingo with a name, one environment of Cloud 66, one label, one that is over, one that is to come.
fn freezes(app: &str) -> String {
    let window = format!("from = '2020-01-01T00:00:00Z'\nto = '{UNTIL}'\n");
    format!(
        "[[rules]]\nproviders = ['scalingo']\nnames = ['{app}']\nenvironment = 'payroll'\n\
         [rules.labels]\ntier = 'gold'\n\
         [[freezes]]\nname = 'by-name'\nreason = 'the year is closed'\nproviders = ['scalingo']\nnames = ['{app}']\n{window}\
         [[freezes]]\nname = 'by-environment'\nproviders = ['cloud66']\nenvironments = ['production']\n{window}\
         [[freezes]]\nname = 'by-label'\n{window}[freezes.labels]\ntier = 'gold'\n\
         [[freezes]]\nname = 'over'\nfrom = '2020-01-01T00:00:00Z'\nto = '2020-01-02T00:00:00Z'\n\
         [[freezes]]\nname = 'to-come'\naccounts = ['scalingo-test']\nfrom = '2099-01-01T00:00:00Z'\nto = '{UNTIL}'\n"
    )
}

async fn token(gateway: &Gateway, scopes: &[&str], restriction: Value) -> Api {
    let body = json!({"name": "test", "scopes": scopes, "restrictions": restriction});
    let made = gateway.admin.post("/api/v1/tokens", &body, &[]).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made: Value = serde_json::from_str(&made.text).expect("JSON");
    Api::new(gateway.api.base(), made["secret"].as_str().expect("a secret"))
}

async fn trigger(api: &Api, application: &ApplicationView, headers: &[(&str, &str)]) -> Answer {
    let path = format!("/api/v1/applications/{}/deployments", application.id);
    api.post(&path, &json!({"git_ref": "main"}), headers).await
}

fn refused(answer: &Answer) -> (u16, String) {
    let problem: Value = serde_json::from_str(&answer.text).expect("JSON");
    (answer.status, problem["code"].as_str().unwrap_or_default().to_owned())
}

async fn names(api: &Api) -> Vec<String> {
    let list: Value = api.get("/api/v1/freezes").await.json();
    let items = list["items"].as_array().expect("items").iter();
    let mut names: Vec<_> = items
        .map(|item| item["name"].as_str().expect("a name").to_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_of_freezes_holds_back_what_it_names() {
    let case = Case::begin().await;
    let database = TestDatabase::create().await.expect("a database for the test");
    let simulators = Simulators::start(&case, &SimulateOptions::default()).await;
    let apps = simulators.control.applications().await;
    let app = apps.iter().find(|app| app["provider"] == "scalingo").expect("an app");
    let options = ServeOptions {
        more: freezes(app["name"].as_str().expect("a name")),
        ..ServeOptions::on(&database)
    };
    let gateway = Gateway::start(&case, &options, &simulators).await;
    gateway.wait_until_synced().await;
    let applications = gateway.api.applications().await;
    let find = |what: &str, fits: &dyn Fn(&ApplicationView) -> bool| {
        let found = applications.iter().find(|application| fits(application));
        found.cloned().unwrap_or_else(|| panic!("no application {what}"))
    };
    let named = find("with the name", &|known| known.name == app["name"]);
    assert_eq!(named.environment.as_deref(), Some("payroll"));
    let other_app = find("of Scalingo beside it", &|known| {
        known.provider == "scalingo" && known.id != named.id
    });
    let production = find("in production", &|known| {
        known.provider == "cloud66" && known.environment.as_deref() == Some("production")
    });

    let writer = token(&gateway, &["deployments:write", "deployments:read"], json!({})).await;
    for (application, freeze) in [(&named, "by-"), (&production, "by-environment")] {
        let answer = trigger(&writer, application, &[("idempotency-key", "k")]).await;
        assert_eq!(refused(&answer), (409, "frozen".to_owned()), "{}", answer.text);
        assert!(
            answer.text.contains(freeze) && answer.text.contains(UNTIL),
            "{}",
            answer.text
        );
    }
    assert_eq!(
        trigger(&writer, &other_app, &[]).await.status,
        202,
        "no window is for this one"
    );

    // The header needs its scope, and says exactly `true`.
    let on = [("x-freeze-override", "true"), ("idempotency-key", "k")];
    let denied = trigger(&writer, &named, &on).await;
    assert_eq!(refused(&denied), (403, "insufficient_scope".to_owned()));
    let breaker = token(&gateway, &["deployments:write", "freezes:override"], json!({})).await;
    for odd in ["yes", "1", "TRUE", ""] {
        let answer = trigger(&breaker, &named, &[("x-freeze-override", odd)]).await;
        assert_eq!(refused(&answer), (400, "invalid_parameter".to_owned()), "{odd}");
    }
    let off = trigger(&breaker, &named, &[("x-freeze-override", "false")]).await;
    assert_eq!(
        refused(&off),
        (409, "frozen".to_owned()),
        "the scope alone opens nothing"
    );
    let made = trigger(&breaker, &named, &on).await;
    assert_eq!(
        (made.status, made.header("idempotency-replayed")),
        (202, None),
        "{}",
        made.text
    );
    let audit: Value = gateway.admin.get("/api/v1/audit?limit=200").await.json();
    let entries = audit["items"].as_array().expect("items");
    assert!(
        entries
            .iter()
            .any(|entry| entry["outcome"] == "succeeded" && entry["detail"]["overrides_freeze"] == true),
        "who broke a freeze is written down"
    );

    // A dry run tells of it and is not held back; what runs may be stopped.
    let preview = json!({"action": "trigger", "application_id": production.id, "git_ref": "main"});
    let preview = writer.post("/api/v1/previews", &preview, &[]).await;
    assert!(
        preview.status == 200 && preview.text.contains("by-environment"),
        "{}",
        preview.text
    );

    assert_eq!(
        names(&writer).await,
        ["by-environment", "by-label", "by-name", "to-come"]
    );
    for (restriction, expected) in [
        (json!({"accounts": ["cloud66-test"]}), vec!["by-environment"]),
        (json!({"applications": [other_app.id]}), vec!["to-come"]),
        (
            json!({"applications": [named.id]}),
            vec!["by-label", "by-name", "to-come"],
        ),
        (
            json!({"environments": ["payroll"]}),
            vec!["by-label", "by-name", "to-come"],
        ),
        (json!({"environments": ["nowhere"]}), vec![]),
    ] {
        let seer = token(&gateway, &["deployments:read"], restriction.clone()).await;
        assert_eq!(names(&seer).await, expected, "{restriction}");
    }
}
