//! Rows 1 to 3: lists and single deployments, from PostgreSQL and from memory.

use crate::contender::{Fixed, Gateway, HandWritten, Nginx, Settings, Varnish, with_token};
use crate::load::{self, Requests, head_value};
use crate::report::{Goal, Outcome, Unit};
use crate::world::World;
use crate::{Effort, Result, database};

/// The page that dashboards ask for.
pub(super) const LIST: &str = "/api/v1/deployments?limit=50";

/// The plain query behind it, in the form that the index for it has.
const LIST_STATEMENT: &str =
    "SELECT body FROM deployments ORDER BY created_at AT TIME ZONE 'UTC' DESC, id DESC LIMIT 50;\n";

const NOT_MODIFIED: &str = "slipway, 304";
/// What one writes instead.
const BY_HAND: &str = "axum and sqlx by hand";

pub(super) fn deployment(id: &str) -> String {
    format!("/api/v1/deployments/{id}")
}

pub(super) async fn list_cold(world: &World, effort: &Effort) -> Result<Outcome> {
    let mut row = Outcome::new("1", "list of 50 by keyset, cache cold");
    let peer = match effort.without_peers {
        true => None,
        false => Some(HandWritten::start(&world.database.pool, &world.database.url).await?),
    };
    cold(
        &mut row,
        world,
        &[LIST.to_owned()],
        LIST_STATEMENT,
        peer.as_ref(),
        effort,
    )
    .await?;
    row.compare("slipway", "pgbench, prepared", Goal::AtLeast(0.60));
    row.compare("slipway", BY_HAND, Goal::AtLeast(1.5));
    Ok(row)
}

pub(super) async fn get_cold(world: &World, effort: &Effort) -> Result<Outcome> {
    let mut row = Outcome::new("2", "get by id, cache cold");
    let paths: Vec<_> = world.ids.iter().map(|id| deployment(id)).collect();
    cold(&mut row, world, &paths, &get_statement(&world.ids), None, effort).await?;
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
    paths: &[String],
    statement: &str,
    peer: Option<&HandWritten>,
    effort: &Effort,
) -> Result<()> {
    let url = &world.database.url;
    let gateway = Gateway::start(&Settings::of(url)).await?;
    let requests = Requests::get(paths, &[with_token()], "200");
    for _ in 0..effort.rounds {
        let limit = database::rate(url, statement, effort.connections, effort.duration()).await?;
        row.record("pgbench, prepared", Unit::PerSecond, limit);
        if let Some(peer) = peer {
            let requests = Requests::get(&["/deployments".to_owned()], &[], "200");
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
