//! Gateways over one database, of which some are always ending.

use std::sync::{Arc, PoisonError, RwLock};

use slipway_tests::{Case, Gateway, ServeOptions, Simulators};

/// Where replicas can be asked. A dead one's address stays until another takes its place.
pub(super) type Addresses = Arc<RwLock<Vec<slipway_tests::Api>>>;

pub(super) struct Replicas {
    running: Vec<Gateway>,
    addresses: Addresses,
    options: ServeOptions,
    started: usize,
}

impl Replicas {
    pub(super) async fn start(case: &Case, database_url: &str, simulators: &Simulators, count: usize) -> Self {
        let mut this = Self {
            running: Vec::new(),
            addresses: Addresses::default(),
            options: ServeOptions {
                database_url: Some(database_url.to_owned()),
                ..ServeOptions::default()
            },
            started: 0,
        };
        for _ in 0..count {
            let gateway = this.another(case, simulators).await;
            this.running.push(gateway);
        }
        this.tell();
        this
    }

    async fn another(&mut self, case: &Case, simulators: &Simulators) -> Gateway {
        self.started += 1;
        let options = self.options.named(&format!("replica-{}", self.started));
        Gateway::start(case, &options, simulators).await
    }

    fn tell(&self) {
        let addresses = self.running.iter().map(|gateway| gateway.api.clone()).collect();
        *self.addresses.write().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    pub(super) fn addresses(&self) -> Addresses {
        Arc::clone(&self.addresses)
    }

    pub(super) async fn event_cursor(&self) -> String {
        self.running[0].api.event_cursor().await
    }

    pub(super) fn pause(&self, index: usize) {
        self.running[index].process.signal_group(libc::SIGSTOP);
    }

    pub(super) fn resume_all(&self) {
        for gateway in &self.running {
            gateway.process.signal_group(libc::SIGCONT);
        }
    }

    /// Ends one and puts another in its place.
    pub(super) async fn replace(&mut self, case: &Case, simulators: &Simulators, index: usize, signal: i32) {
        let ending = self.running.remove(index);
        ending.process.signal_group(signal);
        ending.process.ended().await;
        let gateway = self.another(case, simulators).await;
        self.running.push(gateway);
        self.tell();
    }
}
