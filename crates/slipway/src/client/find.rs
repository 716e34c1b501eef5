//! Applications as people name them, and names for ids.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use slipway_api::{ApplicationList, ApplicationView, DeploymentList, DeploymentView};
use uuid::Uuid;

use super::{Client, Query};
use crate::failure::Failure;

/// How many names a search for near ones looks at: enough for most, and no load for a gateway with many.
const PAGES_MAX: usize = 10;
const NEAR_MAX: usize = 5;
/// Below this, two names have nothing to do with each other.
const NEAR_ENOUGH: f64 = 0.75;
/// Requests at a time.
const AT_ONCE: usize = 8;
/// From so many unknown names on, a page of all names is cheaper than one request each.
const WORTH_A_PAGE: usize = 5;

/// An application as a person names it: by id, by name, or as `account/name` or `provider/account/name`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) text: &'a str,
    /// Tells those apart that have one name.
    pub(crate) environment: Option<&'a str>,
}

impl Wanted<'_> {
    fn fits(&self, application: &ApplicationView) -> bool {
        let named = application.name == self.text || self.text == full_name(application);
        let named = named || self.text == format!("{}/{}", application.account, application.name);
        named
            && self
                .environment
                .is_none_or(|environment| application.environment.as_deref() == Some(environment))
    }
}

/// A name that says which one is meant, environment apart.
pub(crate) fn full_name(application: &ApplicationView) -> String {
    format!("{}/{}/{}", application.provider, application.account, application.name)
}

impl Client {
    /// The one application that is meant.
    pub(crate) async fn application(&self, wanted: Wanted<'_>) -> Result<ApplicationView, Failure> {
        let mut found = self.applications(wanted).await?;
        if found.len() == 1 {
            return found.pop().ok_or_else(|| Failure::usage("no application is named"));
        }
        let lines = found.iter().map(line).collect::<String>();
        let mut ways = Vec::new();
        if found.iter().any(|one| one.environment != found[0].environment) {
            ways.push("--environment");
        }
        if found.iter().any(|one| full_name(one) != full_name(&found[0])) {
            ways.push("provider/account/name");
        }
        ways.push("its id");
        Err(Failure::usage(format!(
            "{} applications are called `{}`; name one by {}:{lines}",
            found.len(),
            wanted.text,
            ways.join(" or by "),
        )))
    }

    /// All applications that may be meant: at least one.
    pub(crate) async fn applications(&self, wanted: Wanted<'_>) -> Result<Vec<ApplicationView>, Failure> {
        if let Ok(id) = Uuid::parse_str(wanted.text) {
            return match self.get(&["applications", &id.to_string()], &[]).await {
                Ok(answer) => Ok(vec![answer.json()?]),
                Err(refusal) if refusal.is_not_found() => Err(Failure::usage(format!(
                    "there is no application {id}, or this token may not see it; `slipway apps` shows those there are"
                ))),
                Err(refusal) => Err(refusal.into()),
            };
        }
        let mut parts = wanted.text.rsplitn(3, '/');
        let last = parts.next().unwrap_or_default();
        for name in BTreeSet::from([wanted.text, last]) {
            let is_sound = !name.is_empty() && !name.contains(',') && !name.chars().any(char::is_control);
            if !is_sound {
                continue;
            }
            let query = vec![("name", name.to_owned()), ("limit", "200".to_owned())];
            let list: ApplicationList = self.get(&["applications"], &query).await?.json()?;
            let found: Vec<_> = list.items.into_iter().filter(|item| wanted.fits(item)).collect();
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let all = self.some_applications().await?;
        let (found, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|item| wanted.fits(item));
        if found.is_empty() {
            Err(unknown(wanted, &others))
        } else {
            Ok(found)
        }
    }

    /// The first pages of all applications, by name.
    async fn some_applications(&self) -> Result<Vec<ApplicationView>, Failure> {
        let (mut all, mut cursor) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let mut query: Query = vec![("limit", "200".to_owned())];
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            let page: ApplicationList = self.get(&["applications"], &query).await?.json()?;
            all.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// The newest deployment of an application.
    pub(crate) async fn newest(&self, application: &ApplicationView) -> Result<DeploymentView, Failure> {
        let id = application.id.to_string();
        let query = [("limit", "1".to_owned())];
        let list: DeploymentList = self.get(&["applications", &id, "deployments"], &query).await?.json()?;
        let newest = list.items.into_iter().next();
        newest.ok_or_else(|| Failure::usage(format!("`{}` has no deployment yet", application.name)))
    }
}

fn unknown(wanted: Wanted<'_>, known: &[ApplicationView]) -> Failure {
    let text = wanted.text.to_lowercase();
    let last = text.rsplit('/').next().unwrap_or_default();
    let likeness = |item: &ApplicationView| {
        let name = item.name.to_lowercase();
        if name == last || (last.len() >= 3 && name.contains(last)) {
            return 1.0;
        }
        strsim::jaro_winkler(&name, last)
    };
    let mut near: Vec<(f64, &ApplicationView)> = known.iter().map(|item| (likeness(item), item)).collect();
    near.retain(|(likeness, _)| *likeness >= NEAR_ENOUGH);
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
    let lines: String = near.iter().take(NEAR_MAX).map(|(_, item)| line(item)).collect();
    let environment = wanted.environment.map(|name| format!(" in the environment `{name}`"));
    let sentence = format!(
        "there is no application `{}`{}",
        wanted.text,
        environment.unwrap_or_default()
    );
    let rest = match (known.is_empty(), lines.is_empty()) {
        (true, _) => "; this token sees none at all".to_owned(),
        (false, true) => "; `slipway apps` shows those there are".to_owned(),
        (false, false) => format!("; did you mean:{lines}"),
    };
    Failure::usage(sentence + &rest)
}

fn line(application: &ApplicationView) -> String {
    let environment = application.environment.as_deref().unwrap_or("no environment");
    let line = format!("{}  ({environment})  {}", full_name(application), application.id);
    format!("\n  {}", crate::terminal::on_one_line(&line))
}

/// Names of applications, asked for once.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<Uuid, String>);

impl Names {
    /// What is known already.
    pub(crate) fn add(&mut self, application: &ApplicationView) {
        self.0.insert(application.id, application.name.clone());
    }

    /// Asks for the names of these. What cannot be had is shown by its id: a name is never worth a failure.
    pub(crate) async fn fetch(&mut self, client: &Client, ids: impl IntoIterator<Item = Uuid>) {
        let mut missing: BTreeSet<Uuid> = ids.into_iter().filter(|id| !self.0.contains_key(id)).collect();
        if missing.len() >= WORTH_A_PAGE
            && let Ok(answer) = client.get(&["applications"], &[("limit", "200".to_owned())]).await
            && let Ok(list) = answer.json::<ApplicationList>()
        {
            list.items.iter().for_each(|item| self.add(item));
            missing.retain(|id| !self.0.contains_key(id));
        }
        let asked = missing.into_iter().map(async |id| {
            let answer = client.get(&["applications", &id.to_string()], &[]).await.ok()?;
            answer.json::<ApplicationView>().ok()
        });
        let found: Vec<_> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        found.iter().flatten().for_each(|item| self.add(item));
    }

    pub(crate) fn of(&self, id: Uuid) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }
}
