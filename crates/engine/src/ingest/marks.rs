//! Which deployment of an application is the newest, and which one is live.

use slipway_core::provider::LiveRule;
use slipway_core::{Deployment, DeploymentId, Status};

use super::plan::{Draft, Plan};

impl Plan {
    /// The newest by creation. Creation never changes, so only new deployments can take the place of the one so far.
    pub(super) fn decide_latest(&mut self) -> Option<DeploymentId> {
        let candidates = self
            .drafts
            .values()
            .filter(|draft| draft.before.is_none() || self.application.last_deployment_id == Some(draft.deployment.id));
        let newest = candidates
            .map(|draft| (draft.deployment.created_at, draft.deployment.id))
            .max();
        let Some((_, latest)) = newest else {
            return self.application.last_deployment_id;
        };
        for draft in self.drafts.values_mut() {
            draft.deployment.is_latest = draft.deployment.id == latest;
        }
        Some(latest)
    }

    /// The one that runs now, as the provider's rule says.
    pub(super) fn decide_live(&mut self, rule: LiveRule) -> Option<DeploymentId> {
        let before = self.application.live_deployment_id;
        let live = match rule {
            LiveRule::Reported => self.reported_live(),
            LiveRule::LastSucceeded => self.last_succeeded_live(),
        };
        for draft in self.drafts.values_mut() {
            let deployment = &mut draft.deployment;
            let is_live = Some(deployment.id) == live;
            deployment.is_live = match (rule, deployment.tracked.details.is_live) {
                (LiveRule::Reported, None) if !is_live => None,
                _ => Some(is_live),
            };
            if is_live {
                deployment.superseded_by_id = None;
            } else if Some(deployment.id) == before && live.is_some() {
                deployment.superseded_by_id = live;
            }
        }
        live
    }

    /// Where the provider marks it: the newest that carries the mark. The one so far keeps it until the provider takes it
    /// away or gives it to another.
    fn reported_live(&self) -> Option<DeploymentId> {
        let before = self.application.live_deployment_id;
        let marked = |draft: &&Draft| draft.deployment.tracked.details.is_live == Some(true);
        let newest = |drafts: &mut dyn Iterator<Item = &Draft>| {
            drafts
                .map(|draft| (draft.deployment.created_at, draft.deployment.id))
                .max()
                .map(|(_, id)| id)
        };
        let newly_marked = self
            .drafts
            .values()
            .filter(marked)
            .filter(|draft| Some(draft.deployment.id) != before);
        newest(&mut newly_marked.into_iter()).or_else(|| match before.map(|id| (id, self.drafts.get(&id))) {
            Some((_, Some(draft))) if draft.deployment.tracked.details.is_live == Some(false) => None,
            _ => before,
        })
    }

    /// Where the provider marks none: the one that succeeded last, by its finish, else by its creation.
    fn last_succeeded_live(&self) -> Option<DeploymentId> {
        let succeeded = self
            .drafts
            .values()
            .filter(|draft| draft.deployment.tracked.status() == Status::Succeeded);
        let newest = succeeded
            .map(|draft| {
                let Deployment {
                    id,
                    created_at,
                    tracked,
                    ..
                } = &draft.deployment;
                (tracked.finished_at.unwrap_or(*created_at), *id)
            })
            .max();
        let before = self.application.live_deployment_id;
        match newest {
            Some((_, id)) => Some(id),
            // Not looked at in this batch, so nothing about it changed.
            None => before.filter(|id| !self.drafts.contains_key(id)),
        }
    }
}
