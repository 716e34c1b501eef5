//! Rows 1 to 3: lists and single deployments, from PostgreSQL and from memory.

use serde_json::Value;

use crate::contender::{Fixed, Gateway, HandWritten, Nginx, Settings, Varnish, with_token};
use crate::load::{self, Requests, head_value};
use crate::report::{Goal, Outcome, Unit};
use crate::world::World;
use crate::{Effort, Result, database};

/// The page that dashboards ask for.
pub(super) const LIST: &str = "/api/v1/deployments?limit=50";

/// How many different pages are asked for where answers come from PostgreSQL: so many that hardly two who ask at the same time
/// ask for the same.
const PAGES: usize = 400;

const NOT_MODIFIED: &str = "slipway, 304";
/// What one writes instead.
const BY_HAND: &str = "axum and sqlx by hand";

pub(super) fn deployment(id: &str) -> String {
    format!("/api/v1/deployments/{id}")
}

pub(super) async fn list_cold(world: &World, effort: &Effort) -> Result<Outcome> {
    let mut row = Outcome::new(
        "1",
        format!("list of 50 by keyset, cache cold, {PAGES} different pages"),
    );
    let gateway = Gateway::start(&Settings::of(&world.database.url)).await?;
    let pages = Pages::of(world, &gateway).await?;
    let peer = match effort.without_peers {
        true => None,
        false => Some(HandWritten::start(&world.database.pool, &world.database.url).await?),
    };
    let peer = peer.as_ref().map(|peer| (peer, pages.asked_of_peer.as_slice()));
    cold(
        &mut row,
        world,
        &gateway,
        (&pages.paths, &pages.statement),
        peer,
        effort,
    )
    .await?;
    row.compare("slipway", "pgbench, prepared", Goal::AtLeast(0.60));
    row.compare("slipway", BY_HAND, Goal::AtLeast(1.5));
    Ok(row)
}

/// The same pages, from all over the history, as each contender is asked for them.
struct Pages {
    paths: Vec<String>,
    asked_of_peer: Vec<String>,
    /// One of them, chosen at random by pgbench itself, in the form that the index for it has.
    statement: String,
}

impl Pages {
    async fn of(world: &World, gateway: &Gateway) -> Result<Self> {
        let starts = sqlx::query_scalar::<_, String>(
            "SELECT to_char((max(created_at) - (max(created_at) - min(created_at)) * n / ($1 * 1.1)) AT TIME ZONE 'UTC',
                            'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM deployments, generate_series(1, $1) AS n GROUP BY n",
        )
        .bind(i32::try_from(PAGES)?)
        .fetch_all(&world.database.pool)
        .await?;
        let (mut paths, mut asked_of_peer, mut positions) = (Vec::new(), Vec::new(), Vec::new());
        for start in starts {
            // Where the page after the first that begins there begins.
            let path = format!("{LIST}&created_before={start}");
            let (_, body) = load::ask(
                &gateway.address,
                &Requests::get(std::slice::from_ref(&path), &[with_token()], "200"),
            )
            .await?;
            let page: Value = serde_json::from_slice(&body)?;
            let last = page["items"].as_array().and_then(|items| items.last());
            let (Some(cursor), Some(id)) = (page["next_cursor"].as_str(), last.and_then(|last| last["id"].as_str()))
            else {
                continue;
            };
            let at: String = sqlx::query_scalar(
                "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') FROM deployments
                 WHERE id = $1::uuid",
            )
            .bind(id)
            .fetch_one(&world.database.pool)
            .await?;
            paths.push(format!("{path}&cursor={cursor}"));
            asked_of_peer.push(format!("/deployments?before={at}Z&id={id}"));
            positions.push((at, id.to_owned()));
        }
        if paths.is_empty() {
            return Err("the history has no second page".into());
        }
        let list = |of: fn(&(String, String)) -> &String| {
            let quoted: Vec<String> = positions.iter().map(|position| format!("'{}'", of(position))).collect();
            quoted.join(",")
        };
        let statement = format!(
            "\\set n random(1, {})\nSELECT body FROM deployments WHERE (created_at AT TIME ZONE 'UTC', id) < \
             ((ARRAY[{}]::timestamp[])[:n], (ARRAY[{}]::uuid[])[:n]) \
             ORDER BY created_at AT TIME ZONE 'UTC' DESC, id DESC LIMIT 50;\n",
            paths.len(),
            list(|(at, _)| at),
            list(|(_, id)| id)
        );
        Ok(Self {
            paths,
            asked_of_peer,
            statement,
        })
    }
}

pub(super) async fn get_cold(world: &World, effort: &Effort) -> Result<Outcome> {
    let mut row = Outcome::new("2", "get by id, cache cold");
    let paths: Vec<_> = world.ids.iter().map(|id| deployment(id)).collect();
    let gateway = Gateway::start(&Settings::of(&world.database.url)).await?;
    cold(
        &mut row,
        world,
        &gateway,
        (&paths, &get_statement(&world.ids)),
        None,
        effort,
    )
    .await?;
    row.compare("slipway", "pgbench, prepared", Goal::AtLeast(0.45));
    Ok(row)
}

/// One of the ids, chosen at random by pgbench itself.
fn get_statement(ids: &[String]) -> String {
    let list = ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(",");
    format!(
        "\\set n random(1, {})\nSELECT body FROM deployments WHERE id = ((ARRAY[{list}])[:n])::uuid;\n",
        ids.len()
    )
}

async fn cold(
    row: &mut Outcome,
    world: &World,
    gateway: &Gateway,
    (paths, statement): (&[String], &str),
    peer: Option<(&HandWritten, &[String])>,
    effort: &Effort,
) -> Result<()> {
    let url = &world.database.url;
    let requests = Requests::get(paths, &[with_token()], "200");
    for _ in 0..effort.rounds {
        let limit = database::rate(url, statement, effort.connections, effort.duration()).await?;
        row.record("pgbench, prepared", Unit::PerSecond, limit);
        if let Some((peer, paths)) = peer {
            let requests = Requests::get(paths, &[], "200");
            let rate = load::rate(&peer.address, &requests, effort.connections, effort.duration()).await?;
            row.record(BY_HAND, Unit::PerSecond, rate);
        }
        let ours = load::rate(&gateway.address, &requests, effort.connections, effort.duration()).await?;
        row.record("slipway", Unit::PerSecond, ours);
    }
    Ok(())
}

/// The same answer again and again. `is_known`: the client has it already.
pub(super) async fn hot(world: &World, path: &str, is_known: bool, effort: &Effort) -> Result<Outcome> {
    let gateway = Gateway::start(&Settings::of(&world.database.url).keeping_answers()).await?;
    let path = [path.to_owned()];
    let plain = Requests::get(&path, &[with_token()], "200");
    let (head, body) = load::ask(&gateway.address, &plain).await?;
    let what = if path[0] == LIST { "list of 50" } else { "get" };
    let how = if is_known { "304" } else { "hot" };
    let mut row = Outcome::new("3", format!("{what}, {how}, {} bytes", body.len()));
    let fixed = Fixed::start(&body).await?;
    let requests = if is_known {
        let tag = head_value(&head, "etag").ok_or("the answer has no entity tag")?;
        Requests::get(&path, &[with_token(), format!("if-none-match: {tag}")], "304")
    } else {
        plain.clone()
    };
    let peers = Peers::start(&fixed.address, &mut row, effort.without_peers || is_known);
    // Without the token, with which varnish would keep nothing.
    let unsigned = Requests::get(&path, &[], "200");
    for _ in 0..effort.rounds {
        for (name, address, requests) in [
            ("axum, the same bytes", Some(fixed.address.clone()), &plain),
            ("nginx proxy_cache", peers.nginx.as_ref().map(Nginx::address), &unsigned),
            ("varnish", peers.varnish.as_ref().map(Varnish::address), &unsigned),
            ("slipway", Some(gateway.address.clone()), &plain),
            (NOT_MODIFIED, is_known.then(|| gateway.address.clone()), &requests),
        ] {
            if let Some(address) = address {
                let rate = load::rate(&address, requests, effort.connections, effort.duration()).await?;
                row.record(name, Unit::PerSecond, rate);
            }
        }
    }
    let goal = if is_known { Goal::None } else { Goal::AtLeast(0.75) };
    row.compare("slipway", "axum, the same bytes", goal);
    row.compare(NOT_MODIFIED, "slipway", Goal::AtLeast(1.0));
    row.compare_with_best("slipway", &["nginx proxy_cache", "varnish"], Goal::AtLeast(1.15));
    Ok(row)
}

struct Peers {
    nginx: Option<Nginx>,
    varnish: Option<Varnish>,
}

impl Peers {
    /// Those that are installed; the row says what is missing.
    fn start(upstream: &str, row: &mut Outcome, is_without: bool) -> Self {
        let mut take = |missing: String| row.note(missing);
        if is_without {
            return Self {
                nginx: None,
                varnish: None,
            };
        }
        let nginx = Nginx::caching(upstream).map_err(|error| take(error.to_string())).ok();
        let varnish = Varnish::start(upstream).map_err(|error| take(error.to_string())).ok();
        Self { nginx, varnish }
    }
}
