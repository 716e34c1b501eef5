//! Many clients on streams that break and are opened again.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api::Api;
use crate::wait::within;

/// What a client does on a stream that broke.
const PAUSE: Duration = Duration::from_millis(100);

/// What a client followed: the events' ids in the order in which they came, and how often its stream broke.
#[derive(Debug)]
struct Followed {
    ids: Vec<String>,
    breaks: usize,
}

/// Clients that follow everything from one position on.
#[derive(Debug)]
pub struct Followers {
    tasks: JoinSet<Followed>,
    counts: Vec<watch::Receiver<usize>>,
    end: watch::Sender<bool>,
}

impl Followers {
    /// So many clients of this API.
    pub fn start(api: &Api, beginning: &str, count: usize) -> Self {
        let (end, is_over) = watch::channel(false);
        let (mut tasks, mut counts) = (JoinSet::new(), Vec::new());
        for _ in 0..count {
            let (seen, count) = watch::channel(0);
            tasks.spawn(follow(api.clone(), beginning.to_owned(), seen, is_over.clone()));
            counts.push(count);
        }
        Self { tasks, counts, end }
    }

    /// Waits until every one of them has at least so many events.
    ///
    /// # Panics
    /// When they do not within the bound.
    pub async fn wait_for(&self, bound: Duration, least: usize) {
        let fewest = || self.counts.iter().map(|count| *count.borrow()).min().unwrap_or(0);
        within(bound, "every stream has events", async || {
            (fewest() >= least).then_some(())
        })
        .await;
    }

    /// After a replica was killed: waits until changes of both providers go on, which somebody else has to ask for now, and
    /// until everybody has them. Each must have got what the log holds, nothing twice. Tells how many streams broke.
    ///
    /// # Panics
    /// When it takes longer, or something is missing.
    pub async fn outlive(self, api: &Api, beginning: &str, killed_at: &str, bound: Duration) -> usize {
        let last = within(bound, "events of both providers go on", async || {
            let events = api.events_after(killed_at).await;
            let has_enough = |provider: &&str| {
                let of_it = events
                    .iter()
                    .filter(|event| event.provider.as_deref() == Some(*provider));
                of_it.count() >= 5
            };
            let is_enough = ["cloud66", "scalingo"].iter().all(has_enough);
            is_enough.then(|| events.last().and_then(|event| event.id.clone()))
        })
        .await;
        let log: Vec<_> = api
            .events_after(beginning)
            .await
            .into_iter()
            .map(|event| event.id)
            .collect();
        let count = 1 + log.iter().position(|id| *id == last).expect("it is in the log");
        self.wait_for(bound, count).await;
        self.end.send_replace(true);
        let followed = self.tasks.join_all().await;
        for Followed { ids, .. } in &followed {
            let expected = log[..count].iter().flatten();
            assert!(ids.iter().take(count).eq(expected), "no gap, no duplicate: {ids:?}");
        }
        followed.iter().filter(|followed| followed.breaks > 0).count()
    }
}

async fn follow(
    api: Api,
    beginning: String,
    seen: watch::Sender<usize>,
    mut is_over: watch::Receiver<bool>,
) -> Followed {
    let (mut ids, mut last, mut breaks) = (Vec::new(), beginning, 0);
    loop {
        let reading = async {
            if let Ok(mut stream) = api.open_stream(Some(&last)).await {
                while let Some(block) = stream.next().await {
                    assert_ne!(block.event.as_deref(), Some("reset"), "nothing is lost: {}", block.raw);
                    if let Some(id) = &block.id {
                        last.clone_from(id);
                    }
                    if block.is_durable() {
                        ids.push(last.clone());
                        seen.send_replace(ids.len());
                    }
                }
                breaks += 1;
            }
            tokio::time::sleep(PAUSE).await;
        };
        tokio::select! {
            () = reading => {}
            _ = is_over.wait_for(|is_over| *is_over) => return Followed { ids, breaks },
        }
    }
}
