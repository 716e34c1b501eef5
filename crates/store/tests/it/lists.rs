//! Keyset lists: no row twice, none missing, whatever comes in meanwhile.

use slipway_core::Status;
use slipway_store::Visibility;
use slipway_store::applications::{self, ApplicationQuery};
use slipway_store::deployments::{self, DeploymentFilter, DeploymentQuery};
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
        let query = DeploymentQuery {
            after,
            limit: 10,
            ..DeploymentQuery::default()
        };
        let page = deployments::list(&mut conn, &query, &Visibility::default())
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
    let page = deployments::list(&mut conn, &DeploymentQuery::default(), &Visibility::default())
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
        let query = DeploymentQuery {
            filter: filter.clone(),
            limit: 10,
            ..DeploymentQuery::default()
        };
        deployments::list(conn, &query, &Visibility::default())
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
    for (descending, expected) in [(false, ["a", "b", "c", "d"]), (true, ["d", "c", "b", "a"])] {
        let mut query = ApplicationQuery {
            descending,
            limit: 3,
            ..ApplicationQuery::default()
        };
        let everything = Visibility::default();
        let first = applications::list(&mut conn, &query, &everything)
            .await
            .expect("a page");
        query.after = first.next.clone();
        assert!(query.after.is_some());
        let second = applications::list(&mut conn, &query, &everything)
            .await
            .expect("a page");
        assert_eq!(second.next, None);
        let names: Vec<_> = first
            .rows
            .iter()
            .chain(&second.rows)
            .map(|row| row.application.observed.name.as_str())
            .collect();
        assert_eq!(names, expected);
    }
}
