//! Which figures there are, and how each is measured.

use clap::ValueEnum;

use crate::contender::{Server, TOKEN};
use crate::load::{self, Requests, head_value};
use crate::report::{self, Measured};
use crate::world::World;
use crate::{Effort, Result, database};

/// The page that dashboards ask for.
const LIST: &str = "/api/v1/deployments?limit=50";

/// The plain query behind it.
const LIST_STATEMENT: &str = "SELECT body FROM deployments ORDER BY created_at DESC, id DESC LIMIT 50;\n";

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Row {
    /// A list of 50, read from PostgreSQL every time
    ListCold,
    /// One deployment, read from PostgreSQL every time
    GetCold,
    /// A list of 50 from memory
    ListHot,
    /// One deployment from memory
    GetHot,
    /// A list of 50 that the client has already
    NotModified,
}

impl Row {
    pub(crate) const ALL: &[Self] = &[
        Self::ListCold,
        Self::GetCold,
        Self::ListHot,
        Self::GetHot,
        Self::NotModified,
    ];

    pub(crate) fn describe(self) -> String {
        let value = self.to_possible_value();
        let name = value.as_ref().map_or("", |value| value.get_name()).to_owned();
        let help = value.and_then(|value| value.get_help().map(ToString::to_string));
        format!("{name:<14} {}", help.unwrap_or_default())
    }

    fn is_cold(self) -> bool {
        matches!(self, Self::ListCold | Self::GetCold)
    }
}

/// Measures and prints these rows.
pub(crate) async fn measure(rows: &[Row], effort: Effort) -> Result<()> {
    println!(
        "{} deployments, {} connections, {} rounds of {} s each",
        effort.deployments, effort.connections, effort.rounds, effort.seconds
    );
    let world = World::create(effort.deployments).await?;
    for is_cold in [true, false] {
        let chosen: Vec<_> = rows.iter().filter(|row| row.is_cold() == is_cold).collect();
        if chosen.is_empty() {
            continue;
        }
        let gateway = Server::gateway(&world.database.url, if is_cold { 0 } else { 64 }).await?;
        for row in chosen {
            match row {
                Row::ListCold => {
                    let goal = "0.60 of pgbench";
                    cold(*row, goal, &world, &gateway, &[LIST.to_owned()], LIST_STATEMENT, effort).await?;
                }
                Row::GetCold => {
                    let paths: Vec<_> = world.ids.iter().map(|id| deployment(id)).collect();
                    let statement = get_statement(&world.ids);
                    let goal = "0.45 of pgbench";
                    cold(*row, goal, &world, &gateway, &paths, &statement, effort).await?;
                }
                Row::ListHot => hot(*row, &gateway, LIST, false, effort).await?,
                Row::GetHot => hot(*row, &gateway, &deployment(&world.ids[0]), false, effort).await?,
                Row::NotModified => hot(*row, &gateway, LIST, true, effort).await?,
            }
        }
    }
    Ok(())
}

fn deployment(id: &str) -> String {
    format!("/api/v1/deployments/{id}")
}

/// One of the ids, chosen at random by pgbench itself.
fn get_statement(ids: &[String]) -> String {
    let list = ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(",");
    format!(
        "\\set n random(1, {})\nSELECT body FROM deployments WHERE id = ((ARRAY[{list}])[:n])::uuid;\n",
        ids.len()
    )
}

fn with_token() -> String {
    format!("authorization: Bearer {TOKEN}")
}

async fn cold(
    row: Row,
    goal: &str,
    world: &World,
    gateway: &Server,
    paths: &[String],
    statement: &str,
    effort: Effort,
) -> Result<()> {
    let requests = Requests::get(paths, &[with_token()], "200");
    let (mut limit, mut ours) = (Measured::new("pgbench, prepared"), Measured::new("slipway"));
    for _ in 0..effort.rounds {
        let url = &world.database.url;
        limit
            .rates
            .push(database::rate(url, statement, effort.connections, effort.duration()).await?);
        ours.rates
            .push(load::rate(&gateway.address, &requests, effort.connections, effort.duration()).await?);
    }
    report::print(&row.describe(), goal, &limit, &[ours]);
    Ok(())
}

async fn hot(row: Row, gateway: &Server, path: &str, is_known: bool, effort: Effort) -> Result<()> {
    let path = [path.to_owned()];
    let plain = Requests::get(&path, &[with_token()], "200");
    let (head, body) = load::ask(&gateway.address, &plain).await?;
    let fixed = Server::of_bytes(&body).await?;
    let requests = if is_known {
        let tag = head_value(&head, "etag").ok_or("the answer has no entity tag")?;
        Requests::get(&path, &[with_token(), format!("if-none-match: {tag}")], "304")
    } else {
        plain.clone()
    };
    let (mut limit, mut ours) = (Measured::new("axum, the same bytes"), Measured::new("slipway"));
    for _ in 0..effort.rounds {
        limit
            .rates
            .push(load::rate(&fixed.address, &plain, effort.connections, effort.duration()).await?);
        ours.rates
            .push(load::rate(&gateway.address, &requests, effort.connections, effort.duration()).await?);
    }
    let goal = "0.75 of static bytes";
    report::print(
        &format!("{}, {} bytes", row.describe(), body.len()),
        goal,
        &limit,
        &[ours],
    );
    Ok(())
}
