//! Live streams.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use slipway_core::Authority;
use slipway_core::provider::{Capabilities, ProviderError, StreamItem};
use tokio::time::timeout;

use super::{Case, Tried, case, ensure, must};
use crate::{Course, Fault, World};

/// The longest wait for anything from a stream.
const PATIENCE: Duration = Duration::from_secs(15);

type Items = BoxStream<'static, Result<StreamItem, ProviderError>>;

pub(super) fn cases() -> Vec<Case> {
    fn can_follow(can: &Capabilities) -> bool {
        can.follow_status
    }
    vec![
        case!("stream/tells_how_a_deployment_goes", can_follow, tells),
        case!(
            "stream/logs_in_their_order",
            |can| can.follow_logs && can.read_logs,
            logs
        ),
        case!("stream/a_drop_is_an_end", can_follow, drop_ends),
        case!("stream/silence_is_an_error", can_follow, silence),
        case!("stream/an_expired_token_is_replaced", can_follow, expired_token),
    ]
}

/// A stream that speaks: platforms need not say that they have begun to listen to their world for it, but they show by a
/// first sign of life.
async fn open(world: &dyn World) -> Result<Items, String> {
    let mut items = must("follow", world.provider().follow(&world.application()).await)?;
    let first = timeout(PATIENCE, items.next()).await;
    ensure(matches!(first, Ok(Some(Ok(_)))), || {
        "the stream gives no sign of life".to_owned()
    })?;
    Ok(items)
}

/// Reads until `until` holds of an item; nothing if the stream ends before.
async fn read_until(items: &mut Items, mut until: impl FnMut(&StreamItem) -> bool) -> Option<StreamItem> {
    let reading = async {
        while let Some(Ok(item)) = items.next().await {
            if until(&item) {
                return Some(item);
            }
        }
        None
    };
    timeout(PATIENCE, reading).await.ok().flatten()
}

fn is_end_of(item: &StreamItem, id: &str) -> bool {
    matches!(item, StreamItem::Deployment(seen) if seen.provider_deployment_id == id && seen.state.is_finished)
}

async fn tells(world: &dyn World) -> Tried {
    let mut items = open(world).await?;
    let id = world.start(Course::Succeeds);
    let is_about_it =
        |item: &StreamItem| matches!(item, StreamItem::Deployment(seen) if seen.provider_deployment_id == id);
    ensure(read_until(&mut items, is_about_it).await.is_some(), || {
        "the stream does not tell of it".to_owned()
    })?;
    world.finish();
    let end = read_until(&mut items, |item| is_end_of(item, &id)).await;
    let Some(StreamItem::Deployment(end)) = end else {
        return Err("the stream does not tell its end".to_owned());
    };
    ensure(end.state.authority == Authority::Stream, || {
        "a frame passes for an answer of REST".to_owned()
    })?;
    ensure(end.finished_at.is_none(), || {
        "a frame tells a finish time: that is for REST to say".to_owned()
    })
}

async fn logs(world: &dyn World) -> Tried {
    let mut items = open(world).await?;
    let id = world.start(Course::Succeeds);
    world.finish();
    let mut lines = Vec::new();
    let end = read_until(&mut items, |item| {
        if let StreamItem::Log {
            provider_deployment_id,
            content,
        } = item
            && *provider_deployment_id == id
        {
            lines.extend(content.lines().map(str::to_owned));
        }
        is_end_of(item, &id)
    })
    .await;
    ensure(end.is_some(), || "the stream does not tell the end".to_owned())?;
    ensure(!lines.is_empty(), || "the stream carries no log".to_owned())?;
    let whole = must("read_log", world.provider().read_log(&world.application(), &id).await)?;
    let mut rest = whole.lines();
    let in_order = lines.iter().all(|line| rest.any(|stored| stored == line));
    ensure(in_order, || {
        "the lines of the stream are not those of the log, or in another order".to_owned()
    })
}

async fn drop_ends(world: &dyn World) -> Tried {
    let mut items = open(world).await?;
    world.fail(&Fault::DropStreams);
    let end = async { while let Some(Ok(_)) = items.next().await {} };
    ensure(timeout(PATIENCE, end).await.is_ok(), || {
        "the stream goes on after its connection broke".to_owned()
    })
}

async fn silence(world: &dyn World) -> Tried {
    world.fail(&Fault::SilentStreams);
    let mut items = must("follow", world.provider().follow(&world.application()).await)?;
    let end = async {
        loop {
            match items.next().await {
                Some(Ok(_)) => {}
                Some(Err(_)) => return true,
                None => return false,
            }
        }
    };
    match timeout(PATIENCE, end).await {
        Ok(true) => Ok(()),
        Ok(false) => Err("a silent stream ends like one that the platform closed".to_owned()),
        Err(_) => Err("a silent stream is waited for without end".to_owned()),
    }
}

async fn expired_token(world: &dyn World) -> Tried {
    // Whatever token there is has been used once.
    must("a page of applications", world.provider().list_applications(None).await)?;
    world.fail(&Fault::ExpireTokens);
    world.start(Course::Succeeds);
    for _ in 0..3 {
        if open(world).await.is_ok() {
            return Ok(());
        }
    }
    Err("after its token ended, no stream works any more".to_owned())
}
