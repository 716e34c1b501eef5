//! `slipway rollback`: takes an application back to an earlier deployment.

use clap::Args;
use uuid::Uuid;

use super::action::{self, WriteArgs};
use super::session::Session;
use crate::cli::client::ConnectArgs;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// The deployment to go back to
    #[arg(value_name = "DEPLOYMENT")]
    pub(crate) deployment: Uuid,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

pub(crate) async fn run(args: RollbackArgs) -> Result<(), Failure> {
    let session = Session::begin(&args.connect)?;
    let what = "Take the application back to this deployment";
    action::on_deployment(&session, "rollback", what, args.deployment, &args.write).await
}
