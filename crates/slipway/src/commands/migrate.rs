//! `slipway migrate`

use std::sync::Arc;

use slipway_core::{Clock, SystemClock};
use slipway_provider_http::CallBook;

use crate::cli::ConfigArgs;
use crate::database::Database;
use crate::failure::Failure;
use crate::{accounts, telemetry};

pub(crate) async fn run(args: &ConfigArgs) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (settings, ..) = accounts::load(args, &clock, &CallBook::default())?;
    telemetry::start(&settings.log)?;
    let database = Database::open(&settings.database).await?;
    database.close().await;
    tracing::info!("the database's schema is up to date");
    Ok(())
}
