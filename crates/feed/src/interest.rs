//! Who waits for what: an event wakes only the subscriptions that it matches.
//!
//! Subscriptions with equal filters share a group, and groups are found by what they name, so that an event costs as much as
//! the subscriptions that it matches, however many are connected.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;
use uuid::Uuid;

use crate::applications::ApplicationIndex;
use crate::feed::Position;
use crate::filter::Filter;
use crate::frame::Frame;
use crate::push::{Pushed, Pushers};

/// Subscriptions with one filter.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) filter: Filter,
    /// The newest event that matches, or where the log began anew.
    pub(crate) matched: watch::Sender<Position>,
    /// Those whose sinks take what matches.
    pub(crate) pushed: Pushed,
}

/// All groups.
#[derive(Debug, Default)]
pub(crate) struct Interests(Mutex<Groups>);

#[derive(Debug, Default)]
struct Groups {
    members: HashMap<Filter, (Arc<Group>, usize)>,
    by_deployment: HashMap<Uuid, Vec<Arc<Group>>>,
    by_application: HashMap<Uuid, Vec<Arc<Group>>>,
    by_account: HashMap<String, Vec<Arc<Group>>>,
    /// Those that an event anywhere may match.
    anywhere: Vec<Arc<Group>>,
}

/// The groups that a page of events matches, each with these events. While it lives nobody joins or leaves, so
/// that whoever comes later finds these events already told.
pub(crate) struct Matches<'a> {
    found: HashMap<*const Group, (Arc<Group>, Vec<Arc<Frame>>)>,
    groups: MutexGuard<'a, Groups>,
}

impl Interests {
    /// Takes part in a group. `now` is asked while no event is being told: what comes after it is told to the group.
    pub(crate) fn join<T>(&self, filter: Filter, now: impl FnOnce() -> T) -> (Arc<Group>, T) {
        let mut groups = self.0.lock();
        let now = now();
        if let Some((group, members)) = groups.members.get_mut(&filter) {
            *members += 1;
            return (Arc::clone(group), now);
        }
        let nowhere = Position {
            epoch: "".into(),
            seq: 0,
        };
        let group = Arc::new(Group {
            filter: filter.clone(),
            matched: watch::channel(nowhere).0,
            pushed: Pushed::default(),
        });
        groups.each_place(&filter, |place| place.push(Arc::clone(&group)));
        groups.members.insert(filter, (Arc::clone(&group), 1));
        (group, now)
    }

    /// Takes part no more.
    pub(crate) fn leave(&self, group: &Arc<Group>) {
        let mut groups = self.0.lock();
        if let Some((_, members)) = groups.members.get_mut(&group.filter) {
            *members -= 1;
            if *members > 0 {
                return;
            }
        }
        groups.members.remove(&group.filter);
        groups.each_place(&group.filter, |place| place.retain(|other| !Arc::ptr_eq(other, group)));
        groups.forget_empty(&group.filter);
    }

    /// The groups that these events match.
    pub(crate) fn matches(&self, frames: &[Arc<Frame>], applications: &ApplicationIndex) -> Matches<'_> {
        let groups = self.0.lock();
        let mut found: HashMap<_, (_, Vec<_>)> = HashMap::new();
        for frame in frames {
            for group in groups.candidates(frame) {
                if group.filter.matches(frame.keys(), applications) {
                    let (_, matching) = found
                        .entry(Arc::as_ptr(group))
                        .or_insert_with(|| (Arc::clone(group), Vec::new()));
                    matching.push(Arc::clone(frame));
                }
            }
        }
        Matches { found, groups }
    }

    /// Has all who have a sink look themselves.
    pub(crate) fn wake_all(&self) {
        let groups = self.0.lock();
        groups.members.values().for_each(|(group, _)| group.pushed.wake_all());
    }

    /// All groups, for what concerns everybody.
    pub(crate) fn everybody(&self) -> Matches<'_> {
        self.matches(&[], &ApplicationIndex::default())
    }
}

impl Matches<'_> {
    /// Wakes whom the events concern, and has the events pushed to those who have a sink.
    pub(crate) fn tell(self, epoch: &Arc<str>, pushers: &Pushers) {
        for (group, frames) in self.found.into_values() {
            let Some(seq) = frames.last().map(|frame| frame.seq()) else {
                continue;
            };
            group.matched.send_replace(Position {
                epoch: Arc::clone(epoch),
                seq,
            });
            pushers.post(group, epoch, frames);
        }
    }

    /// Wakes everybody: what was known of the log up to `head` no longer holds.
    pub(crate) fn tell_everybody(self, head: &Position) {
        for (group, _) in self.groups.members.values() {
            group.matched.send_replace(head.clone());
            group.pushed.wake_all();
        }
    }
}

impl Groups {
    fn candidates(&self, frame: &Frame) -> impl Iterator<Item = &Arc<Group>> {
        let keys = frame.keys();
        let by_deployment = keys.deployment_id.and_then(|id| self.by_deployment.get(&id));
        let by_application = keys.application_id.and_then(|id| self.by_application.get(&id));
        let by_account = keys.account.as_ref().and_then(|account| self.by_account.get(account));
        let named = [by_deployment, by_application, by_account];
        named.into_iter().flatten().flatten().chain(&self.anywhere)
    }

    /// Every list in which a group with this filter stands: those of the most telling thing that it names.
    fn each_place(&mut self, filter: &Filter, visit: impl FnMut(&mut Vec<Arc<Group>>)) {
        let accounts = match filter.accounts.as_slice() {
            [] => &filter.visibility.accounts,
            accounts => accounts,
        };
        if !filter.deployments.is_empty() {
            visit_all(&mut self.by_deployment, &filter.deployments, visit);
        } else if !filter.applications.is_empty() {
            visit_all(&mut self.by_application, &filter.applications, visit);
        } else if !accounts.is_empty() {
            visit_all(&mut self.by_account, accounts, visit);
        } else {
            std::iter::once(&mut self.anywhere).for_each(visit);
        }
    }

    fn forget_empty(&mut self, filter: &Filter) {
        forget_empty(&mut self.by_deployment, &filter.deployments);
        forget_empty(&mut self.by_application, &filter.applications);
        forget_empty(&mut self.by_account, &filter.accounts);
        forget_empty(&mut self.by_account, &filter.visibility.accounts);
    }
}

fn visit_all<K: Eq + Hash + Clone>(
    places: &mut HashMap<K, Vec<Arc<Group>>>,
    names: &[K],
    mut visit: impl FnMut(&mut Vec<Arc<Group>>),
) {
    for (index, name) in names.iter().enumerate() {
        // A name given twice is one place: a group that stood there twice would be asked twice.
        if !names[..index].contains(name) {
            visit(places.entry(name.clone()).or_default());
        }
    }
}

fn forget_empty<K: Eq + Hash>(places: &mut HashMap<K, Vec<Arc<Group>>>, names: &[K]) {
    for name in names {
        if places.get(name).is_some_and(Vec::is_empty) {
            places.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use slipway_store::Visibility;

    use super::*;

    fn filter(accounts: &[&str], applications: &[u128]) -> Filter {
        Filter {
            accounts: accounts.iter().map(|account| (*account).to_owned()).collect(),
            applications: applications.iter().copied().map(Uuid::from_u128).collect(),
            ..Filter::default()
        }
    }

    #[test]
    fn equal_filters_share_a_group_and_the_last_to_leave_forgets_it() {
        let interests = Interests::default();
        let (first, ()) = interests.join(filter(&["a"], &[1, 2, 2]), || ());
        let (second, ()) = interests.join(filter(&["a"], &[1, 2, 2]), || ());
        let (other, ()) = interests.join(filter(&["a"], &[]), || ());
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &other));
        let standing = |id: u128| {
            interests
                .0
                .lock()
                .by_application
                .get(&Uuid::from_u128(id))
                .map(Vec::len)
        };
        assert_eq!((standing(1), standing(2)), (Some(1), Some(1)));
        interests.leave(&first);
        assert_eq!(standing(2), Some(1));
        interests.leave(&second);
        interests.leave(&other);
        let groups = interests.0.lock();
        assert!(groups.members.is_empty() && groups.by_application.is_empty() && groups.by_account.is_empty());
    }

    #[test]
    fn who_may_see_only_some_accounts_is_found_by_them() {
        let interests = Interests::default();
        let visibility = Visibility {
            accounts: vec!["a".to_owned()],
            ..Visibility::default()
        };
        let restricted = Filter {
            visibility: Arc::new(visibility),
            ..Filter::default()
        };
        let (group, ()) = interests.join(restricted, || ());
        assert!(interests.0.lock().anywhere.is_empty());
        assert_eq!(interests.0.lock().by_account.len(), 1);
        interests.leave(&group);
        assert!(interests.0.lock().by_account.is_empty());
    }
}
