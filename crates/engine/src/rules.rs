//! What operators configure to say of applications what their provider does not: environment, owner and labels.

use ring::digest::{Context, SHA256};
use slipway_core::{Application, Labels};

/// One rule. An empty list matches everything; values of one list are alternatives, and every list must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// Kinds of platform.
    pub providers: Vec<String>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Patterns of names; `*` stands for any text.
    pub names: Vec<String>,
    /// Patterns of repositories; `*` stands for any text.
    pub git_repositories: Vec<String>,
    /// Environments that the provider itself gives.
    pub environments: Vec<String>,
    /// The environment that it gives.
    pub environment: Option<String>,
    /// The owner that it gives.
    pub owner: Option<String>,
    /// The labels that it gives.
    pub labels: Labels,
}

/// All rules, in their order: for each of environment, owner and every single label the first that matches and gives one
/// decides. What a provider says itself is never replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    rules: Vec<Rule>,
    hash: String,
}

/// What deployments carry of their application. When it changes, they are written again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    environment: Option<String>,
    labels: Labels,
    name: String,
}

impl Stamp {
    pub(crate) fn of(application: &Application) -> Self {
        Self {
            environment: application.environment.clone(),
            labels: application.labels.clone(),
            name: application.observed.name.clone(),
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Rules {
    /// Rules in their order.
    pub fn new(rules: Vec<Rule>) -> Self {
        let hash = hash(&rules);
        Self { rules, hash }
    }

    /// Differs when the rules differ.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Decides environment, owner and labels anew.
    pub fn apply(&self, application: &mut Application) {
        let matching = || self.rules.iter().filter(|rule| rule.matches(application));
        let environment = matching().find_map(|rule| rule.environment.clone());
        let owner = matching().find_map(|rule| rule.owner.clone());
        let mut labels = Labels::new();
        for (key, value) in matching().flat_map(|rule| &rule.labels) {
            labels.entry(key.clone()).or_insert_with(|| value.clone());
        }
        application.environment = application.observed.environment.clone().or(environment);
        application.owner = application.observed.owner.clone().or(owner);
        application.labels = labels;
    }
}

impl Rule {
    fn matches(&self, application: &Application) -> bool {
        let observed = &application.observed;
        is_among(&self.providers, Some(application.provider.as_str()))
            && is_among(&self.accounts, Some(application.account.as_str()))
            && is_like(&self.names, Some(observed.name.as_str()))
            && is_like(&self.git_repositories, observed.git_repository.as_deref())
            && is_among(&self.environments, observed.environment.as_deref())
    }
}

pub(crate) fn is_among(wanted: &[String], value: Option<&str>) -> bool {
    wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|wanted| wanted == value))
}

pub(crate) fn is_like(patterns: &[String], value: Option<&str>) -> bool {
    patterns.is_empty() || value.is_some_and(|value| patterns.iter().any(|pattern| matches(pattern, value)))
}

/// Whether `pattern`, in which `*` stands for any text, is like the whole of `text`.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(begin) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(end)
}

fn hash(rules: &[Rule]) -> String {
    let mut context = Context::new(&SHA256);
    // The form of a rule with derived names and order is what `Debug` writes; another release may apply rules differently.
    context.update(format!("{} {rules:?}", env!("CARGO_PKG_VERSION")).as_bytes());
    context.finish().as_ref()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use slipway_core::{AccountName, ApplicationId, ApplicationObservation, ProviderName};
    use time::macros::datetime;

    use super::*;

    const NOW: time::OffsetDateTime = datetime!(2026-01-01 12:00 UTC);

    fn application(name: &str, environment: Option<&str>) -> Application {
        Application {
            id: ApplicationId::new(NOW),
            provider: ProviderName::from("scalingo"),
            account: AccountName::from("main"),
            observed: ApplicationObservation {
                provider_application_id: name.to_owned(),
                name: name.to_owned(),
                environment: environment.map(ToOwned::to_owned),
                region: None,
                url: None,
                provider_url: None,
                git_repository: Some("https://github.com/acme/shop".to_owned()),
                git_branch: None,
                provider_status: None,
                health: None,
                owner: None,
                created_at: None,
                activity: None,
                is_busy: false,
            },
            environment: None,
            owner: None,
            labels: Labels::new(),
            last_deployment_id: None,
            live_deployment_id: None,
            first_seen_at: NOW,
            updated_at: NOW,
            archived_at: None,
            version: 1,
        }
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_first_rule_that_gives_something_decides_and_the_provider_before_all() {
        let rules = Rules::new(vec![
            Rule {
                names: words(&["*-staging"]),
                environment: Some("staging".to_owned()),
                labels: labels(&[("tier", "test")]),
                ..Rule::default()
            },
            Rule {
                git_repositories: words(&["*/acme/*"]),
                environment: Some("production".to_owned()),
                owner: Some("acme".to_owned()),
                labels: labels(&[("tier", "web"), ("team", "shop")]),
                ..Rule::default()
            },
            Rule {
                accounts: words(&["another"]),
                owner: Some("nobody".to_owned()),
                ..Rule::default()
            },
        ]);
        let mut staging = application("shop-staging", None);
        rules.apply(&mut staging);
        assert_eq!(staging.environment.as_deref(), Some("staging"));
        assert_eq!(staging.owner.as_deref(), Some("acme"));
        assert_eq!(staging.labels, labels(&[("team", "shop"), ("tier", "test")]));
        let mut told = application("shop", Some("canary"));
        rules.apply(&mut told);
        assert_eq!(told.environment.as_deref(), Some("canary"));
        assert_eq!(told.labels, labels(&[("team", "shop"), ("tier", "web")]));
        Rules::default().apply(&mut told);
        assert_eq!((told.owner, told.labels), (None, Labels::new()));
    }

    #[test]
    fn patterns() {
        for (pattern, text, is_like) in [
            ("shop", "shop", true),
            ("shop", "shops", false),
            ("shop*", "shop", true),
            ("*-staging", "shop-staging", true),
            ("*-staging", "shop-staging-2", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a*a", "a", false),
            ("*", "", true),
            ("*ab", "aab", true),
            ("ä*", "äb", true),
        ] {
            assert_eq!(matches(pattern, text), is_like, "{pattern} {text}");
        }
    }

    #[test]
    fn other_rules_have_another_hash() {
        let one = Rules::new(vec![Rule {
            names: words(&["a", "b"]),
            ..Rule::default()
        }]);
        let other = Rules::new(vec![Rule {
            names: words(&["a\", \"b"]),
            ..Rule::default()
        }]);
        assert_ne!(one.hash(), other.hash());
        assert_eq!(one.hash(), Rules::new(one.rules.clone()).hash());
    }
}
