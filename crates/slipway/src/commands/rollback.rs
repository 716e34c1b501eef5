//! `slipway rollback`: takes an application back to an earlier deployment.

use super::action;
use super::session::Session;
use crate::cli::client::RollbackArgs;
use crate::failure::Failure;

pub(crate) async fn run(args: RollbackArgs) -> Result<(), Failure> {
    let session = Session::begin(&args.connect)?;
    let what = "Take the application back to this deployment";
    action::on_deployment(&session, "rollback", what, args.deployment, &args.write).await
}
