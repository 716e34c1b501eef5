//! The applications of the world: names, ids, repositories and people that look like a real account.

use serde::{Deserialize, Serialize};

use crate::dice::Dice;

/// One of the two providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Cloud 66: stacks.
    Cloud66,
    /// Scalingo: apps.
    Scalingo,
}

impl Provider {
    /// The name as it stands in the control API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cloud66 => "cloud66",
            Self::Scalingo => "scalingo",
        }
    }
}

/// A stack of Cloud 66 or an app of Scalingo.
#[derive(Debug, Clone)]
pub(crate) struct Application {
    pub(crate) provider: Provider,
    /// Position in the world; never reused.
    pub(crate) index: usize,
    /// 32 hexadecimal digits (stack uid) or 24 (app id).
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) environment: String,
    /// None for stacks made of ready images: those have no commits.
    pub(crate) repository: Option<String>,
    pub(crate) branch: String,
    pub(crate) removed: bool,
}

/// A person (or robot) who deploys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    pub(crate) username: &'static str,
    pub(crate) email: &'static str,
}

/// The first one is the owner of the tokens; the last one is the robot of automatic deployments.
pub(crate) const USERS: [User; 6] = [
    User {
        username: "ada",
        email: "ada@harbour.example",
    },
    User {
        username: "grace",
        email: "grace@harbour.example",
    },
    User {
        username: "linus-k",
        email: "linus.k@harbour.example",
    },
    User {
        username: "maria",
        email: "maria.silva@harbour.example",
    },
    User {
        username: "yuki",
        email: "yuki@harbour.example",
    },
    User {
        username: "deploy-scm",
        email: "deploy-scm@scalingo.com",
    },
];

const SUBJECTS: [&str; 24] = [
    "billing",
    "checkout",
    "catalog",
    "search",
    "identity",
    "payments",
    "invoices",
    "shipping",
    "orders",
    "customers",
    "pricing",
    "reports",
    "media",
    "uploads",
    "mailer",
    "webhooks",
    "inventory",
    "analytics",
    "support",
    "partners",
    "loyalty",
    "booking",
    "maps",
    "feature-flags",
];
const KINDS: [&str; 10] = [
    "api",
    "web",
    "worker",
    "admin",
    "gateway",
    "site",
    "jobs",
    "sync",
    "importer",
    "dashboard",
];
const ENVIRONMENTS: [&str; 3] = ["production", "staging", "development"];

impl Application {
    /// The application at `index` of a world, before anybody added or removed one.
    pub(crate) fn drawn(seed: u64, provider: Provider, index: usize, nth_of_provider: usize) -> Self {
        let environments = ENVIRONMENTS.len();
        let project = nth_of_provider / environments;
        let offset = seed as usize % SUBJECTS.len() + if provider == Provider::Scalingo { 7 } else { 0 };
        let subject = SUBJECTS[(project + offset) % SUBJECTS.len()];
        let kind = KINDS[(project / SUBJECTS.len() + project % SUBJECTS.len() + offset) % KINDS.len()];
        let round = project / (SUBJECTS.len() * KINDS.len());
        let base = if round == 0 {
            format!("{subject}-{kind}")
        } else {
            format!("{subject}-{kind}-{}", round + 1)
        };
        let environment = ENVIRONMENTS[nth_of_provider % environments];
        Self::named(seed, provider, index, &base, environment)
    }

    /// An application with a chosen name; its ids follow from seed and index.
    pub(crate) fn named(seed: u64, provider: Provider, index: usize, base: &str, environment: &str) -> Self {
        let mut dice = Dice::new(seed, "application", index as u64);
        let (id_length, name) = match provider {
            Provider::Cloud66 => (32, base.to_owned()),
            // Scalingo has no environments: people put them into the name, which must be unique.
            Provider::Scalingo if environment == "production" => (24, base.to_owned()),
            Provider::Scalingo => (24, format!("{base}-{environment}")),
        };
        let id = dice.hex(id_length);
        let image_only = provider == Provider::Cloud66 && dice.percent(12);
        let repository = (!image_only).then(|| format!("harbour-example/{base}"));
        let branch = match environment {
            "production" => "main",
            "staging" => "staging",
            _ => "develop",
        };
        let (environment, branch) = (environment.to_owned(), branch.to_owned());
        Self {
            provider,
            index,
            id,
            name,
            environment,
            repository,
            branch,
            removed: false,
        }
    }
}
