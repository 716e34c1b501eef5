//! A client that is cut off again and again and goes on somewhere else.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::PoisonError;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use slipway_api::EventList;
use slipway_tests::Api;
use tokio::sync::watch;

use super::replicas::Addresses;

/// A stream that says nothing for so long is given up, as a client does when its heartbeats stay away.
const SILENCE: Duration = Duration::from_secs(5);

/// Before the next try.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Follower {
    random: StdRng,
    addresses: Addresses,
    cursor: String,
    end: watch::Receiver<Option<i64>>,
    seen: Vec<i64>,
    content: DefaultHasher,
    cuts: u64,
}

/// What a follower ended with, up to the end that it was told.
pub(super) struct Followed {
    pub(super) seen: Vec<i64>,
    /// A hash over all that came, in its order.
    pub(super) content: u64,
    pub(super) cuts: u64,
}

impl Follower {
    pub(super) fn new(seed: u64, addresses: Addresses, cursor: String, end: watch::Receiver<Option<i64>>) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            addresses,
            cursor,
            end,
            seen: Vec::new(),
            content: DefaultHasher::new(),
            cuts: 0,
        }
    }

    pub(super) async fn follow(mut self, by_twin: bool) -> Followed {
        while !self.has_ended() {
            let api = self.somewhere();
            if by_twin {
                self.read_twin(&api).await;
            } else {
                self.read_stream(&api).await;
            }
            self.cuts += 1;
        }
        Followed {
            seen: self.seen,
            content: self.content.finish(),
            cuts: self.cuts,
        }
    }

    fn has_ended(&self) -> bool {
        let end = *self.end.borrow();
        end.is_some_and(|end| self.seen.last().is_some_and(|last| *last >= end))
    }

    fn somewhere(&mut self) -> Api {
        let addresses = self.addresses.read().unwrap_or_else(PoisonError::into_inner);
        addresses[self.random.random_range(0..addresses.len())].clone()
    }

    /// Takes an event, unless it is after the end: of what comes then, everybody has seen another amount.
    fn take(&mut self, id: &str, content: &str) {
        let seq = id.split_once('-').expect("epoch and number").1;
        let seq = seq.parse().expect("a number");
        if !self.has_ended() {
            self.seen.push(seq);
            content.hash(&mut self.content);
        }
        id.clone_into(&mut self.cursor);
    }

    async fn read_stream(&mut self, api: &Api) {
        let opening = tokio::time::timeout(SILENCE, api.open_stream(Some(&self.cursor)));
        let Ok(Ok(mut stream)) = opening.await else {
            tokio::time::sleep(PAUSE).await;
            return;
        };
        for _ in 0..self.random.random_range(1..=400) {
            let Ok(Some(block)) = tokio::time::timeout(SILENCE, stream.next()).await else {
                return;
            };
            assert_ne!(block.event.as_deref(), Some("reset"), "nothing is lost: {}", block.raw);
            match (&block.id, &block.data) {
                (Some(id), Some(data)) => self.take(id, data),
                (Some(id), None) => self.cursor.clone_from(id),
                _ => {}
            }
            if self.has_ended() {
                return;
            }
        }
    }

    async fn read_twin(&mut self, api: &Api) {
        let limit = self.random.random_range(1..=200);
        let path = format!("/api/v1/events?after={}&limit={limit}&wait=1", self.cursor);
        let page = match tokio::time::timeout(SILENCE, api.try_get(&path)).await {
            Ok(Ok(answer)) if answer.status == 200 => answer.json::<EventList>(),
            Ok(Ok(answer)) if answer.status == 410 => panic!("nothing is lost: {}", answer.text),
            _ => return tokio::time::sleep(PAUSE).await,
        };
        for event in page.items {
            let content = serde_json::to_string(&event).expect("it came as JSON");
            let id = event.id.expect("an event of the log");
            self.take(&id, &content);
        }
        self.cursor = page.next_cursor;
    }
}
