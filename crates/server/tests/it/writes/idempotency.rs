//! `Idempotency-Key`: the same request again gets the same answer and makes nothing.

use std::time::Duration;

use serde_json::json;
use slipway_server::ServerSettings;
use slipway_store::Visibility;

use super::{Site, main_ref, post, refused};
use crate::access::{request, token};
use crate::harness::{PATIENCE, settings};

const REPLAYED: &str = "idempotency-replayed";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_gets_the_same_bytes_and_no_key_deploys_again() {
    let site = Site::new().await;
    for expected in 1..=2 {
        let answer = site.post(&site.trigger(), &main_ref(), &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header(REPLAYED)), (202, ""));
        assert_eq!(
            site.provider.calls(),
            expected,
            "without a key each request is one of its own"
        );
    }
    let key = [("idempotency-key", "release-1")];
    let first = site.post(&site.trigger(), &main_ref(), &key).await;
    assert_eq!(
        (first.status.as_u16(), first.header(REPLAYED)),
        (202, ""),
        "{}",
        first.text
    );
    let location = format!("/api/v1/deployments/{}", first.json()["id"].as_str().expect("an id"));
    assert_eq!(first.header("location"), location);
    // Blanks and the order of members make no other body.
    for body in [r#"{"git_ref":"main"}"#, "{ \"git_ref\" :\n \"main\" }"] {
        let again = site.gateway.ask(post(&site.trigger(), body, &key)).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert_eq!(
            (again.header("location"), again.header(REPLAYED)),
            (location.as_str(), "true")
        );
    }
    let other = site.post(&site.trigger(), &json!({"git_ref": "next"}), &key).await;
    assert_eq!(refused(&other), (422, "idempotency_key_reused".to_owned()));
    assert_eq!(site.provider.calls(), 3);
    // A key is of one caller, one method and one path.
    let redeployed = site.post(&site.action("redeploy"), &json!({}), &key).await;
    assert_eq!((redeployed.status.as_u16(), redeployed.header(REPLAYED)), (202, ""));
    let (_, secret) = token(&site.gateway, &["deployments:write"], Visibility::default()).await;
    let mut theirs = request(
        "POST",
        &format!("/api/v1{}", site.trigger()),
        Some(&secret),
        Some(&main_ref()),
    );
    theirs
        .headers_mut()
        .insert("idempotency-key", "release-1".parse().expect("a value"));
    let theirs = site.gateway.ask(theirs).await;
    assert_eq!((theirs.status.as_u16(), theirs.header(REPLAYED)), (202, ""));
    assert_eq!(site.provider.calls(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_key_is_refused_before_anything_is_done() {
    let site = Site::new().await;
    let invalid = (400, "invalid_parameter".to_owned());
    for odd in ["", " ", "two words", "tab\there", "ümlaut", &"k".repeat(256)] {
        let answer = site
            .post(&site.trigger(), &main_ref(), &[("idempotency-key", odd)])
            .await;
        assert_eq!(refused(&answer), invalid, "{odd:?}");
        assert!(
            answer.text.to_lowercase().contains("idempotency-key"),
            "{}",
            answer.text
        );
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "a")];
    let answer = site.post(&site.trigger(), &main_ref(), &twice).await;
    assert_eq!(refused(&answer), invalid);
    assert_eq!(site.provider.calls(), 0);
    let longest = "k".repeat(255);
    let answer = site
        .post(&site.trigger(), &main_ref(), &[("idempotency-key", &longest)])
        .await;
    assert_eq!(answer.status, 202, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_again_while_the_provider_thinks_is_told_to_come_back_and_not_written_down() {
    let site = Site::new().await;
    site.provider.close();
    let key = [("idempotency-key", "slow")];
    let path = site.trigger();
    let first = site.gateway.ask(post(&path, &main_ref().to_string(), &key));
    let second = async {
        while site.provider.calls() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let again = site.post(&path, &main_ref(), &key).await;
        assert_eq!(refused(&again), (409, "idempotency_in_progress".to_owned()));
        assert!(!again.header("retry-after").is_empty());
        let other = site.post(&path, &json!({"git_ref": "next"}), &key).await;
        assert_eq!(refused(&other), (422, "idempotency_key_reused".to_owned()));
        site.provider.open();
    };
    let (first, ()) = tokio::time::timeout(PATIENCE, async { tokio::join!(first, second) })
        .await
        .expect("in time");
    assert_eq!(
        (first.status.as_u16(), first.header(REPLAYED)),
        (202, ""),
        "{}",
        first.text
    );
    let again = site.post(&path, &main_ref(), &key).await;
    assert_eq!((&again.text, again.header(REPLAYED)), (&first.text, "true"));
    assert_eq!(site.provider.calls(), 1);
    assert_eq!(
        site.number("SELECT count(*) FROM audit_log WHERE outcome = 'refused'")
            .await,
        0,
        "who is told to come back was refused nothing"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_takes_its_time_is_not_taken_for_one_that_did_nothing() {
    let site = Site::with(ServerSettings {
        request_timeout: Duration::from_millis(800),
        ..settings()
    })
    .await;
    site.provider.close();
    let bare = site.post(&site.trigger(), &main_ref(), &[]).await;
    assert_eq!(refused(&bare), (504, "write_in_progress".to_owned()));
    assert_eq!(bare.json()["retryable"], false, "the same again would deploy again");
    let key = [("idempotency-key", "slow")];
    let keyed = site.post(&site.trigger(), &main_ref(), &key).await;
    assert_eq!(refused(&keyed), (409, "idempotency_in_progress".to_owned()));
    site.provider.open();
    let answered = async {
        loop {
            let answer = site.post(&site.trigger(), &main_ref(), &key).await;
            if answer.status != 409 {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let answer = tokio::time::timeout(PATIENCE, answered).await.expect("in time");
    assert_eq!((answer.status.as_u16(), answer.header(REPLAYED)), (202, "true"));
    assert_eq!(site.provider.calls(), 2);
}
