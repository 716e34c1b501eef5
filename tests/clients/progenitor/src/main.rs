//! The client that progenitor makes of the OpenAPI 3.0.3 document, against a live gateway.

mod slipway;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use uuid::Uuid;

use slipway::types::{Deployment, DeploymentList, Event, NewToken, Problem, Status};
use slipway::{Client, Error, ResponseValue};

/// How long a live change may take.
const PATIENCE: Duration = Duration::from_secs(120);
const NOBODY: Uuid = Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000);

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let client = client("SLIPWAY_TOKEN")?;

    told("a filtered list", filtered(&client).await)?;
    let ids = told("every page", every_page(&client).await)?;
    told(
        "one deployment, its application and its timeline",
        one(&client, ids[0]).await,
    )?;
    told("a deployment that is not there", missing(&client).await)?;
    told("a request that is wrong", wrong(&self::client("SLIPWAY_ADMIN_TOKEN")?).await)?;
    told("live status by the JSON twin", live(&client).await)?;
    if std::env::var("SLIPWAY_UNKNOWN_STATUSES").is_ok_and(|value| value == "true") {
        told("a status that nobody has heard of", unknown(&client).await)?;
    }
    Ok(())
}

/// A client that carries the token of an environment variable.
fn client(variable: &str) -> Result<Client, Failure> {
    let (url, token) = (std::env::var("SLIPWAY_URL")?, std::env::var(variable)?);
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("authorization", format!("Bearer {token}").parse()?);
    let http = reqwest::Client::builder().default_headers(headers).build()?;
    Ok(Client::new_with_client(&url, http))
}

fn told<T>(name: &str, result: Result<T, Failure>) -> Result<T, Failure> {
    println!("{} {name}", if result.is_ok() { "ok" } else { "FAILED" });
    result
}

fn check(condition: bool, what: impl Into<String>) -> Result<(), Failure> {
    if condition { Ok(()) } else { Err(what.into().into()) }
}

async fn filtered(client: &Client) -> Result<(), Failure> {
    let page = client
        .list_deployments()
        .status(vec![Status::Succeeded, Status::Failed])
        .provider(vec!["scalingo".to_owned()])
        .limit(20)
        .send()
        .await?;
    check(page.items.len() == 20, "twenty deployments")?;
    let fits = |item: &Deployment| item.provider == "scalingo" && item.is_finished;
    check(page.items.iter().all(fits), "all of them fit")
}

async fn every_page(client: &Client) -> Result<Vec<Uuid>, Failure> {
    let mut found = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut request = client.list_deployments().provider(vec!["cloud66".to_owned()]).limit(50);
        if let Some(cursor) = cursor {
            request = request.cursor(cursor);
        }
        let page: DeploymentList = request.send().await?.into_inner();
        found.extend(page.items.iter().map(|item| item.id));
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let different: HashSet<_> = found.iter().collect();
    check(
        found.len() > 100 && different.len() == found.len(),
        format!("{} deployments", found.len()),
    )?;
    Ok(found)
}

async fn one(client: &Client, id: Uuid) -> Result<(), Failure> {
    let deployment = client.get_deployment().deployment_id(id).send().await?;
    check(deployment.id == id, "the same deployment")?;
    let application = client
        .get_application()
        .application_id(deployment.application_id)
        .send()
        .await?;
    check(application.provider == deployment.provider, "its application")?;
    let timeline = client.get_deployment_timeline().deployment_id(id).send().await?;
    check(!timeline.items.is_empty(), "its timeline")
}

fn problem<T>(result: Result<ResponseValue<T>, Error<Problem>>) -> Result<Problem, Failure> {
    match result {
        Ok(_) => Err("no error".into()),
        Err(Error::ErrorResponse(answer)) => Ok(answer.into_inner()),
        Err(other) => Err(format!("not a problem document: {other:?}").into()),
    }
}

async fn missing(client: &Client) -> Result<(), Failure> {
    let problem = problem(client.get_deployment().deployment_id(NOBODY).send().await)?;
    check(
        problem.status == 404 && problem.code == "not_found" && !problem.retryable,
        format!("{problem:?}"),
    )
}

async fn wrong(client: &Client) -> Result<(), Failure> {
    let token = NewToken::builder().name("wrong").scopes(vec!["unheard:of".to_owned()]);
    let problem = problem(client.create_token().body(token).send().await)?;
    check(
        problem.status == 422 && problem.code == "invalid_body" && problem.errors[0].field == "scopes[0]",
        format!("{problem:?}"),
    )
}

async fn live(client: &Client) -> Result<(), Failure> {
    let mut after = client
        .list_deployments()
        .limit(1)
        .send()
        .await?
        .into_inner()
        .event_cursor;
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let page = client.list_events().after(after).wait(10).send().await?.into_inner();
        after = page.next_cursor;
        let ended = |event: &&Event| event.type_ == "deployment.finished";
        if let Some(event) = page.items.iter().find(ended) {
            let deployment = event.deployment.as_ref().ok_or("the event has no deployment")?;
            return check(
                deployment.is_finished && Some(deployment.status) == event.status,
                "an end",
            );
        }
    }
    Err("nothing ended".into())
}

async fn unknown(client: &Client) -> Result<(), Failure> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let request = client.list_deployments().status(vec![Status::Unknown]);
        let page = request.provider(vec!["scalingo".to_owned()]).send().await?.into_inner();
        if let Some(item) = page.items.first() {
            return check(
                item.status == Status::Unknown && item.provider_status.is_some(),
                format!("{item:?}"),
            );
        }
        client.list_events().after(page.event_cursor).wait(5).send().await?;
    }
    Err("no unknown status".into())
}
