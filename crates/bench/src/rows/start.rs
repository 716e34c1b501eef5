//! Row 14: the program itself.

use std::time::Duration;

use crate::contender::{Gateway, Settings, program_bytes, temporary_file};
use crate::load::{self, Requests};
use crate::report::{Goal, Outcome, Unit};
use crate::{Effort, Result, process};

/// After the start, so that what it needed for that is given back.
const SETTLE: Duration = Duration::from_secs(3);

pub(super) async fn measure(effort: &Effort) -> Result<Outcome> {
    let mut row = Outcome::new("14", "start with the built-in database, idle memory, size");
    let folder = temporary_file("data");
    let settings = Settings::with_folder(&folder);
    // The first start makes the folder, and brings the schema.
    Gateway::start(&settings).await?.stop().await?;
    for _ in 0..effort.rounds {
        let gateway = Gateway::start(&settings).await?;
        let ready = Requests::get(&["/readyz".to_owned()], &[], "200");
        load::ask(&gateway.address, &ready).await?;
        let ready_in = gateway.started_at.elapsed();
        tokio::time::sleep(effort.duration().min(SETTLE)).await;
        let idle = process::usage_alone(gateway.pid).resident_bytes;
        row.record("start to ready, old folder", Unit::Seconds, ready_in.as_secs_f64());
        row.record(
            "idle memory, without PostgreSQL",
            Unit::Mebibytes,
            idle / 1024.0 / 1024.0,
        );
        gateway.stop().await?;
    }
    std::fs::remove_dir_all(&folder)?;
    let bytes = program_bytes()? as f64;
    row.record("the program, MB", Unit::Count, bytes / 1_000_000.0);
    row.require("start to ready, old folder", Goal::AtMost(3.0));
    row.require("idle memory, without PostgreSQL", Goal::AtMost(50.0));
    row.require("the program, MB", Goal::AtMost(45.0));
    Ok(row)
}
