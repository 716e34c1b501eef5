//! Tokens go to the platform and nowhere else.

use std::error::Error as _;

use slipway_core::provider::{ErrorKind, ProviderError};
use tokio::net::TcpListener;

use super::trigger::trigger;
use super::{Case, Tried, always, case, ensure, refused};
use crate::{Fault, World};

/// A host that does not exist, by decree.
const ELSEWHERE: &str = "wss://elsewhere.invalid/stream";

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!("credentials/never_shown", always, never_shown),
        case!("credentials/redirect_gets_no_token", always, redirect),
        case!(
            "credentials/foreign_link_is_refused",
            |can| can.follow_status,
            foreign_link
        ),
    ]
}

/// Everything that a log could show of an error.
fn shown(error: &ProviderError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(&format!(" {source} {source:?}"));
        cause = source.source();
    }
    text
}

async fn never_shown(world: &dyn World) -> Tried {
    let (provider, application) = (world.provider(), world.application());
    let mut texts = vec![format!("{provider:?}")];
    for fault in [
        Fault::Status(401),
        Fault::Status(500),
        Fault::Garbage,
        Fault::Truncated,
        Fault::Throttled,
    ] {
        world.fail(&fault);
        texts.extend(
            provider
                .list_deployments(&application, None)
                .await
                .err()
                .as_ref()
                .map(shown),
        );
        texts.extend(
            provider
                .write(&application, &trigger("main"), "r")
                .await
                .err()
                .as_ref()
                .map(shown),
        );
        texts.extend(provider.follow(&application).await.err().as_ref().map(shown));
        world.heal();
    }
    texts.extend(
        provider
            .plan_write(&application, &trigger("main"))
            .ok()
            .map(|plan| format!("{plan:?}")),
    );
    for secret in world.secrets() {
        ensure(
            !secret.is_empty() && !texts.iter().any(|text| text.contains(&secret)),
            || "a token stands in an error, a plan or a debug text".to_owned(),
        )?;
    }
    Ok(())
}

async fn redirect(world: &dyn World) -> Tried {
    let trap = TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(|error| error.to_string())?;
    let address = trap.local_addr().map_err(|error| error.to_string())?;
    world.fail(&Fault::Redirect(format!("http://{address}/")));
    let listed = async { world.provider().list_deployments(&world.application(), None).await };
    tokio::select! {
        listed = listed => refused("a redirect to another host", listed, &[ErrorKind::Protocol, ErrorKind::Unavailable]).map(drop),
        _ = trap.accept() => Err("the redirect to another host was followed".to_owned()),
    }
}

async fn foreign_link(world: &dyn World) -> Tried {
    world.fail(&Fault::ForeignLinks(ELSEWHERE.to_owned()));
    // Unavailable would mean that the host was looked for.
    let followed = world.provider().follow(&world.application()).await;
    refused(
        "a live stream on a host that nobody configured",
        followed,
        &[ErrorKind::Protocol],
    )
    .map(drop)
}
