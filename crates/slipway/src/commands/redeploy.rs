//! `slipway redeploy`: deploys once more what a deployment deployed.

use super::action::{self, ActionArgs};
use crate::failure::Failure;

pub(crate) async fn run(args: ActionArgs) -> Result<(), Failure> {
    action::on_target("redeploy", "Deploy once more what this one deployed", args).await
}
