//! `If-Match`: a write for one version of a deployment, and for no other.

use serde_json::json;
use slipway_core::Status;

use super::{Site, main_ref, refused};
use crate::rows::advance;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_for_another_version_is_refused_and_changes_nothing() {
    let mut site = Site::new().await;
    let path = format!("/deployments/{}", site.deployment.id);
    let tag = site.gateway.get_ok(&path).await.header("etag").to_owned();
    let failed = (412, "precondition_failed".to_owned());
    let epoch = tag.trim_matches('"').split('-').next().expect("an epoch").to_owned();
    for other in [
        format!("\"{epoch}-2\""),
        "\"elsewhere-1\"".to_owned(),
        format!("W/{tag}"),
        "nonsense".to_owned(),
        "\"\"".to_owned(),
    ] {
        for action in ["redeploy", "rollback", "cancel"] {
            let headers = [("if-match", other.as_str()), ("idempotency-key", "k")];
            let answer = site.post(&site.action(action), &json!({}), &headers).await;
            assert_eq!(refused(&answer), failed, "{action} {other}");
        }
    }
    let twice = [("if-match", tag.as_str()), ("if-match", "*")];
    let answer = site.post(&site.action("redeploy"), &json!({}), &twice).await;
    assert_eq!(refused(&answer), (400, "invalid_parameter".to_owned()));
    assert_eq!(site.provider.calls(), 0);
    assert_eq!(site.number("SELECT count(*) FROM intents").await, 0);
    // An application has no version to name.
    let answer = site.post(&site.trigger(), &main_ref(), &[("if-match", &tag)]).await;
    assert_eq!(refused(&answer), failed);

    // The key that was refused above is free.
    let headers = [("if-match", tag.as_str()), ("idempotency-key", "k")];
    let made = site.post(&site.action("redeploy"), &json!({}), &headers).await;
    assert_eq!(made.status, 202, "{}", made.text);
    assert_eq!(made.header("idempotency-replayed"), "");
    for any in ["*", &format!("\"{}-raw\"", tag.trim_matches('"'))] {
        let answer = site
            .post(&site.action("redeploy"), &json!({}), &[("if-match", any)])
            .await;
        assert_eq!(answer.status, 202, "{any}: {}", answer.text);
    }
    assert_eq!(site.provider.calls(), 3);

    let pool = site.gateway.db.pool.clone();
    sqlx::query("UPDATE deployments SET version = version + 1 WHERE id = $1")
        .bind(site.deployment.id.0)
        .execute(&pool)
        .await
        .expect("changed");
    site.deployment.version += 1;
    advance(&pool, &mut site.deployment, Status::Failed).await;
    let stale = site
        .post(&site.action("redeploy"), &json!({}), &[("if-match", &tag)])
        .await;
    assert_eq!(refused(&stale), failed, "it has changed since");
    // The same request again gets what it got, whatever became of the deployment.
    let again = site.post(&site.action("redeploy"), &json!({}), &headers).await;
    assert_eq!((again.status.as_u16(), &again.text), (202, &made.text));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(site.provider.calls(), 3);
}
