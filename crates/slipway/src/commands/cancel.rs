//! `slipway cancel`: stops a deployment that is under way.

use super::action::{self, ActionArgs};
use crate::failure::Failure;

pub(crate) async fn run(args: ActionArgs) -> Result<(), Failure> {
    action::on_target("cancel", "Stop this deployment", args).await
}
