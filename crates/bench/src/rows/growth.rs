//! Row 12: the same questions over a short and a long history.

use crate::contender::{Gateway, Settings, with_token};
use crate::load::{self, Requests};
use crate::report::{Goal, Outcome, Unit};
use crate::world::World;
use crate::{Effort, Result};

use super::reads::{LIST, deployment};

/// Where history begins, and how many applications have it.
const SMALL: (u32, u32) = (10_000, 10);
const BOARD: &str = "board of 10";
const WHOLE_PAGE: &str = "board of 50";
/// How many deployments an application has then.
const DEPLOYMENTS_EACH: u32 = 100;

pub(super) async fn measure(effort: &Effort) -> Result<Outcome> {
    let large = (
        effort.grow_to,
        (effort.grow_to / DEPLOYMENTS_EACH).clamp(SMALL.1, 10_000),
    );
    let small = (SMALL.0.min(effort.grow_to), SMALL.1);
    let mut row = Outcome::new("12", format!("from {} to {} deployments", small.0, large.0));
    let worlds = [
        (small, World::create_with(small.0, small.1).await?),
        (large, World::create_with(large.0, large.1).await?),
    ];
    let mut gateways = Vec::new();
    for (_, world) in &worlds {
        gateways.push(Gateway::start(&Settings::of(&world.database.url)).await?);
    }
    let questions = ["list", "deep page", "list of an application", "get", BOARD, WHOLE_PAGE];
    for _ in 0..effort.rounds {
        for (((deployments, _), world), gateway) in worlds.iter().zip(&gateways) {
            let deep = deep_page(world, gateway).await?;
            for question in questions {
                let paths: Vec<String> = match question {
                    "list" => vec![LIST.to_owned()],
                    "deep page" => vec![deep.clone()],
                    "list of an application" => {
                        let list = |id: &String| format!("/api/v1/applications/{id}/deployments?limit=50");
                        // As many different ones of both, so that memory is as warm.
                        let step = world.applications.len() / SMALL.1 as usize;
                        world
                            .applications
                            .iter()
                            .step_by(step.max(1))
                            .take(SMALL.1 as usize)
                            .map(list)
                            .collect()
                    }
                    "get" => world.ids.iter().map(|id| deployment(id)).collect(),
                    BOARD => vec![format!("/api/v1/board?limit={}", SMALL.1)],
                    _ => vec!["/api/v1/board?limit=50".to_owned()],
                };
                let requests = Requests::get(&paths, &[with_token()], "200");
                // One after the other: how long one takes.
                let rate = load::rate(&gateway.address, &requests, 1, effort.duration()).await?;
                row.record(&name(question, *deployments), Unit::Milliseconds, 1_000.0 / rate);
            }
            let distinct = distinct_on_ms(world).await?;
            row.record(&name("DISTINCT ON", *deployments), Unit::Milliseconds, distinct);
        }
    }
    for question in questions {
        // The small world has fewer applications than such a page of the board.
        let goal = if question == WHOLE_PAGE {
            Goal::None
        } else {
            Goal::AtMost(1.3)
        };
        row.compare(&name(question, large.0), &name(question, small.0), goal);
    }
    row.compare(
        &name(WHOLE_PAGE, large.0),
        &name("DISTINCT ON", large.0),
        Goal::AtMost(0.02),
    );
    row.note(format!("{} applications, then {}", small.1, large.1));
    Ok(row)
}

fn name(question: &str, deployments: u32) -> String {
    format!("{question}, {deployments}")
}

/// The page in the middle of history.
async fn deep_page(world: &World, gateway: &Gateway) -> Result<String> {
    let middle: String = sqlx::query_scalar(
        "SELECT to_char((min(created_at) + (max(created_at) - min(created_at)) / 2) AT TIME ZONE 'UTC',
                        'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM deployments",
    )
    .fetch_one(&world.database.pool)
    .await?;
    let path = format!("{LIST}&created_before={middle}");
    let requests = Requests::get(std::slice::from_ref(&path), &[with_token()], "200");
    let (_, body) = load::ask(&gateway.address, &requests).await?;
    let page: serde_json::Value = serde_json::from_slice(&body)?;
    let cursor = page["next_cursor"].as_str().ok_or("there is no page in the middle")?;
    Ok(format!("{path}&cursor={cursor}"))
}

/// What runs where, as it is asked for without columns that keep it.
async fn distinct_on_ms(world: &World) -> Result<f64> {
    let mut conn = world.database.pool.acquire().await?;
    let began = std::time::Instant::now();
    sqlx::query(
        "SELECT DISTINCT ON (application_id) application_id, id, status FROM deployments
         ORDER BY application_id, created_at DESC, id DESC",
    )
    .fetch_all(&mut *conn)
    .await?;
    Ok(began.elapsed().as_secs_f64() * 1_000.0)
}
