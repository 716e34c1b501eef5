//! Where the live stream of each app is: asking costs one of few requests, and the answer seldom changes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use slipway_core::provider::ApplicationRef;
use slipway_provider_http::Url;

/// By id and name, because the URL names the app: one that was renamed is asked for anew.
#[derive(Debug, Default)]
pub(crate) struct StreamUrls(Mutex<HashMap<String, (String, Url)>>);

impl StreamUrls {
    pub(crate) fn find(&self, application: &ApplicationRef) -> Option<Url> {
        let kept = self.lock();
        let (name, url) = kept.get(&application.provider_application_id)?;
        (*name == application.name).then(|| url.clone())
    }

    pub(crate) fn keep(&self, application: &ApplicationRef, url: Url) {
        let (id, name) = (&application.provider_application_id, &application.name);
        self.lock().insert(id.clone(), (name.clone(), url));
    }

    pub(crate) fn forget(&self, application: &ApplicationRef) {
        self.lock().remove(&application.provider_application_id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (String, Url)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
