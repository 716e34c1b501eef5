//! Keyset lists: no row twice, none missing, whatever comes in meanwhile.

use slipway_core::Status;
use slipway_store::applications::{self, ApplicationFilter};
use slipway_store::deployments::{self, DeploymentFilter};
use slipway_store::page::AfterApplication;
use slipway_test_database::TestDatabase;

use crate::rows::{insert_application, insert_deployment};

#[tokio::test]
async fn a_walk_meets_every_deployment_once_while_new_ones_come_in() {
    let database = TestDatabase::create().await.expect("a database");
    let mut conn = database.pool.acquire().await.expect("a connection");
    let application = insert_application(&mut conn, "main", "app").await;
    let mut expected = Vec::new();
    for number in 0..53 {
        // Several share an instant: the id decides between them.
        expected.push(
            insert_deployment(&mut conn, application, number / 5, Status::Succeeded)
                .await
                .to_string(),
        );
    }
    let (mut met, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = deployments::list(&mut conn, &DeploymentFilter::default(), after, 10)
            .await
            .expect("a page");
        assert!(!page.head.epoch.is_empty());
        met.extend(
            page.bodies
                .iter()
                .map(|body| body.replace(r#"{"id":""#, "").replace(r#""}"#, "")),
        );
        pages += 1;
        insert_deployment(&mut conn, application, 1_000 + pages, Status::Queued).await;
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    assert_eq!(pages, 6);
    assert_eq!(met.len(), 53);
    met.sort_unstable();
    expected.sort_unstable();
    assert_eq!(met, expected);
}

#[tokio::test]
async fn an_empty_page_still_tells_its_position_in_the_log() {
    let database = TestDatabase::create().await.expect("a database");
    let mut conn = database.pool.acquire().await.expect("a connection");
    let page = deployments::list(&mut conn, &DeploymentFilter::default(), None, 10)
        .await
        .expect("a page");
    assert!(page.bodies.is_empty() && page.next.is_none() && !page.head.epoch.is_empty());
}

#[tokio::test]
async fn filters_combine() {
    let database = TestDatabase::create().await.expect("a database");
    let mut conn = database.pool.acquire().await.expect("a connection");
    let (one, two) = (
        insert_application(&mut conn, "main", "one").await,
        insert_application(&mut conn, "main", "two").await,
    );
    for (application, status) in [(one, Status::Failed), (one, Status::Succeeded), (two, Status::Failed)] {
        insert_deployment(&mut conn, application, 1, status).await;
    }
    let count = async |conn: &mut slipway_store::PgConnection, filter: &DeploymentFilter| {
        deployments::list(conn, filter, None, 10)
            .await
            .expect("a page")
            .bodies
            .len()
    };
    let statuses = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut filter = DeploymentFilter {
        statuses: statuses(&["failed"]),
        ..DeploymentFilter::default()
    };
    assert_eq!(count(&mut conn, &filter).await, 2);
    filter.applications = vec![one.0];
    assert_eq!(count(&mut conn, &filter).await, 1);
    filter.statuses = statuses(&["failed", "succeeded"]);
    assert_eq!(count(&mut conn, &filter).await, 2);
    filter.accounts = statuses(&["another"]);
    assert_eq!(count(&mut conn, &filter).await, 0);
}

#[tokio::test]
async fn applications_come_by_name() {
    let database = TestDatabase::create().await.expect("a database");
    let mut conn = database.pool.acquire().await.expect("a connection");
    for name in ["b", "c", "a", "d"] {
        insert_application(&mut conn, "main", name).await;
    }
    let filter = ApplicationFilter::default();
    let first = applications::list(&mut conn, &filter, None, 3).await.expect("a page");
    let last = &first[2];
    let after = AfterApplication {
        name: last.observed.name.clone(),
        id: last.id.0,
    };
    let second = applications::list(&mut conn, &filter, Some(&after), 3)
        .await
        .expect("a page");
    let names: Vec<_> = first
        .iter()
        .chain(&second)
        .map(|application| application.observed.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
}
