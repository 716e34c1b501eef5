//! Two clients over one ledger, as two processes have it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use slipway_core::budget::{
    CIRCUIT_OPEN, HELD_BACK, Ledger, LedgerAway, Priority, RateLimit, Reply as LedgerReply, Report, SharedLedger,
    Wanted, WindowKind, with_priority,
};
use slipway_core::provider::{ErrorKind, ProviderError};
use slipway_core::{Clock, ManualClock};
use slipway_provider_http::{Auth, Client, ClientSettings, Method, Request, Url};
use time::macros::datetime;
use tokio::sync::Mutex;

use crate::server::{Reply, Server};

const LIMIT: RateLimit = RateLimit {
    requests: 60,
    window: Duration::from_secs(60),
    kind: WindowKind::Sliding,
    write_reserve: 6,
};

#[derive(Debug)]
struct Shared {
    ledger: Mutex<Ledger>,
    clock: ManualClock,
    asked: AtomicUsize,
    is_away: AtomicBool,
}

#[derive(Debug)]
struct Holder(&'static str, Arc<Shared>);

#[async_trait::async_trait]
impl SharedLedger for Holder {
    fn holder(&self) -> &str {
        self.0
    }

    async fn exchange(
        &self,
        limit: Option<RateLimit>,
        report: &Report,
        wanted: Option<Wanted>,
    ) -> Result<LedgerReply, LedgerAway> {
        let Self(name, shared) = self;
        shared.asked.fetch_add(1, Ordering::Relaxed);
        if shared.is_away.load(Ordering::Relaxed) {
            return Err(LedgerAway("gone".to_owned()));
        }
        // The ledger's clock is not ours.
        let now = shared.clock.now() + time::Duration::HOUR;
        Ok(shared.ledger.lock().await.exchange(now, name, limit, report, wanted))
    }
}

struct Pair {
    server: Server,
    clients: [Client; 2],
    shared: Arc<Shared>,
}

async fn pair(replies: Vec<Reply>) -> Pair {
    let server = Server::start(replies).await;
    let clock = ManualClock::new(datetime!(2026-11-22 10:00 UTC));
    let shared = Arc::new(Shared {
        ledger: Mutex::default(),
        clock: clock.clone(),
        asked: AtomicUsize::new(0),
        is_away: AtomicBool::new(false),
    });
    let clients = ["one", "two"].map(|name| {
        let settings = ClientSettings {
            rate_limit: Some(LIMIT),
            ..ClientSettings::new("example", Url::parse(&server.url).unwrap())
        };
        let client = Client::new(settings, Arc::new(clock.clone())).unwrap();
        client.share_budget(Arc::new(Holder(name, Arc::clone(&shared))));
        client
    });
    Pair {
        server,
        clients,
        shared,
    }
}

async fn read(client: &Client, priority: Priority) -> Result<(), ProviderError> {
    let request = Request::get("read", "/things", &["things"], Auth::None);
    with_priority(priority, client.send(&request)).await.map(drop)
}

async fn write(client: &Client) -> Result<(), ProviderError> {
    let request = Request::write("write", Method::POST, "/things", &["things"], Auth::None, None);
    client.send(&request).await.map(drop)
}

fn ok() -> Vec<Reply> {
    vec![Reply::whole("200 OK", "", "{}")]
}

#[tokio::test]
async fn two_never_ask_more_than_one_may_and_seldom_ask_the_ledger() {
    let pair = pair(ok()).await;
    let mut made = 0;
    for turn in 0..200 {
        match read(&pair.clients[turn % 2], Priority::Live).await {
            Ok(()) => made += 1,
            Err(error) => assert_eq!((error.kind, error.reason), (ErrorKind::RateLimited, Some(HELD_BACK))),
        }
    }
    assert_eq!((made, pair.server.requests().len()), (54, 54), "all but the reserve");
    let asked = pair.shared.asked.load(Ordering::Relaxed);
    assert!(asked <= 54 / 3 + 4, "the ledger was asked {asked} times");
    let mut written = 0;
    while write(&pair.clients[written % 2]).await.is_ok() {
        written += 1;
    }
    assert_eq!(written, 6, "writes have the reserve");
    let budgets = pair
        .clients
        .each_ref()
        .map(|client| client.rate_budget().unwrap().remaining);
    assert_eq!(budgets, [0, 0]);
    pair.shared.clock.advance(time::Duration::seconds(70));
    read(&pair.clients[0], Priority::Backfill).await.unwrap();
}

#[tokio::test]
async fn backfill_does_not_use_what_was_given_for_more_important_reads() {
    let pair = pair(ok()).await;
    for _ in 0..27 {
        read(&pair.clients[0], Priority::Backfill).await.unwrap();
    }
    read(&pair.clients[0], Priority::Live).await.unwrap();
    let error = read(&pair.clients[0], Priority::Backfill).await.unwrap_err();
    assert_eq!(error.reason, Some(HELD_BACK));
    read(&pair.clients[0], Priority::Live).await.unwrap();
    read(&pair.clients[1], Priority::Incremental).await.unwrap();
}

#[tokio::test]
async fn what_one_finds_out_the_other_knows_and_one_probe_goes_out() {
    let trouble = || Reply::whole("500 Internal Server Error", "", "{}");
    let mut replies: Vec<_> = (0..6).map(|_| trouble()).collect();
    replies.extend(ok());
    let pair = pair(replies).await;
    let [one, two] = &pair.clients;
    for _ in 0..5 {
        read(one, Priority::Live).await.unwrap();
    }
    for (client, before) in [(one, 5), (two, 5)] {
        let error = read(client, Priority::Live).await.unwrap_err();
        assert_eq!((error.kind, error.reason), (ErrorKind::Unavailable, Some(CIRCUIT_OPEN)));
        assert_eq!(pair.server.requests().len(), before, "nobody asks");
    }
    let error = write(two).await.unwrap_err();
    assert!(!error.may_have_been_applied, "it never left");

    // The first probe fails, the second one does not.
    for (seconds, is_back) in [(6, false), (12, true)] {
        pair.shared.clock.advance(time::Duration::seconds(seconds));
        let before = pair.server.requests().len();
        let (first, second) = tokio::join!(read(one, Priority::Live), read(two, Priority::Live));
        if is_back {
            assert!(first.is_ok() || second.is_ok());
        } else {
            assert!(first.is_ok() != second.is_ok(), "one of them was the probe");
            assert_eq!(pair.server.requests().len(), before + 1);
        }
    }
    pair.shared.clock.advance(time::Duration::seconds(3));
    read(one, Priority::Live).await.unwrap();
    read(two, Priority::Live).await.unwrap();
}

#[tokio::test]
async fn a_ledger_that_is_away_lets_a_slice_and_a_few_writes_through() {
    let pair = pair(ok()).await;
    let one = &pair.clients[0];
    read(one, Priority::Live).await.unwrap();
    pair.shared.is_away.store(true, Ordering::Relaxed);
    read(one, Priority::Live).await.unwrap();
    read(one, Priority::Live).await.unwrap();
    let error = read(one, Priority::Live).await.unwrap_err();
    assert_eq!((error.kind, error.reason), (ErrorKind::Unavailable, Some(HELD_BACK)));
    let mut written = 0;
    while write(one).await.is_ok() {
        written += 1;
        assert!(written < 100);
    }
    assert_eq!(written, 6, "what is kept for writes, and no more");
    pair.shared.is_away.store(false, Ordering::Relaxed);
    pair.shared.clock.advance(time::Duration::seconds(2));
    read(one, Priority::Live).await.unwrap();
    let remaining = pair
        .shared
        .ledger
        .lock()
        .await
        .budget(pair.shared.clock.now() + time::Duration::HOUR)
        .unwrap()
        .remaining;
    assert!(remaining <= 60 - 10, "it was told of all of them, not {remaining}");
}

#[tokio::test]
async fn a_call_that_is_given_up_half_way_is_not_forgotten() {
    let pair = pair(vec![Reply::BytesThenSilence(Vec::new())]).await;
    let one = &pair.clients[0];
    for _ in 0..3 {
        let called = read(one, Priority::Live);
        assert!(tokio::time::timeout(Duration::from_millis(50), called).await.is_err());
    }
    // The next exchange tells of them.
    let called = read(one, Priority::Live);
    assert!(tokio::time::timeout(Duration::from_millis(50), called).await.is_err());
    let remaining = pair
        .shared
        .ledger
        .lock()
        .await
        .budget(pair.shared.clock.now() + time::Duration::HOUR)
        .unwrap()
        .remaining;
    assert_eq!(remaining, 60 - 3 - 3, "three that were made, and a slice of three");
}
