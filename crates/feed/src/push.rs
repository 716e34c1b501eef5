//! Hands events to the sinks of many subscriptions: a few tasks share them out, a slice at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::batch::BATCH;
use crate::feed::{Feed, Shared};
use crate::frame::Frame;
use crate::interest::Group;
use crate::place::{Place, Sink};

/// How many subscribers are served before other tasks have their turn.
const SLICE: usize = 64;

/// The subscriptions of a group that have a sink, for each pusher; by address, which is theirs alone while they are here.
#[derive(Debug, Default)]
pub(crate) struct Pushed(Mutex<Vec<HashMap<usize, Arc<Place>>>>);

impl Pushed {
    fn add(&self, pusher: usize, place: &Arc<Place>) {
        let mut pushed = self.0.lock();
        if pushed.len() <= pusher {
            pushed.resize_with(pusher + 1, HashMap::new);
        }
        if let Some(places) = pushed.get_mut(pusher) {
            places.insert(Arc::as_ptr(place).addr(), Arc::clone(place));
        }
    }

    pub(crate) fn remove(&self, place: &Arc<Place>) {
        if let Some(pusher) = place.pusher()
            && let Some(places) = self.0.lock().get_mut(pusher)
        {
            places.remove(&Arc::as_ptr(place).addr());
        }
    }

    fn has(&self, pusher: usize) -> bool {
        self.0.lock().get(pusher).is_some_and(|places| !places.is_empty())
    }

    fn of(&self, pusher: usize) -> Vec<Arc<Place>> {
        let pushed = self.0.lock();
        pushed
            .get(pusher)
            .into_iter()
            .flat_map(HashMap::values)
            .cloned()
            .collect()
    }

    /// Has all of them look themselves.
    pub(crate) fn wake_all(&self) {
        self.0
            .lock()
            .iter()
            .flat_map(HashMap::values)
            .for_each(|place| place.wake());
    }
}

/// Events that all members of a group want, in their order.
#[derive(Debug, Clone)]
struct Page {
    group: Arc<Group>,
    epoch: Arc<str>,
    frames: Vec<Arc<Frame>>,
    bytes: usize,
}

impl Page {
    /// Whether a subscription could also take them as one batch: whoever reads slowly must not have more lying about.
    fn is_bounded(&self) -> bool {
        self.frames.len() <= BATCH.frames && self.bytes <= BATCH.bytes
    }

    /// Makes one of two that follow each other, if it is the same group's.
    fn merge(&mut self, next: Self) -> Option<Self> {
        let is_same = Arc::ptr_eq(&self.group, &next.group) && self.epoch == next.epoch;
        let is_room = self.frames.len() + next.frames.len() <= BATCH.frames && self.bytes + next.bytes <= BATCH.bytes;
        if is_same && is_room {
            self.frames.extend(next.frames);
            self.bytes += next.bytes;
            return None;
        }
        Some(next)
    }
}

#[derive(Debug, Default)]
struct Mailbox {
    pages: Mutex<Vec<Page>>,
    has_pages: Notify,
}

/// What is to be pushed, by pusher.
#[derive(Debug)]
pub(crate) struct Pushers {
    mailboxes: Vec<Mailbox>,
    next: AtomicUsize,
}

impl Default for Pushers {
    fn default() -> Self {
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            mailboxes: std::iter::repeat_with(Mailbox::default).take(count).collect(),
            next: AtomicUsize::new(0),
        }
    }
}

impl Pushers {
    pub(crate) fn attach(&self, place: &Arc<Place>, sink: Arc<dyn Sink>) {
        let pusher = self.next.fetch_add(1, Ordering::Relaxed) % self.mailboxes.len();
        if place.attach(sink, pusher) {
            place.group.pushed.add(pusher, place);
        }
    }

    /// Has events pushed to a group. In the order of the log, for each group.
    pub(crate) fn post(&self, group: Arc<Group>, epoch: &Arc<str>, frames: Vec<Arc<Frame>>) {
        let page = Page {
            group,
            epoch: Arc::clone(epoch),
            bytes: frames.iter().map(|frame| frame.sse().len()).sum(),
            frames,
        };
        for (pusher, mailbox) in self.mailboxes.iter().enumerate() {
            if page.group.pushed.has(pusher) {
                mailbox.pages.lock().push(page.clone());
                mailbox.has_pages.notify_one();
            }
        }
    }
}

impl Feed {
    /// Pushes until what it gives is dropped.
    pub(crate) fn push(&self) -> JoinSet<()> {
        // What a run before this one had not pushed yet, they look for themselves.
        self.0.interests.wake_all();
        let pushers = 0..self.0.pushers.mailboxes.len();
        pushers.map(|pusher| push(Arc::clone(&self.0), pusher)).collect()
    }
}

async fn push(shared: Arc<Shared>, pusher: usize) {
    let Some(mailbox) = shared.pushers.mailboxes.get(pusher) else {
        return;
    };
    loop {
        let mut pages: Vec<Page> = Vec::new();
        for page in std::mem::take(&mut *mailbox.pages.lock()) {
            let left = match pages.last_mut() {
                Some(last) => last.merge(page),
                None => Some(page),
            };
            pages.extend(left);
        }
        if pages.is_empty() {
            mailbox.has_pages.notified().await;
        }
        for page in pages {
            push_page(&shared, pusher, &page).await;
        }
    }
}

async fn push_page(shared: &Shared, pusher: usize, page: &Page) {
    let is_bounded = page.is_bounded();
    let places = page.group.pushed.of(pusher);
    for slice in places.chunks(SLICE) {
        for place in slice {
            match is_bounded {
                true => place.push(&page.epoch, &page.frames),
                false => place.wake(),
            }
        }
        shared.counts.note_ring_hits(slice.len());
        tokio::task::yield_now().await;
    }
}
