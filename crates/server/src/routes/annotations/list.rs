//! `GET /annotations`

use std::collections::HashMap;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Deserializer, de::Error};
use slipway_api::{AnnotationView, DeploymentView, Status};
use slipway_store::applications::{self, ApplicationNameRow};
use slipway_store::deployments::{self, DeploymentFilter, DeploymentQuery};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::auth::Principal;
use crate::extract::{Labelled, Limit, Parameters, values};
use crate::listing::{json_response, to_json};
use crate::position;
use crate::problem::{Code, Problem};
use crate::routes::deployments::parameters::status_words;
use crate::state::AppState;

/// How far back is looked where nobody says.
const WINDOW: Duration = Duration::DAY;

/// An instant: milliseconds since 1970, as Grafana tells its range, or RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment(OffsetDateTime);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment = match text.parse::<i64>() {
            Ok(ms) => OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok(),
            // A plus sign that nobody escaped arrives as a blank.
            Err(_) => OffsetDateTime::parse(&text.replace(' ', "+"), &Rfc3339).ok(),
        };
        let moment = moment.map(|moment| moment.to_offset(time::UtcOffset::UTC));
        moment
            // What PostgreSQL and RFC 3339 both know.
            .filter(|moment| (0..=9999).contains(&moment.year()))
            .map(Self)
            .ok_or_else(|| {
                D::Error::custom("expected milliseconds since 1970, or an instant such as 2026-01-31T12:00:00Z")
            })
    }
}

/// What annotations can be asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct AnnotationParameters {
    /// Only deployments created at this instant or later: milliseconds since 1970, as Grafana's `${__from}`, or RFC 3339. By
    /// default a day before `to`.
    #[param(value_type = String)]
    from: Option<Moment>,
    /// Only deployments created before this instant; now by default.
    #[param(value_type = String)]
    to: Option<Moment>,
    /// Only these statuses, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    status: Vec<Status>,
    /// Only these kinds of platform, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    provider: Vec<String>,
    /// Only these accounts, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    account: Vec<String>,
    /// Only these applications, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    application: Vec<Uuid>,
    /// Only applications of these environments, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    environment: Vec<String>,
    /// Only applications with these labels: requirements that all hold, separated by commas. `team=web` wants the label
    /// with the value, `tier!=db` anything else, also that there is no such label.
    #[param(inline)]
    label: Option<Labelled>,
    /// How many at most; of more the newest.
    #[param(value_type = i32, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Wait, 5 seconds at most, until the answer shows this position in the event log.
    min_cursor: Option<String>,
}

/// List deployments as annotations of graphs
///
/// The newest of a window, newest first, as a plain array in the shape that Grafana reads: `time` and `timeEnd` in
/// milliseconds, `text`, `tags`. With its data source Infinity: type JSON, the URL of this operation with
/// `?from=${__from}&to=${__to}`.
#[utoipa::path(
    get,
    path = "/annotations",
    operation_id = "listAnnotations",
    tag = "deployments",
    params(AnnotationParameters),
    responses((status = 200, description = "The annotations.", body = Vec<AnnotationView>))
)]
pub(crate) async fn list_annotations(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    Parameters(parameters): Parameters<AnnotationParameters>,
) -> Result<Response, Problem> {
    let to = parameters.to.map_or_else(|| state.clock().now(), |Moment(to)| to);
    let from = parameters.from.map_or_else(|| to - WINDOW, |Moment(from)| from);
    if from >= to {
        return Err(Problem::invalid_parameter("from", "expected an instant before `to`"));
    }
    position::wait_for(&state, parameters.min_cursor.as_deref()).await?;
    let query = DeploymentQuery {
        filter: DeploymentFilter {
            statuses: status_words(&parameters.status),
            providers: parameters.provider,
            accounts: parameters.account,
            applications: parameters.application,
            environments: parameters.environment,
            labels: parameters.label.unwrap_or_default().0,
            created_after: Some(from),
            created_before: Some(to),
            ..DeploymentFilter::default()
        },
        limit: parameters.limit.0,
        ..DeploymentQuery::default()
    };
    let mut conn = state.connection().await?;
    let page = deployments::list(&mut conn, &query, &principal.visibility).await?;
    let found: Vec<DeploymentView> = page
        .bodies
        .iter()
        .map(|body| serde_json::from_str(body))
        .collect::<Result<_, _>>()
        .map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a stored deployment cannot be read"
            );
            Problem::new(Code::Internal)
        })?;
    let mut ids: Vec<Uuid> = found.iter().map(|deployment| deployment.application_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let names = applications::list_names(&mut conn, &ids).await?;
    drop(conn);
    let names: HashMap<Uuid, ApplicationNameRow> = names.into_iter().map(|row| (row.id, row)).collect();
    let annotations: Vec<AnnotationView> = found
        .into_iter()
        .map(|deployment| {
            let name = names
                .get(&deployment.application_id)
                .map_or("?", |row| row.name.as_str());
            annotation(deployment, name)
        })
        .collect();
    let mut response = json_response(to_json(&annotations)?);
    position::set(&mut response, &position::cursor(&page.head));
    Ok(response)
}

fn annotation(deployment: DeploymentView, name: &str) -> AnnotationView {
    let status = status_words(&[deployment.status]).concat();
    let environment = deployment.environment.as_deref();
    let place = environment
        .map(|environment| format!(" ({environment})"))
        .unwrap_or_default();
    let sha = deployment
        .git
        .sha
        .as_deref()
        .map(|sha| sha.chars().take(8).collect::<String>());
    let revision = deployment
        .git
        .r#ref
        .iter()
        .chain(sha.as_ref())
        .map(String::as_str)
        .collect::<Vec<_>>();
    let revision = if revision.is_empty() {
        String::new()
    } else {
        format!(", {}", revision.join(" "))
    };
    let actor = deployment.actor.as_ref().and_then(|actor| actor.name.as_deref());
    let actor = actor.map(|actor| format!(" by {actor}")).unwrap_or_default();
    let mut tags = vec!["deployment".to_owned(), status.clone(), name.to_owned()];
    tags.extend(environment.map(ToOwned::to_owned));
    tags.extend([deployment.provider, deployment.account]);
    AnnotationView {
        id: deployment.id,
        time: milliseconds(deployment.started_at.unwrap_or(deployment.created_at)),
        time_end: deployment.finished_at.map(milliseconds),
        text: format!("{name}{place}: {status}{revision}{actor}"),
        tags,
    }
}

fn milliseconds(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}
