//! `GET /deployments/{deployment_id}`

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use parking_lot::Mutex;
use serde::Deserialize;
use slipway_api::{Cursor, DeploymentView};
use slipway_feed::Filter;
use slipway_store::{Visibility, deployments, event_log, pool, transitions};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::removed;
use super::timeline::entries;
use crate::auth::{Principal, Scope};
use crate::extract::{Parameters, ResourceId, values};
use crate::front::{Again, Repeatable};
use crate::gather::Gathered;
use crate::hot::{Answer, Key};
use crate::listing::{Member, Tagged, splice, to_json_text};
use crate::position;
use crate::problem::{Code, Problem};
use crate::state::AppState;

/// What can be had with a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeploymentInclude {
    /// The provider's last whole answer.
    Raw,
    /// The states that it was in.
    Timeline,
}

/// What one deployment can be asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct OneDeploymentParameters {
    /// What to add, separated by commas. `raw` needs the scope `raw:read`.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false, inline)]
    include: Vec<DeploymentInclude>,
    /// Wait, 5 seconds at most, until the answer shows this position in the event log.
    min_cursor: Option<String>,
}

/// A deployment as it was read.
#[derive(Debug)]
pub(crate) struct DeploymentAnswer {
    read: Gathered,
    /// The head of the answer as it was sent last, and for which position.
    sealed: Mutex<Option<(Cursor, Tagged)>>,
}

impl DeploymentAnswer {
    fn respond(&self, headers: &HeaderMap, position: Cursor) -> Response {
        let mut sealed = self.sealed.lock();
        let head = match &*sealed {
            Some((last, head)) if *last == position => head,
            _ => {
                let head = Tagged::new(&tag(&position, self.read.version, ""), &position);
                &sealed.insert((position, head)).1
            }
        };
        head.respond(headers, || self.read.body.clone())
    }
}

impl Again for Key<Uuid> {
    fn answer(&self, state: &AppState, headers: &HeaderMap) -> Option<Response> {
        let (answer, position) = state.hot_deployments().get_at_once(self)?;
        Some(answer.respond(headers, position))
    }
}

impl Answer for DeploymentAnswer {
    fn head(&self) -> &Cursor {
        &self.read.head
    }

    fn touched_by(&self) -> Filter {
        // Not the deployment's events alone: those of a batch name only the application.
        Filter {
            applications: vec![self.read.application_id],
            ..Filter::default()
        }
    }

    fn bytes(&self) -> usize {
        self.read.body.len()
    }
}

/// Get a deployment
#[utoipa::path(
    get,
    path = "/deployments/{deployment_id}",
    operation_id = "getDeployment",
    tag = "deployments",
    params(
        ("deployment_id" = uuid::Uuid, Path, description = "The gateway's id of the deployment."),
        OneDeploymentParameters
    ),
    responses((status = 200, description = "The deployment.", body = DeploymentView))
)]
pub(crate) async fn get_deployment(
    State(state): State<AppState>,
    ResourceId(id): ResourceId,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<OneDeploymentParameters>,
) -> Result<Response, Problem> {
    let with_raw = parameters.include.contains(&DeploymentInclude::Raw);
    let with_timeline = parameters.include.contains(&DeploymentInclude::Timeline);
    if with_raw {
        principal.require(Scope::RawRead)?;
    }
    let answer = answer(&state, id, &principal, &headers, with_raw, with_timeline);
    match position::answer_after(&state, parameters.min_cursor.as_deref(), answer).await {
        Err(problem) => Err(removed::explain(&state, problem).await),
        answered => answered,
    }
}

async fn answer(
    state: &AppState,
    id: Uuid,
    principal: &Principal,
    headers: &HeaderMap,
    with_raw: bool,
    with_timeline: bool,
) -> Result<Response, Problem> {
    if !with_raw && !with_timeline {
        let key = Key::new(id, &principal.visibility);
        let read = async || {
            let found = state.gather().find(id, &principal.visibility).await?;
            Ok(DeploymentAnswer {
                read: found.ok_or_else(not_found)?,
                sealed: Mutex::default(),
            })
        };
        let (answer, position) = state.hot_deployments().get(&key, read).await?;
        let mut response = answer.respond(headers, position);
        Repeatable::mark(&mut response, key);
        return Ok(response);
    }
    let whole = Box::pin(read_whole(state, id, &principal.visibility, with_raw, with_timeline)).await?;
    // What is included changes only together with the version, but for a raw answer that retention removed.
    let suffix = match (with_raw, whole.has_raw, with_timeline) {
        (false, _, false) => "",
        (true, true, false) => "-raw",
        (true, false, false) => "-none",
        (false, _, true) => "-timeline",
        (true, true, true) => "-raw-timeline",
        (true, false, true) => "-none-timeline",
    };
    let tag = tag(&whole.position, whole.version, suffix);
    Ok(Tagged::new(&tag, &whole.position).respond(headers, || whole.body))
}

fn tag(position: &Cursor, version: i64, suffix: &str) -> String {
    format!("\"{}-{version}{suffix}\"", position.epoch)
}

fn not_found() -> Problem {
    Problem::new(Code::NotFound)
}

/// A deployment with what is included, all of it as it was in one snapshot.
struct Whole {
    position: Cursor,
    version: i64,
    body: Bytes,
    has_raw: bool,
}

async fn read_whole(
    state: &AppState,
    id: Uuid,
    visibility: &Visibility,
    with_raw: bool,
    with_timeline: bool,
) -> Result<Whole, Problem> {
    let mut snapshot = pool::begin_snapshot(state.pool()).await?;
    if !deployments::is_visible(&mut snapshot, id, visibility).await? {
        return Err(not_found());
    }
    let head = event_log::find_head(&mut snapshot).await?;
    let found = deployments::find_body(&mut snapshot, id).await?.ok_or_else(not_found)?;
    let (raw, timeline);
    let mut has_raw = false;
    let mut members = Vec::new();
    if with_raw {
        raw = deployments::find_payload(&mut snapshot, id).await?;
        has_raw = raw.is_some();
        members.push(Member::new("raw", raw.as_deref()));
    }
    if with_timeline {
        let rows = transitions::list_for_deployment(&mut snapshot, id).await?;
        timeline = to_json_text(&entries(&rows))?;
        members.push(Member::new("timeline", Some(&timeline)));
    }
    let body = Bytes::from(splice(found.body, &members));
    Ok(Whole {
        position: position::cursor(&head),
        version: found.version,
        body,
        has_raw,
    })
}
