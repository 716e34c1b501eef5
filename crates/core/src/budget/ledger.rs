//! What of a limit is used, by whom, and what may be given out. Pure: the caller brings the time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::circuit::Admission;
use super::exchange::{Grant, Reply, Report, Wait, WaitCause, Wanted};
use super::turns::{InForce, Turns};
use super::{Circuit, CircuitEvent, Priority, RateLimit, WindowKind, between, next_aligned};
use crate::provider::RateBudget;

/// Between the end of a slice and the moment from which it may be taken to have been used, at the latest: clocks and answers
/// that are on their way.
const SLICE_MARGIN: Duration = Duration::from_secs(2);
const LONGEST_SLICE: Duration = Duration::from_secs(30);

/// The account of one provider limit. Its JSON is what processes share; fields may be added, with a default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    limit: Option<RateLimit>,
    /// The limit of the provider's headers, where it differs from the documented one.
    told_limit: Option<u32>,
    spent: Vec<Spent>,
    slices: Vec<Slice>,
    /// What others than we use up of the same limit, as far as headers show it.
    foreign: Option<Spent>,
    heard: Option<Heard>,
    turns: Turns,
    circuit: Circuit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Spent {
    count: u32,
    #[serde(with = "time::serde::rfc3339")]
    until: OffsetDateTime,
}

/// What was left when headers told it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Heard {
    remaining: u32,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

/// What one process may have used since it was here last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Slice {
    holder: String,
    count: u32,
    #[serde(with = "time::serde::rfc3339")]
    until: OffsetDateTime,
}

impl Ledger {
    /// Takes a holder's report, and gives it a new slice if it wants one.
    pub fn exchange(
        &mut self,
        now: OffsetDateTime,
        holder: &str,
        limit: Option<RateLimit>,
        report: &Report,
        wanted: Option<Wanted>,
    ) -> Reply {
        self.limit = limit;
        for (ago, event) in &report.events {
            self.circuit.note(now - *ago, holder, *event);
        }
        if let Some(limit) = limit {
            self.settle(now, holder, limit, report);
        }
        let granted = wanted.map(|wanted| self.grant(now, holder, wanted));
        if let (Some(limit), Some(Ok(grant))) = (limit, &granted) {
            self.hold(now, holder, limit, grant.count, grant.valid_for);
        }
        Reply {
            now,
            granted,
            circuit: self.circuit.clone(),
            budget: self.budget(now),
        }
    }

    /// What is left of the limit at `now`; none without one.
    pub fn budget(&self, now: OffsetDateTime) -> Option<RateBudget> {
        let (rule, limit) = (self.limit?, self.requests()?);
        if let Some(open) = self
            .circuit
            .open()
            .filter(|open| now < open.until && open.reason == "rate_limited")
        {
            let resets_at = open.resets_at.unwrap_or(open.until);
            return Some(RateBudget {
                limit,
                remaining: 0,
                resets_at: Some(resets_at),
                must_last: between(now, resets_at),
                rule,
            });
        }
        let first = self.entries(now).map(|(until, _)| until).min();
        Some(RateBudget {
            limit,
            remaining: limit.saturating_sub(self.used(now)),
            resets_at: first,
            must_last: match rule.kind {
                WindowKind::Aligned => between(now, next_aligned(now, rule.window)),
                WindowKind::Sliding => rule.window,
            },
            rule,
        })
    }

    /// Whether anybody asks the provider.
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    fn settle(&mut self, now: OffsetDateTime, holder: &str, limit: RateLimit, report: &Report) {
        self.spent.retain(|spent| now < spent.until);
        self.foreign = self.foreign.filter(|spent| now < spent.until);
        self.slices.retain(|slice| now < slice.until && slice.holder != holder);
        if report.made > 0 {
            self.spend(report.made, limit.counts_until(now - report.made_ago), limit.window);
        }
        self.hold(now, holder, limit, report.in_flight + report.kept, slice_length(&limit));
        self.learn(now, limit, report);
    }

    /// Finds out from headers what others than we use.
    fn learn(&mut self, now: OffsetDateTime, limit: RateLimit, report: &Report) {
        let Some(told) = report.told else { return };
        if let Some(requests) = told.limit.filter(|requests| *requests > 0) {
            self.told_limit = Some(requests);
        }
        let (Some(remaining), Some(requests)) = (told.remaining, self.requests()) else {
            return;
        };
        let at = now - report.told_ago;
        let until = limit.counts_until(at);
        // Of a window that is over, or older than what is known already.
        if until <= now || self.heard.is_some_and(|heard| at < heard.at) {
            return;
        }
        let known = self.foreign.map_or(0, |spent| spent.count);
        // What the holder has not begun is in our count and not in the provider's.
        let ours = (self.used(now) - known).saturating_sub(report.kept);
        let seen = requests.saturating_sub(remaining).saturating_sub(ours);
        // Within a window less and less is left. More again: the provider's began at another moment than ours.
        let has_begun_anew = self.heard.is_some_and(|heard| remaining > heard.remaining);
        self.heard = Some(Heard { remaining, at });
        if seen > known || has_begun_anew {
            self.foreign = Some(Spent { count: seen, until }).filter(|spent| spent.count > 0);
        }
    }

    /// Requests that end close to each other are one entry, which counts as long as the last of them.
    fn spend(&mut self, count: u32, until: OffsetDateTime, window: Duration) {
        match self.spent.last_mut() {
            Some(last) if last.until <= until && until - last.until < window / 60 => {
                last.count += count;
                last.until = until;
            }
            _ => self.spent.push(Spent { count, until }),
        }
    }

    fn hold(&mut self, now: OffsetDateTime, holder: &str, limit: RateLimit, count: u32, length: Duration) {
        if count == 0 {
            return;
        }
        let until = limit.counts_until(match limit.kind {
            WindowKind::Aligned => now,
            WindowKind::Sliding => now + length + SLICE_MARGIN,
        });
        match self.slices.iter_mut().find(|slice| slice.holder == holder) {
            Some(slice) => {
                slice.count += count;
                slice.until = slice.until.max(until);
            }
            None => self.slices.push(Slice {
                holder: holder.to_owned(),
                count,
                until,
            }),
        }
    }

    fn grant(&mut self, now: OffsetDateTime, holder: &str, wanted: Wanted) -> Result<Grant, Wait> {
        let Wanted { priority, at_most } = wanted;
        let is_probe = match self.circuit.admit(now, holder) {
            Admission::Free => false,
            Admission::Probe => true,
            Admission::Wait(at_least) => {
                let is_throttled = self.circuit.open().is_some_and(|open| open.reason == "rate_limited");
                let cause = if is_throttled {
                    WaitCause::Throttled
                } else {
                    WaitCause::Unavailable
                };
                return Err(Wait { at_least, cause });
            }
        };
        let (Some(limit), Some(requests)) = (self.limit, self.requests()) else {
            return Ok(Grant {
                count: 1,
                spare: u32::MAX,
                priority,
                valid_for: LONGEST_SLICE,
                is_probe,
            });
        };
        let left = requests.saturating_sub(self.used(now));
        let floor = priority.floor(&limit, requests);
        let valid_for = match limit.kind {
            WindowKind::Sliding => slice_length(&limit),
            WindowKind::Aligned => slice_length(&limit).min(between(now, limit.counts_until(now))),
        };
        if is_probe && left > 0 {
            return Ok(Grant {
                count: 1,
                spare: left - 1,
                priority,
                valid_for,
                is_probe,
            });
        }
        let reserve = Priority::Live.floor(&limit, requests);
        let in_force = InForce {
            limit: &limit,
            requests,
        };
        let (kept, at_most) = if priority == Priority::Write {
            // It takes no more than it needs of what is kept for writes.
            (reserve.min(left.saturating_sub(1)), at_most)
        } else {
            let kept = floor.max(reserve + self.turns.kept_from(now, priority, in_force));
            let in_turn = reserve + self.turns.kept_before(now, priority, in_force);
            if left <= kept && self.turns.is_due(now, priority) {
                (in_turn, 1)
            } else {
                (kept, at_most)
            }
        };
        if left <= kept {
            self.circuit.note(now, holder, CircuitEvent::ProbeGivenUp);
            let free_at = self.free_at(now, kept, requests);
            let turn_at = self
                .turns
                .next_at(now, priority)
                .map(|at| at.max(self.free_at(now, reserve, requests)));
            let at_least = between(now, turn_at.map_or(free_at, |at| at.min(free_at)));
            self.turns.refused(now, priority, at_least, &limit);
            return Err(Wait {
                at_least,
                cause: WaitCause::Spent,
            });
        }
        let count = at_most.clamp(1, left - kept);
        self.turns.granted(now, priority, count, in_force);
        Ok(Grant {
            count,
            spare: left - count,
            priority,
            valid_for,
            is_probe,
        })
    }

    /// When more than `floor` requests are free again, if nobody asks meanwhile.
    fn free_at(&self, now: OffsetDateTime, floor: u32, requests: u32) -> OffsetDateTime {
        let mut entries: Vec<_> = self.entries(now).collect();
        entries.sort_unstable_by_key(|(until, _)| *until);
        let mut used = self.used(now);
        for (until, count) in entries {
            used = used.saturating_sub(count);
            if requests.saturating_sub(used) > floor {
                return until;
            }
        }
        now
    }

    fn requests(&self) -> Option<u32> {
        self.limit.map(|limit| self.told_limit.unwrap_or(limit.requests))
    }

    fn used(&self, now: OffsetDateTime) -> u32 {
        self.entries(now).map(|(_, count)| count).sum()
    }

    fn entries(&self, now: OffsetDateTime) -> impl Iterator<Item = (OffsetDateTime, u32)> {
        let spent = self
            .spent
            .iter()
            .chain(&self.foreign)
            .map(|spent| (spent.until, spent.count));
        let slices = self.slices.iter().map(|slice| (slice.until, slice.count));
        spent.chain(slices).filter(move |(until, _)| now < *until)
    }
}

/// Short against the window, so that what lies unused with one is missing to others for a moment only.
fn slice_length(limit: &RateLimit) -> Duration {
    (limit.window / 12).min(LONGEST_SLICE)
}
