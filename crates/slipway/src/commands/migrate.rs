//! `slipway migrate`

use std::sync::Arc;

use slipway_core::{Clock, SystemClock};
use slipway_store::{StoreError, event_log};

use crate::cli::MigrateArgs;
use crate::database::Database;
use crate::failure::{Failure, chain};
use crate::{accounts, telemetry};

pub(crate) async fn run(args: &MigrateArgs) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings = accounts::load(&args.config, &clock)?.settings;
    telemetry::start(&settings.log)?;
    let database = Database::open(&settings.database, true).await?;
    tracing::info!("the database's schema is up to date");
    let renamed = match args.new_epoch {
        true => begin_epoch(&database).await,
        false => Ok(()),
    };
    database.close().await;
    renamed
}

async fn begin_epoch(database: &Database) -> Result<(), Failure> {
    let begun = async {
        let mut conn = database.pool.acquire().await?;
        event_log::begin_epoch(&mut conn).await
    };
    let head = begun.await.map_err(|error: StoreError| {
        Failure::new(format!("the event log cannot be given a new epoch: {}", chain(&error)))
    })?;
    tracing::info!(
        epoch = head.epoch,
        "the event log has a new epoch: whoever follows it begins anew"
    );
    Ok(())
}
