//! `slipway trigger`: starts a deployment of an application.

use clap::Args;
use serde_json::{Map, Value};

use super::action::{self, Action, WriteArgs};
use super::session::Session;
use crate::cli::client::ConnectArgs;
use crate::client::Wanted;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct TriggerArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// The application: id, name, account/name or provider/account/name
    #[arg(value_name = "APPLICATION")]
    pub(crate) app: String,
    /// Its environment, where several have one name
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(crate) environment: Option<String>,
    /// Branch, tag or hash to deploy
    #[arg(long = "ref", value_name = "REF")]
    pub(crate) git_ref: Option<String>,
    /// Where the provider fetches the source from
    #[arg(long, value_name = "URL")]
    pub(crate) source_url: Option<String>,
    /// Only these services
    #[arg(long = "service", value_name = "NAME", value_delimiter = ',')]
    pub(crate) services: Vec<String>,
    /// The provider's deployment profile
    #[arg(long, value_name = "NAME")]
    pub(crate) deployment_profile: Option<String>,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

pub(crate) async fn run(args: TriggerArgs) -> Result<(), Failure> {
    let session = Session::begin(&args.connect)?;
    let wanted = Wanted {
        text: &args.app,
        environment: args.environment.as_deref(),
    };
    let application = session.client.application(wanted).await?;
    let mut body = Map::new();
    for (name, value) in [
        ("git_ref", &args.git_ref),
        ("source_url", &args.source_url),
        ("deployment_profile", &args.deployment_profile),
    ] {
        if let Some(value) = value {
            body.insert(name.to_owned(), Value::from(value.as_str()));
        }
    }
    if !args.services.is_empty() {
        body.insert("services".to_owned(), Value::from(args.services.clone()));
    }
    let what = args.git_ref.as_deref().unwrap_or("what the provider deploys by itself");
    let place = application
        .environment
        .as_deref()
        .map(|environment| format!(" to {environment}"))
        .unwrap_or_default();
    let id = application.id.to_string();
    let action = Action {
        name: "trigger",
        path: ["applications".to_owned(), id.clone(), "deployments".to_owned()],
        subject: ("application_id", id),
        body,
        question: format!(
            "Deploy {what} of {}{place} on {}/{}?",
            application.name, application.provider, application.account
        ),
    };
    action::run(&session, &args.write, action).await
}
