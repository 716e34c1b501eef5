//! The numbers are those that anybody computes from the same deployments, and every bar is a list.

use std::collections::BTreeMap;

use serde_json::Value;
use time::macros::datetime;

use super::by_hand::{Expected, Made, day_in_berlin, expect, make};
use crate::harness::Gateway;

/// What an answer says, in the form of what is expected.
fn said(insight: &Value) -> Expected {
    let counts = [
        "deployments",
        "succeeded",
        "failed",
        "canceled",
        "unknown",
        "unfinished",
    ];
    let spreads = ["duration", "lead_time", "recovery"];
    Expected {
        counts: counts
            .map(|name| (name, insight[name].as_i64().expect("a count")))
            .into(),
        failure_rate: insight["failure_rate"]["value"].as_f64(),
        spreads: spreads
            .map(|name| {
                let spread = &insight[name];
                let counted = spread["counted"].as_i64().expect("a count");
                assert_eq!(spread["reason"].is_null(), counted > 0, "{name}: {spread}");
                let left_out = insight["deployments"].as_i64().expect("a count") - counted;
                assert_eq!(spread["left_out"], left_out, "{name}: {spread}");
                (name, (counted, spread["median_ms"].as_i64(), spread["p95_ms"].as_i64()))
            })
            .into(),
    }
}

/// Interpolation may end a millisecond apart.
fn assert_same(said: &Expected, expected: &Expected, what: &str) {
    assert_eq!(said.counts, expected.counts, "{what}");
    let is_near = match (said.failure_rate, expected.failure_rate) {
        (Some(said), Some(expected)) => (said - expected).abs() < 1e-9,
        (said, expected) => said == expected,
    };
    assert!(
        is_near,
        "{what}: {:?} instead of {:?}",
        said.failure_rate, expected.failure_rate
    );
    for (metric, (counted, median, p95)) in &expected.spreads {
        let (said_counted, said_median, said_p95) = said.spreads[metric];
        assert_eq!(said_counted, *counted, "{what}: {metric}");
        for (said, expected) in [(said_median, median), (said_p95, p95)] {
            let is_near = match (said, expected) {
                (Some(said), Some(expected)) => (said - expected).abs() <= 1,
                (said, expected) => said == *expected,
            };
            assert!(is_near, "{what}: {metric} {said:?} instead of {expected:?}");
        }
    }
}

async fn compare(gateway: &Gateway, made: &[Made], from: &str, to: &str) {
    let query = format!("from={from}&to={to}&time_zone=Europe/Berlin");
    let answer = gateway.get_ok(&format!("/insights/deployments?{query}")).await.json();
    let day = |one: &Made| day_in_berlin(one.created_at).to_string();
    let within = |one: &Made| day(one).as_str() >= from && day(one).as_str() <= to;
    let total = expect(made, within);
    assert!(
        total.counts["failed"] > 9 && total.spreads["recovery"].0 > 3,
        "{total:?}"
    );
    assert_same(&said(&answer["total"]), &total, "total");

    let mut days = 0;
    for interval in answer["intervals"].as_array().expect("intervals") {
        let (first, last) = (&interval["first_day"], &interval["last_day"]);
        assert_eq!(first, last);
        let name = first.as_str().expect("a day");
        assert_same(&said(&interval["insight"]), &expect(made, |one| day(one) == name), name);
        assert_eq!(interval["insight"]["frequency"]["days"], 1);
        // The bar is a list.
        let (starts, ends) = (&interval["starts_at"], &interval["ends_at"]);
        let window = format!(
            "created_after={}&created_before={}",
            starts.as_str().expect("an instant"),
            ends.as_str().expect("an instant")
        );
        for status in ["succeeded", "failed", "canceled"] {
            let list = gateway
                .get_ok(&format!("/deployments?limit=200&status={status}&{window}"))
                .await;
            assert_eq!(interval["insight"][status], list.items().len(), "{name} {status}");
        }
        days += 1;
    }
    assert_eq!(answer["total"]["frequency"]["days"], days);
    let per_day = answer["total"]["frequency"]["per_day"].as_f64().expect("a number");
    let succeeded = f64::from(i32::try_from(total.counts["succeeded"]).expect("few"));
    assert!((per_day - succeeded / f64::from(days)).abs() < 1e-9);

    for view in answer["applications"].as_array().expect("applications") {
        let chosen = |one: &Made| within(one) && view["application_id"] == one.application.as_str();
        assert_same(&said(&view["insight"]), &expect(made, chosen), "an application");
        let id = view["application_id"].as_str().expect("an id");
        let alone = gateway
            .get_ok(&format!("/insights/deployments?{query}&application={id}"))
            .await
            .json();
        assert_eq!(alone["total"], view["insight"]);
    }
    for view in answer["environments"].as_array().expect("environments") {
        let chosen = |one: &Made| within(one) && view["environment"] == one.environment.as_str();
        assert_same(&said(&view["insight"]), &expect(made, chosen), "an environment");
        let name = view["environment"].as_str().expect("a name");
        let alone = gateway
            .get_ok(&format!("/insights/deployments?{query}&environment={name}"))
            .await
            .json();
        assert_eq!(alone["total"], view["insight"]);
        assert_eq!(alone["environments"].as_array().expect("environments").len(), 1);
    }
    explain(gateway, made, &query, within).await;
}

/// Every deployment is explained once; those that count give the number, and each reason holds.
async fn explain(gateway: &Gateway, made: &[Made], query: &str, within: impl Fn(&Made) -> bool) {
    let all: Vec<&Made> = made.iter().filter(|one| within(one)).collect();
    for metric in ["frequency", "failure_rate", "duration", "lead_time", "recovery"] {
        let base = format!("/insights/explain?metric={metric}&{query}&limit=40");
        let mut cursor = String::new();
        let mut items = Vec::new();
        let first = loop {
            let page = gateway.get_ok(&format!("{base}{cursor}")).await.json();
            items.extend(page["items"].as_array().expect("items").clone());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break page,
            }
        };
        let mut ids: Vec<&str> = items.iter().filter_map(|item| item["deployment_id"].as_str()).collect();
        ids.reverse();
        assert_eq!(
            ids,
            all.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(),
            "{metric}"
        );
        let mut reasons: BTreeMap<String, i64> = BTreeMap::new();
        let mut counted = 0;
        for item in &items {
            match item["reason"].as_str() {
                Some(reason) => *reasons.entry(reason.to_owned()).or_default() += 1,
                None => counted += 1,
            }
            assert_eq!(item["is_counted"], item["reason"].is_null());
            let has_value = item["is_counted"] == true && !metric.starts_with('f');
            assert_eq!(item["value_ms"].is_i64(), has_value, "{metric}: {item}");
        }
        assert_eq!(first["counted"], counted, "{metric}");
        assert_eq!(first["total"][metric]["counted"], counted, "{metric}");
        assert_eq!(first["looked_at"], items.len());
        let told: BTreeMap<String, i64> = first["left_out"]
            .as_array()
            .expect("reasons")
            .iter()
            .map(|row| {
                assert!(
                    row["explanation"].as_str().is_some_and(|text| text.ends_with('.')),
                    "{row}"
                );
                let reason = row["reason"].as_str().expect("a word").to_owned();
                (reason, row["deployments"].as_i64().expect("a count"))
            })
            .collect();
        assert_eq!(told, reasons, "{metric}");
        let only = gateway.get_ok(&format!("{base}&counted=false")).await;
        assert!(only.items().iter().all(|item| item["is_counted"] == false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_what_anybody_computes_from_the_same_deployments() {
    let gateway = Gateway::new().await;
    // Over the day of 23 hours, and with deployments before and after the days that are asked about.
    let made = make(&gateway, datetime!(2026-03-24 09:00 UTC), 12, 220, 0x5eed).await;
    compare(&gateway, &made, "2026-03-26", "2026-04-02").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_hold_over_a_day_of_25_hours() {
    let gateway = Gateway::new().await;
    let made = make(&gateway, datetime!(2026-10-22 00:00 UTC), 7, 200, 0xfa11).await;
    compare(&gateway, &made, "2026-10-23", "2026-10-27").await;
}
