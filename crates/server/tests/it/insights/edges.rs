//! Days that begin oddly, nothing to count, what a caller may not see, and what cannot be asked.

use axum::body::Body;
use http::{StatusCode, header};
use serde_json::{Value, json};
use slipway_core::Status;
use slipway_store::Visibility;
use time::Duration;

use super::by_hand::make;
use crate::access::{of_account, request, token};
use crate::harness::{Gateway, get};
use crate::rows::{insert_account, insert_application, insert_observed, observation, success};

async fn intervals(gateway: &Gateway, query: &str) -> Vec<(String, String, String)> {
    let answer = gateway.get_ok(&format!("/insights/deployments?{query}")).await.json();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let intervals = answer["intervals"].as_array().expect("intervals").iter();
    let all: Vec<_> = intervals
        .map(|one| (text(&one["first_day"]), text(&one["starts_at"]), text(&one["ends_at"])))
        .collect();
    assert!(all.windows(2).all(|pair| pair[0].2 == pair[1].1), "no gap: {all:?}");
    assert_eq!(answer["period"]["starts_at"], all[0].1);
    assert_eq!(answer["period"]["ends_at"], all[all.len() - 1].2);
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_begin_and_end_where_the_clocks_of_the_place_say() {
    let gateway = Gateway::new().await;
    let starts = async |zone: &str, from: &str, to: &str| -> Vec<String> {
        let query = format!("time_zone={zone}&from={from}&to={to}");
        let all = intervals(&gateway, &query).await;
        let ends = all.last().map(|last| last.2.clone());
        all.into_iter().map(|one| one.1).chain(ends).collect()
    };
    assert_eq!(
        starts("Europe/Berlin", "2026-03-28", "2026-03-30").await,
        [
            "2026-03-27T23:00:00Z",
            "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z",
            "2026-03-30T22:00:00Z"
        ]
    );
    assert_eq!(
        starts("Europe/Berlin", "2026-10-25", "2026-10-25").await,
        ["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"]
    );
    // Midnight comes twice: the day begins with the first one.
    assert_eq!(
        starts("America/Havana", "2025-11-01", "2025-11-02").await,
        ["2025-11-01T04:00:00Z", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"]
    );
    // There is no midnight: the day begins at one o'clock.
    assert_eq!(
        starts("America/Sao_Paulo", "2018-11-03", "2018-11-04").await,
        ["2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"]
    );
    // Half an hour.
    assert_eq!(
        starts("Asia/Kolkata", "2026-01-01", "2026-01-01").await,
        ["2025-12-31T18:30:00Z", "2026-01-01T18:30:00Z"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weeks_begin_on_monday_and_are_cut_to_what_is_asked_for() {
    let gateway = Gateway::new().await;
    let first_days =
        async |query: &str| -> Vec<String> { intervals(&gateway, query).await.into_iter().map(|one| one.0).collect() };
    // The third of March 2026 is a Tuesday.
    assert_eq!(
        first_days("from=2026-03-03&to=2026-03-17&interval=week").await,
        ["2026-03-03", "2026-03-09", "2026-03-16"]
    );
    assert_eq!(
        first_days("from=2026-01-15&to=2026-03-02&interval=month").await,
        ["2026-01-15", "2026-02-01", "2026-03-01"]
    );
    assert_eq!(first_days("").await.len(), 30);
    assert_eq!(first_days("from=2024-01-01&to=2024-12-31").await.len(), 366);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_known_is_null_with_a_reason() {
    let gateway = Gateway::new().await;
    let days = "from=2026-01-01&to=2026-01-10";
    let ask = async || gateway.get_ok(&format!("/insights/deployments?{days}")).await.json();
    let empty = ask().await;
    assert_eq!(empty["intervals"].as_array().expect("intervals").len(), 10);
    let total = &empty["total"];
    assert_eq!(
        (&total["deployments"], &total["frequency"]["per_day"]),
        (&json!(0), &json!(0.0))
    );
    assert_eq!(
        total["failure_rate"],
        json!({"value": null, "counted": 0, "left_out": 0, "reason": "nothing_ended"})
    );
    for (metric, reason) in [
        ("duration", "nothing_succeeded"),
        ("lead_time", "nothing_succeeded"),
        ("recovery", "nothing_failed"),
    ] {
        let nothing = json!({"median_ms": null, "p95_ms": null, "counted": 0, "left_out": 0, "reason": reason});
        assert_eq!(total[metric], nothing);
    }
    let pool = &gateway.db.pool;
    let shop = insert_application(pool, "main", "shop").await;
    insert_observed(pool, &shop, Duration::ZERO, &observation(Status::Succeeded)).await;
    insert_observed(pool, &shop, Duration::HOUR, &observation(Status::Failed)).await;
    let total = &ask().await["total"];
    for metric in ["duration", "lead_time", "recovery"] {
        assert_eq!(total[metric]["median_ms"], Value::Null);
        assert_eq!(total[metric]["reason"], "times_unknown");
    }
    assert_eq!(total["failure_rate"]["value"], 0.5);
    // Days to come are no days without deployments.
    let ahead = gateway
        .get_ok("/insights/deployments?from=9000-01-01&to=9000-01-03")
        .await
        .json();
    assert_eq!(ahead["total"]["frequency"]["days"], 0);
    assert_eq!(ahead["total"]["frequency"]["per_day"], Value::Null);
    assert_eq!(ahead["intervals"][2]["is_over"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_count_what_the_caller_sees_and_nothing_else() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    insert_account(pool, "main", Some(success())).await;
    let made = make(&gateway, time::macros::datetime!(2026-05-01 00:00 UTC), 3, 40, 7).await;
    let hidden = insert_application(pool, "other", "secret").await;
    let age = time::macros::datetime!(2026-05-02 00:00 UTC) - crate::rows::START;
    insert_observed(pool, &hidden, age, &observation(Status::Failed)).await;
    gateway.settle().await;
    let ask = async |visibility: Visibility, path: &str| {
        let (_, secret) = token(&gateway, &["deployments:read"], visibility).await;
        let path = format!("/api/v1/insights/{path}from=2026-05-01&to=2026-05-03");
        let answer = gateway.ask(request("GET", &path, Some(&secret), None)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer
    };
    let all = ask(Visibility::default(), "deployments?").await.json();
    assert_eq!(all["total"]["deployments"], 41);
    let of_main = ask(of_account("main"), "deployments?").await;
    assert_eq!(of_main.json()["total"]["deployments"], 40);
    assert!(
        !of_main.text.contains("secret") && !of_main.text.contains("other"),
        "{}",
        of_main.text
    );
    let explained = ask(of_account("main"), "explain?metric=failure_rate&limit=200&").await;
    assert_eq!(explained.items().len(), 40);
    assert!(!explained.text.contains(&hidden.id.to_string()));
    let staging = Visibility {
        environments: vec!["staging".to_owned()],
        ..Visibility::default()
    };
    let of_staging = made.iter().filter(|one| one.environment == "staging").count();
    let answer = ask(staging.clone(), "deployments?").await.json();
    assert_eq!(answer["total"]["deployments"], of_staging);
    assert_eq!(answer["applications"].as_array().expect("applications").len(), 1);
    // A filter never widens what may be seen.
    let crossed = ask(staging, "deployments?environment=production&").await.json();
    assert_eq!(crossed["total"]["deployments"], 0);
    let one = Visibility {
        applications: vec![hidden.id.0],
        ..Visibility::default()
    };
    let path = format!("deployments?application={}&", made[0].application);
    assert_eq!(ask(one.clone(), &path).await.json()["total"]["deployments"], 0);
    assert_eq!(ask(one, "deployments?").await.json()["total"]["deployments"], 1);
    assert_eq!(
        ask(Visibility::nothing(), "deployments?").await.json()["total"]["deployments"],
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_did_not_change_is_not_sent_again() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let shop = insert_application(pool, "main", "shop").await;
    for path in [
        "/insights/deployments?from=2026-01-01&to=2026-01-10",
        "/insights/explain?metric=frequency&from=2026-01-01&to=2026-01-10",
    ] {
        let first = gateway.get_ok(path).await;
        assert!(first.header("etag").starts_with("W/\"") && !first.header("x-event-cursor").is_empty());
        let again = async || {
            let request = get(path).header(header::IF_NONE_MATCH, first.header("etag"));
            gateway
                .ask(request.body(Body::empty()).expect("a request"))
                .await
                .status
        };
        assert_eq!(again().await, StatusCode::NOT_MODIFIED);
        insert_observed(pool, &shop, Duration::ZERO, &observation(Status::Succeeded)).await;
        assert_eq!(again().await, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_asked_is_refused_by_name() {
    let gateway = Gateway::new().await;
    for (query, parameter) in [
        ("time_zone=Nowhere/Atall", "time_zone"),
        ("time_zone=", "time_zone"),
        ("time_zone=CEST", "time_zone"),
        // Rules of POSIX, which PostgreSQL would take, and with the opposite sign.
        ("time_zone=Foo/Bar3", "time_zone"),
        ("time_zone=EST5EDT", "time_zone"),
        ("time_zone=Europe/Berlin'--", "time_zone"),
        ("from=2026-02-30", "from"),
        ("from=0001-01-01", "from"),
        ("from=2026-03-02&to=2026-03-01", "from"),
        ("from=2024-01-01&to=2025-01-01", "from"),
        ("to=tomorrow", "to"),
        ("interval=hour", "interval"),
        ("limit=0", "limit"),
        ("application=7", "application[0]"),
    ] {
        let answer = gateway.get(&format!("/insights/deployments?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.text);
        let named = answer.json()["errors"][0]["field"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(
            named.starts_with(parameter.trim_end_matches("[0]")),
            "{query}: {}",
            answer.text
        );
    }
    for (query, code) in [
        ("metric=luck", "invalid_parameter"),
        ("metric=duration&interval=day", "unknown_parameter"),
        ("metric=duration&cursor=abc", "invalid_cursor"),
    ] {
        let answer = gateway.get(&format!("/insights/explain?{query}")).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (StatusCode::BAD_REQUEST, &json!(code)),
            "{query}"
        );
    }
}
