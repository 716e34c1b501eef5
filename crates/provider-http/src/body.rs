//! Reading a body without trusting its sender.

use bytes::{Bytes, BytesMut};

/// Why a body could not be read.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It is larger than allowed.
    TooLarge,
    /// It ended before it was complete.
    BrokenOff(reqwest::Error),
}

/// Reads a body of at most `max_bytes`; stops as soon as it is clear that it is larger.
pub(crate) async fn read(mut response: reqwest::Response, max_bytes: usize) -> Result<Bytes, BodyError> {
    let announced = response
        .content_length()
        .and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > max_bytes) {
        return Err(BodyError::TooLarge);
    }
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0).min(64 * 1024));
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| BodyError::BrokenOff(error.without_url()))?
    {
        if body.len() + chunk.len() > max_bytes {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
