//! The shared ledger and the circuit breaker against a model: whatever several processes do, die or forget, the provider is
//! never asked more often than it allows, what a dead process held comes back, and while it is down only probes go out.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::time::Duration;

use proptest::prelude::*;
use slipway_core::budget::{
    CircuitEvent, Grant, Ledger, Priority, RateLimit, Reply, Report, Throttle, Told, WaitCause, Wanted, WindowKind,
    fingerprint,
};
use time::OffsetDateTime;
use time::macros::datetime;

const START: OffsetDateTime = datetime!(2026-11-22 10:00 UTC);

const SLIDING: RateLimit = RateLimit {
    requests: 60,
    window: Duration::from_secs(60),
    kind: WindowKind::Sliding,
    write_reserve: 6,
};
const HOURLY: RateLimit = RateLimit {
    requests: 3000,
    window: Duration::from_secs(3600),
    kind: WindowKind::Aligned,
    write_reserve: 60,
};

fn want(ledger: &mut Ledger, now: OffsetDateTime, holder: &str, limit: RateLimit, wanted: (Priority, u32)) -> Reply {
    report(ledger, now, holder, limit, &Report::default(), wanted)
}

fn report(
    ledger: &mut Ledger,
    now: OffsetDateTime,
    holder: &str,
    limit: RateLimit,
    report: &Report,
    (priority, at_most): (Priority, u32),
) -> Reply {
    ledger.exchange(now, holder, Some(limit), report, Some(Wanted { priority, at_most }))
}

fn granted(reply: &Reply) -> Grant {
    reply.granted.unwrap().unwrap()
}

fn made(count: u32) -> Report {
    Report {
        made: count,
        ..Report::default()
    }
}

#[test]
fn each_priority_stops_where_the_next_one_begins_and_writes_have_the_rest() {
    let mut ledger = Ledger::default();
    let mut taken = Vec::new();
    for priority in Priority::ALL.into_iter().rev() {
        let mut count = 0;
        while let Ok(grant) = report(&mut ledger, START, "one", SLIDING, &made(0), (priority, 1))
            .granted
            .unwrap()
        {
            count += grant.count;
            ledger.exchange(START, "one", Some(SLIDING), &made(grant.count), None);
        }
        taken.push(count);
    }
    assert_eq!(taken, [27, 17, 2, 3, 3, 2, 6], "of 60, the least important first");
    assert_eq!(ledger.budget(START).unwrap().remaining, 0);
    let wait = want(&mut ledger, START, "one", SLIDING, (Priority::Write, 1))
        .granted
        .unwrap()
        .unwrap_err();
    assert_eq!((wait.cause, wait.at_least), (WaitCause::Spent, Duration::from_secs(60)));
}

#[test]
fn a_write_takes_one_of_the_reserve_and_not_a_slice_of_it() {
    let mut ledger = Ledger::default();
    ledger.exchange(START, "one", Some(SLIDING), &made(56), None);
    assert_eq!(
        granted(&want(&mut ledger, START, "one", SLIDING, (Priority::Write, 3))).count,
        1
    );
}

#[test]
fn what_a_dead_process_held_is_there_again_after_its_window() {
    let mut ledger = Ledger::default();
    let grant = granted(&want(&mut ledger, START, "dead", SLIDING, (Priority::Live, 20)));
    assert_eq!(grant.count, 20);
    let left = |ledger: &Ledger, seconds: i64| {
        ledger
            .budget(START + time::Duration::seconds(seconds))
            .unwrap()
            .remaining
    };
    assert_eq!(left(&ledger, 1), 40);
    // It may have used them until the slice ended, and the provider counts them for a minute from then.
    assert_eq!(left(&ledger, 65), 40);
    assert_eq!(left(&ledger, 67), 60);
}

#[test]
fn what_was_not_used_is_free_at_once_when_its_holder_says_so() {
    let mut ledger = Ledger::default();
    want(&mut ledger, START, "one", SLIDING, (Priority::Live, 20));
    ledger.exchange(START, "one", Some(SLIDING), &made(2), None);
    assert_eq!(ledger.budget(START).unwrap().remaining, 58);
    let busy = Report {
        in_flight: 3,
        kept: 4,
        ..Report::default()
    };
    ledger.exchange(START, "one", Some(SLIDING), &busy, None);
    assert_eq!(ledger.budget(START).unwrap().remaining, 51);
}

#[test]
fn headers_tell_what_others_use() {
    let mut ledger = Ledger::default();
    let told = |limit, remaining| Report {
        made: 10,
        told: Some(Told {
            limit: Some(limit),
            remaining: Some(remaining),
        }),
        ..Report::default()
    };
    ledger.exchange(START, "one", Some(HOURLY), &told(3600, 590), None);
    let budget = ledger.budget(START).unwrap();
    assert_eq!((budget.limit, budget.remaining), (3600, 590));
    assert_eq!(budget.resets_at, Some(START + time::Duration::HOUR));
    // Another process's requests are in the provider's count, too: they are not taken off twice.
    ledger.exchange(START, "two", Some(HOURLY), &told(3600, 580), None);
    assert_eq!(ledger.budget(START).unwrap().remaining, 580);
    assert_eq!(ledger.budget(START + time::Duration::HOUR).unwrap().remaining, 3600);
}

#[test]
fn headers_of_a_window_that_is_over_do_not_block_the_next_one() {
    let told = |remaining, seconds| Report {
        told: Some(Told {
            limit: Some(3600),
            remaining: Some(remaining),
        }),
        told_ago: Duration::from_secs(seconds),
        ..Report::default()
    };
    let remaining = |ledger: &Ledger, now| ledger.budget(now).unwrap().remaining;
    let late = START + time::Duration::minutes(59);
    let mut ledger = Ledger::default();
    ledger.exchange(late, "one", Some(HOURLY), &told(100, 0), None);
    assert_eq!(remaining(&ledger, late), 100);
    // It heard that in the hour before, and tells it in this one.
    let next = START + time::Duration::minutes(61);
    ledger.exchange(next, "two", Some(HOURLY), &told(90, 90), None);
    assert_eq!(remaining(&ledger, next), 3600);
    // The provider's clock is late: its hour is the old one for a moment, until it shows more again.
    ledger.exchange(next, "one", Some(HOURLY), &told(80, 0), None);
    assert_eq!(remaining(&ledger, next), 80);
    let after = next + time::Duration::seconds(5);
    ledger.exchange(after, "two", Some(HOURLY), &told(3590, 0), None);
    assert_eq!(remaining(&ledger, after), 3590);
    ledger.exchange(after, "one", Some(HOURLY), &told(80, 3), None);
    assert_eq!(remaining(&ledger, after), 3590, "what is older says nothing any more");
}

/// More important requests take whatever they get; each of the others gets its share all the same.
#[test]
fn nothing_waits_for_ever() {
    let mut ledger = Ledger::default();
    let mut got = [0_u32; 7];
    let minutes = 10;
    for second in 0..60 * minutes {
        let now = START + time::Duration::seconds(second);
        for (index, priority) in Priority::ALL.into_iter().enumerate().skip(1) {
            // The live ones come in dozens and first.
            for _ in 0..if priority == Priority::Live { 12 } else { 1 } {
                let reply = report(&mut ledger, now, "one", SLIDING, &made(0), (priority, 1));
                let Ok(grant) = reply.granted.unwrap() else { break };
                ledger.exchange(now, "one", Some(SLIDING), &made(grant.count), None);
                got[index] += grant.count;
            }
        }
    }
    let each = got.map(|count| count / u32::try_from(minutes).unwrap());
    let [write, live, refresh, feed, incremental, log, backfill] = each;
    assert_eq!(write, 0);
    assert!(live >= 24, "the most important has most of it: {each:?}");
    assert!(
        refresh.min(incremental).min(log) >= 4 && feed >= 5 && backfill >= 2,
        "{each:?}"
    );
    let all: u32 = each.iter().sum();
    assert!(all >= 50, "nothing lies idle: {each:?}");
}

#[test]
fn the_json_of_another_release_is_read() {
    let mut ledger = Ledger::default();
    want(&mut ledger, START, "one", SLIDING, (Priority::Live, 3));
    ledger.exchange(START, "one", Some(SLIDING), &failures(5), None);
    let json = serde_json::to_string(&ledger).unwrap();
    assert_eq!(serde_json::from_str::<Ledger>(&json).unwrap(), ledger);
    assert_eq!(
        serde_json::from_str::<Ledger>(r#"{"of_tomorrow": 1}"#).unwrap(),
        Ledger::default()
    );
}

fn failures(count: usize) -> Report {
    Report {
        events: vec![(Duration::ZERO, failed(None)); count],
        ..Report::default()
    }
}

/// Of an application, or of what concerns the whole account.
fn failed(application: Option<&str>) -> CircuitEvent {
    CircuitEvent::Failed {
        is_probe: false,
        application: application.map(fingerprint),
    }
}

fn event(event: CircuitEvent) -> Report {
    Report {
        events: vec![(Duration::ZERO, event)],
        ..Report::default()
    }
}

#[test]
fn it_opens_after_failures_in_a_row_lets_one_probe_through_and_closes_when_that_is_served() {
    let mut ledger = Ledger::default();
    ledger.exchange(START, "one", Some(SLIDING), &failures(4), None);
    ledger.exchange(
        START,
        "two",
        Some(SLIDING),
        &event(CircuitEvent::Served { is_probe: false }),
        None,
    );
    ledger.exchange(START, "one", Some(SLIDING), &failures(4), None);
    assert!(
        ledger.circuit().open().is_none(),
        "a success in between starts the count again"
    );
    ledger.exchange(START, "two", Some(SLIDING), &failures(1), None);
    assert_eq!(ledger.circuit().open().unwrap().reason, "unavailable");
    let live = (Priority::Live, 3);
    let wait = want(&mut ledger, START, "one", SLIDING, live)
        .granted
        .unwrap()
        .unwrap_err();
    assert_eq!(
        (wait.cause, wait.at_least),
        (WaitCause::Unavailable, Duration::from_secs(5))
    );

    let mut now = START + time::Duration::seconds(5);
    for pause in [10, 20, 30, 30] {
        let probe = granted(&want(&mut ledger, now, "one", SLIDING, live));
        assert!(probe.is_probe && probe.count == 1);
        assert!(
            want(&mut ledger, now, "two", SLIDING, live).granted.unwrap().is_err(),
            "one at a time"
        );
        // What was on its way when it opened says nothing.
        ledger.exchange(
            now,
            "two",
            Some(SLIDING),
            &event(CircuitEvent::Served { is_probe: false }),
            None,
        );
        assert!(ledger.circuit().open().is_some());
        ledger.exchange(
            now,
            "one",
            Some(SLIDING),
            &event(CircuitEvent::Failed {
                is_probe: true,
                application: Some(1),
            }),
            None,
        );
        let wait = want(&mut ledger, now, "two", SLIDING, live)
            .granted
            .unwrap()
            .unwrap_err();
        assert_eq!(wait.at_least, Duration::from_secs(pause));
        now += wait.at_least;
    }
    assert!(granted(&want(&mut ledger, now, "one", SLIDING, live)).is_probe);
    // Its process died: after half a minute another one probes.
    now += Duration::from_secs(30);
    assert!(granted(&want(&mut ledger, now, "two", SLIDING, live)).is_probe);
    ledger.exchange(now, "two", Some(SLIDING), &event(CircuitEvent::ProbeGivenUp), None);
    assert!(granted(&want(&mut ledger, now, "two", SLIDING, live)).is_probe);
    ledger.exchange(
        now,
        "two",
        Some(SLIDING),
        &event(CircuitEvent::Served { is_probe: true }),
        None,
    );
    assert!(ledger.circuit().open().is_none());
    assert!(!granted(&want(&mut ledger, now, "one", SLIDING, live)).is_probe);
}

#[test]
fn applications_that_always_fail_do_not_open_it_and_different_ones_do() {
    let mut ledger = Ledger::default();
    let mut note = |holder: &str, noted: CircuitEvent| {
        ledger.exchange(START, holder, Some(SLIDING), &event(noted), None);
        ledger.circuit().open().is_some()
    };
    // Nothing else is asked meanwhile, and two processes ask.
    for turn in 0..100 {
        let poisoned = ["one", "two"][turn % 2];
        assert!(!note(["a", "b"][turn / 2 % 2], failed(Some(poisoned))));
    }
    assert!(!note("a", failed(None)), "the list fails once, too");
    assert!(!note("a", failed(None)));
    assert!(note("b", failed(Some("three"))), "five different failures");

    let mut ledger = Ledger::default();
    let mut note = |noted: CircuitEvent| {
        ledger.exchange(START, "a", Some(SLIDING), &event(noted), None);
        ledger.circuit().open().is_some()
    };
    let names = ["one", "two", "three", "four", "five"];
    for name in &names[..4] {
        assert!(!note(failed(Some(name))));
    }
    assert!(!note(CircuitEvent::Served { is_probe: false }));
    for name in &names[..4] {
        assert!(!note(failed(Some(name))), "a success in between starts the count again");
    }
    assert!(note(failed(Some(names[4]))));
}

#[test]
fn a_throttled_answer_opens_it_at_once_until_the_provider_says() {
    let mut ledger = Ledger::default();
    let throttle = Throttle {
        retry_after: Duration::from_secs(300),
        resets_at: Some(START + time::Duration::HOUR),
    };
    ledger.exchange(
        START,
        "one",
        Some(HOURLY),
        &event(CircuitEvent::Throttled(throttle)),
        None,
    );
    let write = (Priority::Write, 1);
    let wait = want(&mut ledger, START, "two", HOURLY, write)
        .granted
        .unwrap()
        .unwrap_err();
    assert_eq!(
        (wait.cause, wait.at_least),
        (WaitCause::Throttled, Duration::from_secs(300))
    );
    let budget = ledger.budget(START).unwrap();
    assert_eq!(
        (budget.remaining, budget.resets_at),
        (0, Some(START + time::Duration::HOUR))
    );
    let later = START + Duration::from_secs(300);
    assert!(granted(&want(&mut ledger, later, "two", HOURLY, write)).is_probe);
}

/// One process as the ledger sees it: it takes slices, uses them while they last, reports, forgets to, or dies.
#[derive(Debug, Default)]
struct Holder {
    life: usize,
    left: u32,
    until: Option<OffsetDateTime>,
    is_probe: bool,
    unreported: u32,
    made_at: Option<OffsetDateTime>,
    events: Vec<(OffsetDateTime, CircuitEvent)>,
}

#[derive(Debug, Clone)]
enum Step {
    Advance(u32),
    /// Asks for a slice and uses so many of it.
    Work {
        holder: usize,
        priority: usize,
        uses: u32,
    },
    /// Uses what it still has.
    Use {
        holder: usize,
        uses: u32,
    },
    Settle(usize),
    Die(usize),
    /// The provider goes down, or is back.
    Down(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_u32..8_000).prop_map(Step::Advance),
        6 => (0_usize..3, 0_usize..7, 0_u32..6).prop_map(|(holder, priority, uses)| Step::Work { holder, priority, uses }),
        3 => (0_usize..3, 1_u32..4).prop_map(|(holder, uses)| Step::Use { holder, uses }),
        1 => (0_usize..3).prop_map(Step::Settle),
        1 => (0_usize..3).prop_map(Step::Die),
        1 => any::<bool>().prop_map(Step::Down),
    ]
}

struct Model {
    limit: RateLimit,
    ledger: Ledger,
    now: OffsetDateTime,
    holders: [Holder; 3],
    /// When the provider was asked.
    asked: Vec<OffsetDateTime>,
    is_down: bool,
}

impl Model {
    fn name(&self, holder: usize) -> String {
        format!("{holder}-{}", self.holders[holder].life)
    }

    fn report(&mut self, index: usize, wanted: Option<Wanted>) -> Reply {
        let (name, now) = (self.name(index), self.now);
        let holder = &mut self.holders[index];
        let report = Report {
            made: std::mem::take(&mut holder.unreported),
            made_ago: holder
                .made_at
                .take()
                .map_or(Duration::ZERO, |at| Duration::try_from(now - at).unwrap()),
            events: std::mem::take(&mut holder.events)
                .into_iter()
                .map(|(at, event)| (Duration::try_from(now - at).unwrap(), event))
                .collect(),
            ..Report::default()
        };
        (holder.left, holder.is_probe) = (0, false);
        self.ledger.exchange(now, &name, Some(self.limit), &report, wanted)
    }

    fn spend(&mut self, index: usize, uses: u32) {
        for _ in 0..uses {
            let (now, is_down) = (self.now, self.is_down);
            let holder = &mut self.holders[index];
            if holder.left == 0 || holder.until.is_none_or(|until| now >= until) {
                return;
            }
            holder.left -= 1;
            holder.unreported += 1;
            holder.made_at = Some(now);
            let is_probe = holder.is_probe;
            let event = if is_down {
                let application = self.asked.len().is_multiple_of(2).then(|| u64::from(uses) % 3);
                CircuitEvent::Failed { is_probe, application }
            } else {
                CircuitEvent::Served { is_probe }
            };
            holder.events.push((now, event));
            self.asked.push(now);
            // A failure and a probe's end are told at once.
            if is_down || is_probe {
                self.report(index, None);
            }
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Advance(ms) => self.now += Duration::from_millis(ms.into()),
            Step::Down(is_down) => self.is_down = is_down,
            Step::Settle(index) => {
                self.report(index, None);
            }
            Step::Die(index) => {
                let life = self.holders[index].life + 1;
                self.holders[index] = Holder {
                    life,
                    ..Holder::default()
                };
            }
            Step::Use { holder, uses } => self.spend(holder, uses),
            Step::Work { holder, priority, uses } => {
                let wanted = Wanted {
                    priority: Priority::ALL[priority],
                    at_most: 3,
                };
                let open_before = self.ledger.circuit().open().map(|open| open.until);
                let reply = self.report(holder, Some(wanted));
                if let Ok(grant) = reply.granted.unwrap() {
                    if self.ledger.circuit().open().is_some() {
                        assert!(grant.is_probe, "only a probe goes out while it is open");
                        assert!(
                            open_before.is_none_or(|until| until <= self.now),
                            "and not before its time"
                        );
                    }
                    let state = &mut self.holders[holder];
                    (state.left, state.is_probe) = (grant.count, grant.is_probe);
                    state.until = Some(self.now + grant.valid_for);
                }
                self.spend(holder, uses);
            }
        }
    }

    fn most_in_a_window(&self) -> usize {
        let window = self.limit.window;
        match self.limit.kind {
            WindowKind::Sliding => {
                let in_window = |from: &OffsetDateTime| {
                    self.asked
                        .iter()
                        .filter(|at| *at >= from && **at < *from + window)
                        .count()
                };
                self.asked.iter().map(in_window).max().unwrap_or(0)
            }
            WindowKind::Aligned => {
                let number = |at: &OffsetDateTime| at.unix_timestamp() / i64::try_from(window.as_secs()).unwrap();
                let count = |from: &OffsetDateTime| self.asked.iter().filter(|at| number(at) == number(from)).count();
                self.asked.iter().map(count).max().unwrap_or(0)
            }
        }
    }
}

fn model(limit: RateLimit, steps: &[Step]) -> Model {
    let mut model = Model {
        limit,
        ledger: Ledger::default(),
        now: START,
        holders: Default::default(),
        asked: Vec::new(),
        is_down: false,
    };
    for step in steps {
        model.run(step);
    }
    model
}

proptest! {
    #[test]
    fn the_limit_holds_whatever_several_processes_do(
        steps in prop::collection::vec(step(), 1..300),
        requests in 4_u32..20,
        is_sliding in any::<bool>(),
    ) {
        let kind = if is_sliding { WindowKind::Sliding } else { WindowKind::Aligned };
        let limit = RateLimit { requests, kind, write_reserve: 2, ..SLIDING };
        let mut model = model(limit, &steps);
        prop_assert!(model.most_in_a_window() <= requests as usize, "{} of {requests}", model.most_in_a_window());

        // However it went: once everything is over, all of it is there again, and a provider that is back is asked.
        model.is_down = false;
        model.now += Duration::from_secs(200);
        model.run(&Step::Settle(0));
        model.now += Duration::from_secs(120);
        prop_assert_eq!(model.ledger.budget(model.now).map(|budget| budget.remaining), Some(requests));
        model.run(&Step::Work { holder: 0, priority: 1, uses: 1 });
        prop_assert!(model.ledger.circuit().open().is_none());
    }
}
