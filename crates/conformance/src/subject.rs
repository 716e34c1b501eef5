//! What the suite needs of whoever wants an adapter tried.

use async_trait::async_trait;
use slipway_core::provider::{ApplicationRef, SharedProvider};

/// An adapter with a platform to try it on.
#[async_trait]
pub trait Subject: Send + Sync {
    /// A fresh platform with the adapter connected to it. Each case asks for one.
    async fn world(&self) -> Box<dyn World>;

    /// Where the adapter is known to be otherwise, and why that is right.
    fn deviations(&self) -> &[Deviation] {
        &[]
    }
}

/// A case that is known to fail. One that passes all the same fails the run.
#[derive(Debug, Clone, Copy)]
pub struct Deviation {
    /// The case's name.
    pub case: &'static str,
    /// Why it is right to be otherwise.
    pub reason: &'static str,
}

/// How a deployment of the platform goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It ends well.
    Succeeds,
    /// It ends badly.
    Fails,
}

/// What the platform does wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Its answer to too many requests.
    Throttled,
    /// This status, with the platform's own error body.
    Status(u16),
    /// Success with a body that is not its own.
    Garbage,
    /// The first half of an answer.
    Truncated,
    /// Statuses that nobody has heard of.
    InventedStatus,
    /// Null in all fields but ids.
    NullFields,
    /// What was asked is done, and the connection breaks.
    DropAfter,
    /// What was asked is done, and the answer is 500.
    BrokenAfter,
    /// The tokens that were exchanged until now end.
    ExpireTokens,
    /// Open streams break.
    DropStreams,
    /// New streams open and stay silent.
    SilentStreams,
    /// A redirect to this URL.
    Redirect(String),
    /// Answers that name this place for the live stream.
    ForeignLinks(String),
}

/// A platform at work, and the adapter connected to it. Its clock stands still until [`World::finish`].
pub trait World: Send + Sync {
    /// The adapter. Its live stream gives up after a few seconds of silence; the platform gives a sign of life more often.
    fn provider(&self) -> SharedProvider;

    /// An application whose deployments fill more than a page, all of them over. Its newest has a log, where there are logs.
    fn application(&self) -> ApplicationRef;

    /// The platform's ids of all applications.
    fn application_ids(&self) -> Vec<String>;

    /// The platform's ids of the application's deployments, newest first.
    fn deployment_ids(&self) -> Vec<String>;

    /// How many requests the platform has got.
    fn requests(&self) -> usize;

    /// How many of the application's deployments were made by calls.
    fn deployments_made(&self) -> usize;

    /// Begins a deployment of the application by other means than the adapter; it is being worked on when this returns.
    fn start(&self, course: Course) -> String;

    /// Lets time pass until all deployments are over.
    fn finish(&self);

    /// Does this wrong until [`World::heal`].
    fn fail(&self, fault: &Fault);

    /// Does nothing wrong any more.
    fn heal(&self);

    /// Bodies of webhooks that the platform sends for a deployment of the application. Asked only with `webhooks`.
    fn webhooks(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// Texts that must never be shown: tokens.
    fn secrets(&self) -> Vec<String>;
}
