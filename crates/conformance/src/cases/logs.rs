//! Log texts.

use slipway_core::provider::{Capabilities, ErrorKind};

use super::{Case, Tried, case, ensure, must, refused};
use crate::{Course, World};

pub(super) fn cases() -> Vec<Case> {
    fn can_read(can: &Capabilities) -> bool {
        can.read_logs
    }
    vec![
        case!("logs/grow_and_keep_their_beginning", can_read, grow),
        case!("logs/unknown_is_not_found", can_read, unknown),
    ]
}

async fn grow(world: &dyn World) -> Tried {
    let (provider, application) = (world.provider(), world.application());
    let id = world.start(Course::Succeeds);
    let partial = must("read_log", provider.read_log(&application, &id).await)?;
    world.finish();
    let whole = must("read_log", provider.read_log(&application, &id).await)?;
    ensure(whole.starts_with(partial.trim_end()), || {
        "the whole log begins otherwise than the first part".to_owned()
    })?;
    ensure(whole.len() > partial.len(), || {
        "the log of an ended deployment is no longer than at its start".to_owned()
    })
}

async fn unknown(world: &dyn World) -> Tried {
    let read = world.provider().read_log(&world.application(), "999999999999").await;
    refused("the log of an unknown deployment", read, &[ErrorKind::NotFound]).map(drop)
}
