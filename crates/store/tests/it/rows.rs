//! Rows in a word.

use slipway_core::{
    AccountName, Application, ApplicationId, ApplicationObservation, Authority, Deployment, DeploymentDetails,
    DeploymentId, EventType, Labels, ProviderName, State, Status, Tracked, Via, id,
};
use slipway_store::deployments::{self, StoredDeployment};
use slipway_store::event_log::NewEvent;
use slipway_store::{PgConnection, applications, sync_targets};
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const START: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

pub(crate) fn event(r#type: EventType) -> NewEvent {
    NewEvent {
        r#type,
        occurred_at: None,
        application_id: None,
        deployment_id: None,
        provider: None,
        account: None,
        environment: None,
        status: None,
        previous_status: None,
        observed_via: None,
        reason: None,
        deployment: None,
    }
}

pub(crate) async fn insert_application(conn: &mut PgConnection, account: &str, name: &str) -> ApplicationId {
    let application = Application {
        id: ApplicationId::new(START),
        provider: ProviderName::from("scalingo"),
        account: AccountName::from(account),
        observed: ApplicationObservation {
            provider_application_id: name.to_owned(),
            name: name.to_owned(),
            environment: None,
            region: None,
            url: None,
            provider_url: None,
            git_repository: None,
            git_branch: None,
            provider_status: None,
            health: None,
            owner: None,
            created_at: None,
            activity: None,
            is_busy: false,
        },
        environment: None,
        owner: None,
        labels: Labels::new(),
        last_deployment_id: None,
        live_deployment_id: None,
        first_seen_at: START,
        updated_at: START,
        archived_at: None,
        version: 1,
    };
    assert!(applications::insert(conn, &application, "").await.expect("inserted"));
    sync_targets::insert_application(conn, id::new_id(START), account, "scalingo", application.id, None)
        .await
        .expect("a target");
    application.id
}

pub(crate) async fn insert_deployment(
    conn: &mut PgConnection,
    application_id: ApplicationId,
    second: i64,
    status: Status,
) -> DeploymentId {
    let created_at = START + time::Duration::seconds(second);
    let deployment = Deployment {
        id: DeploymentId::new(created_at),
        application_id,
        provider: ProviderName::from("scalingo"),
        account: AccountName::from("main"),
        provider_deployment_id: Some(format!("{second}-{}", id::new_id(created_at))),
        environment: None,
        labels: Labels::new(),
        application_name: String::new(),
        tracked: Tracked {
            state: State::new(status, Authority::Rest),
            state_asked_at: created_at,
            finished_at: None,
            details: DeploymentDetails::default(),
            details_asked_at: created_at,
            corrected_at: None,
            cancel_requested_at: None,
        },
        is_live: None,
        is_latest: false,
        superseded_by_id: None,
        rollback_of_id: None,
        log: slipway_core::LogState::Open,
        created_at,
        version: 1,
        first_seen_at: created_at,
        observed_at: created_at,
        observed_via: Via::Poll,
        updated_at: created_at,
    };
    let id = deployment.id;
    let body = format!(r#"{{"id":"{id}"}}"#);
    deployments::insert(
        conn,
        &[StoredDeployment {
            deployment,
            body,
            raw: None,
        }],
        START,
    )
    .await
    .expect("inserted");
    id
}
