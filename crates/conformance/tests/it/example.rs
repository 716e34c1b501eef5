//! A tiny adapter over a platform in memory, right in everything unless one thing is made wrong.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt};
use serde_json::json;
use slipway_conformance::{Course, Fault, Subject, World};
use slipway_core::deployment::{DeploymentDetails, Git};
use slipway_core::page::{Page, PageToken};
use slipway_core::provider::{
    Accepted, ApplicationRef, Arrival, Capabilities, ErrorKind, PlannedCall, Provider, ProviderError, ProviderInfo,
    Revision, SharedProvider, StatusMapping, StreamItem, Support, UnansweredCall, WebhookHint, WebhookRequest, Write,
    check_git_ref,
};
use slipway_core::{ApplicationObservation, Authority, DeploymentObservation, State, Status};
use time::OffsetDateTime;
use tokio::sync::mpsc;

const APPLICATION: &str = "app-1";
const PAGE: usize = 2;
const TOKEN: &str = "s3cret-token";
const SILENCE: Duration = Duration::from_millis(300);

/// One thing that the adapter does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    ListsApplicationsTwice,
    ListsOldestFirst,
    SendsForeignTokens,
    ForgetsNames,
    ReadsOthersThanListed,
    FindsEverything,
    EndsTooEarly,
    TakesUnknownForFailed,
    HasNoTable,
    InventsNoEnd,
    EndsWhileRunning,
    TriggersTwice,
    ClaimsOlder,
    FindsNoReference,
    SendsBadRevisions,
    PlansWithRequests,
    RedeploysTheNewest,
    RedeploysNobodyKnowsWhat,
    RollsBackToTheNewest,
    CancelsNothing,
    CancelsOnce,
    CancelsTheDead,
    CutsLogs,
    HasLogsOfNothing,
    StreamsNoEnd,
    StreamsLogsBackwards,
    OutlivesItsConnection,
    WaitsForEver,
    KeepsExpiredTokens,
    HintsElsewhere,
    TakesForeignWebhooks,
    AsksWhenThrottled,
    TakesFailureForRefusal,
    TakesGarbageForNothing,
    TakesHalfForWhole,
    StumblesOverNulls,
    MistakesRefusals,
    DeniesWhatItDid,
    ClaimsWhatWasRefused,
    AsksForWhatIsNotOffered,
    ShowsItsToken,
    FollowsRedirects,
    FollowsForeignLinks,
}

#[derive(Debug, Clone)]
struct Row {
    id: u64,
    course: Course,
    is_over: bool,
    is_canceled: bool,
    git_ref: Option<String>,
    by_call: bool,
    reference: Option<String>,
}

#[derive(Debug, Default)]
struct Platform {
    rows: Vec<Row>,
    requests: usize,
    fault: Option<Fault>,
    is_token_old: bool,
    listeners: Vec<mpsc::UnboundedSender<StreamItem>>,
}

fn at(second: u64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_000 * second)
}

impl Row {
    fn new(id: u64, course: Course) -> Self {
        Self {
            id,
            course,
            is_over: false,
            is_canceled: false,
            git_ref: None,
            by_call: false,
            reference: None,
        }
    }

    fn status(&self) -> (&'static str, Status) {
        match (self.is_over, self.is_canceled, self.course) {
            (false, _, _) => ("working", Status::InProgress),
            (true, true, _) => ("stopped", Status::Canceled),
            (true, false, Course::Succeeds) => ("fine", Status::Succeeded),
            (true, false, Course::Fails) => ("broken", Status::Failed),
        }
    }

    fn log(&self) -> String {
        let lines = if self.is_over { 3 } else { 1 };
        (1..=lines).map(|line| format!("line {line}\n")).collect()
    }
}

static INFO: ProviderInfo = ProviderInfo {
    name: "example",
    display_name: "Example",
    documentation_url: "https://example.com/deployments",
    status_mappings: &[mapping("fine", Status::Succeeded), mapping("broken", Status::Failed)],
};

static BARE: ProviderInfo = ProviderInfo {
    name: "example",
    display_name: "Example",
    documentation_url: "https://example.com/deployments",
    status_mappings: &[],
};

const fn mapping(provider_status: &'static str, status: Status) -> StatusMapping {
    StatusMapping {
        provider_status,
        status,
        phase: None,
        failure_reason: None,
    }
}

type Shared = Arc<Mutex<Platform>>;

fn lock(platform: &Shared) -> MutexGuard<'_, Platform> {
    platform.lock().expect("no test panics with it")
}

struct Example {
    platform: Shared,
    wrong: Option<Wrong>,
    offers_everything: bool,
    is_throttled: AtomicBool,
}

impl std::fmt::Debug for Example {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let token = if self.is(Wrong::ShowsItsToken) { TOKEN } else { "…" };
        f.debug_struct("Example").field("token", &token).finish()
    }
}

fn problem(kind: ErrorKind, message: &str) -> ProviderError {
    ProviderError::new(kind, "example", "call", message)
}

impl Example {
    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }

    /// One request: counted, and gone wrong as the fault wants it. What it does is done before that.
    async fn ask<T>(&self, is_write: bool, work: impl FnOnce(&mut Platform) -> T) -> Result<T, ProviderError> {
        if self.is_throttled.load(Ordering::SeqCst) && !self.is(Wrong::AsksWhenThrottled) {
            let error = problem(ErrorKind::RateLimited, "later");
            return Err(error.with_retry_after(Some(Duration::from_secs(1))));
        }
        let fault = {
            let mut platform = lock(&self.platform);
            platform.requests += 1;
            platform.fault.clone()
        };
        let open = |error: ProviderError| {
            if is_write && !self.is(Wrong::DeniesWhatItDid) {
                error.possibly_applied()
            } else {
                error
            }
        };
        let unless = |wrong, kind, otherwise| if self.is(wrong) { otherwise } else { kind };
        match fault {
            Some(Fault::Throttled) => {
                self.is_throttled.store(true, Ordering::SeqCst);
                let error = problem(ErrorKind::RateLimited, "later");
                Err(error.with_retry_after(Some(Duration::from_secs(1))))
            }
            Some(Fault::Status(403)) => {
                let error = problem(
                    unless(
                        Wrong::MistakesRefusals,
                        ErrorKind::PermissionDenied,
                        ErrorKind::NotFound,
                    ),
                    "no",
                );
                Err(if self.is(Wrong::ClaimsWhatWasRefused) {
                    error.possibly_applied()
                } else {
                    error
                })
            }
            Some(Fault::Status(422)) => Err(problem(ErrorKind::InvalidRequest, "no such revision")),
            Some(Fault::Status(401)) => Err(problem(ErrorKind::Unauthenticated, "who")),
            Some(Fault::Status(_)) => {
                let kind = unless(
                    Wrong::TakesFailureForRefusal,
                    ErrorKind::Unavailable,
                    ErrorKind::InvalidRequest,
                );
                Err(open(problem(kind, "down")))
            }
            Some(Fault::Garbage) if !self.is(Wrong::TakesGarbageForNothing) => {
                Err(open(problem(ErrorKind::Protocol, "garbage")))
            }
            Some(Fault::Truncated) if !self.is(Wrong::TakesHalfForWhole) => {
                Err(open(problem(ErrorKind::Unavailable, "half")))
            }
            Some(Fault::DropAfter | Fault::BrokenAfter) => {
                work(&mut lock(&self.platform));
                Err(open(problem(ErrorKind::Unavailable, "no answer")))
            }
            Some(Fault::Redirect(url)) => {
                if self.is(Wrong::FollowsRedirects) {
                    let host = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
                    let _connection = tokio::net::TcpStream::connect(host).await;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(problem(ErrorKind::Protocol, "a redirect"))
            }
            _ => Ok(work(&mut lock(&self.platform))),
        }
    }

    fn seen(&self, row: &Row, fault: Option<&Fault>, authority: Authority) -> DeploymentObservation {
        let (word, mut status) = row.status();
        let mut unmapped = None;
        let mut is_over = row.is_over;
        if fault == Some(&Fault::InventedStatus) {
            status = if self.is(Wrong::TakesUnknownForFailed) {
                Status::Failed
            } else {
                Status::Unknown
            };
            unmapped = Some("levitating".to_owned());
        }
        if fault == Some(&Fault::NullFields) {
            (status, is_over) = (Status::Queued, false);
        }
        if self.is(Wrong::EndsTooEarly) && !is_over {
            (status, is_over) = (Status::Succeeded, true);
        }
        let has_end = (row.is_over || self.is(Wrong::EndsWhileRunning)) && !self.is(Wrong::InventsNoEnd);
        DeploymentObservation {
            provider_deployment_id: row.id.to_string(),
            state: State {
                is_finished: is_over,
                provider_status: Some(word.to_owned()),
                ..State::new(status, authority)
            },
            finished_at: (has_end && authority == Authority::Rest).then(|| at(row.id) + Duration::from_secs(60)),
            details: DeploymentDetails {
                created_at: Some(at(row.id)),
                git: Git {
                    r#ref: row.git_ref.clone(),
                    ..Git::default()
                },
                ..DeploymentDetails::default()
            },
            raw: None,
            unmapped_status: unmapped,
        }
    }

    async fn begin(&self, git_ref: Option<String>, reference: &str) -> Result<Accepted, ProviderError> {
        let copies = if self.is(Wrong::TriggersTwice) { 2 } else { 1 };
        let row = self.ask(true, |platform| {
            for _ in 0..copies {
                let id = platform.rows.len() as u64 + 1;
                platform.rows.push(Row {
                    git_ref: git_ref.clone(),
                    by_call: true,
                    reference: Some(reference.to_owned()),
                    ..Row::new(id, Course::Succeeds)
                });
            }
            platform.rows[platform.rows.len() - 1].clone()
        });
        Ok(Accepted {
            deployment: Some(self.seen(&row.await?, None, Authority::Rest)),
            is_queued: false,
        })
    }

    fn revision(&self, revision: &Revision, is_rollback: bool) -> Result<Option<String>, ProviderError> {
        let is_moved = self.is(if is_rollback {
            Wrong::RollsBackToTheNewest
        } else {
            Wrong::RedeploysTheNewest
        });
        match revision.git_sha.clone() {
            Some(_) if is_moved => Ok(Some("main".to_owned())),
            None if !self.is(Wrong::RedeploysNobodyKnowsWhat) => {
                Err(problem(ErrorKind::Conflict, "of what?").with_reason("source_unknown"))
            }
            sha => Ok(sha),
        }
    }

    fn unsupported(&self) -> ProviderError {
        if self.is(Wrong::AsksForWhatIsNotOffered) {
            lock(&self.platform).requests += 1;
        }
        ProviderError::unsupported("example", "call")
    }
}

#[async_trait]
impl Provider for Example {
    fn info(&self) -> &'static ProviderInfo {
        if self.is(Wrong::HasNoTable) { &BARE } else { &INFO }
    }

    fn capabilities(&self) -> Capabilities {
        if !self.offers_everything {
            return Capabilities::default();
        }
        Capabilities {
            trigger: Support::Supported,
            trigger_with_revision: true,
            redeploy: Support::Supported,
            cancel: Support::Supported,
            rollback: Support::Emulated,
            call_reference: true,
            read_logs: true,
            follow_logs: true,
            follow_status: true,
            webhooks: true,
            ..Capabilities::default()
        }
    }

    async fn list_applications(
        &self,
        _page: Option<&PageToken>,
    ) -> Result<Page<ApplicationObservation>, ProviderError> {
        self.ask(false, |_| ()).await?;
        let copies = if self.is(Wrong::ListsApplicationsTwice) { 2 } else { 1 };
        Ok(Page {
            items: std::iter::repeat_n(application(APPLICATION), copies).collect(),
            next: None,
        })
    }

    async fn get_application(&self, id: &str) -> Result<ApplicationObservation, ProviderError> {
        self.ask(false, |_| ()).await?;
        if id != APPLICATION && !self.is(Wrong::FindsEverything) {
            return Err(problem(ErrorKind::NotFound, "no such application"));
        }
        Ok(application(if self.is(Wrong::ForgetsNames) {
            "x"
        } else {
            APPLICATION
        }))
    }

    async fn list_deployments(
        &self,
        of: &ApplicationRef,
        page: Option<&PageToken>,
    ) -> Result<Page<DeploymentObservation>, ProviderError> {
        let number = match page.map(|page| page.0.parse::<usize>()) {
            None => 0,
            Some(Ok(number)) => number,
            Some(Err(_)) => {
                if self.is(Wrong::SendsForeignTokens) {
                    self.ask(false, |_| ()).await?;
                }
                return Err(problem(ErrorKind::InvalidRequest, "no page token"));
            }
        };
        let (mut rows, fault) = self
            .ask(false, |platform| (platform.rows.clone(), platform.fault.clone()))
            .await?;
        if of.provider_application_id != APPLICATION && !self.is(Wrong::FindsEverything) {
            return Err(problem(ErrorKind::NotFound, "no such application"));
        }
        if !self.is(Wrong::ListsOldestFirst) {
            rows.reverse();
        }
        if self.is(Wrong::StumblesOverNulls) && fault == Some(Fault::NullFields) {
            rows.clear();
        }
        let more = rows.len() > (number + 1) * PAGE;
        let rows = rows.iter().skip(number * PAGE).take(PAGE);
        Ok(Page {
            items: rows
                .map(|row| self.seen(row, fault.as_ref(), Authority::Rest))
                .collect(),
            next: more.then(|| PageToken((number + 1).to_string())),
        })
    }

    async fn get_deployment(&self, _: &ApplicationRef, id: &str) -> Result<DeploymentObservation, ProviderError> {
        let rows = self.ask(false, |platform| platform.rows.clone()).await?;
        let found = rows.iter().find(|row| row.id.to_string() == id);
        let found = found.or(rows.first().filter(|_| self.is(Wrong::FindsEverything)));
        let mut seen = self.seen(
            found.ok_or_else(|| problem(ErrorKind::NotFound, "none"))?,
            None,
            Authority::Rest,
        );
        if self.is(Wrong::ReadsOthersThanListed) {
            seen.details.kind = Some("single".to_owned());
        }
        Ok(seen)
    }

    async fn read_log(&self, _: &ApplicationRef, id: &str) -> Result<String, ProviderError> {
        if !self.offers_everything {
            return Err(self.unsupported());
        }
        let rows = self.ask(false, |platform| platform.rows.clone()).await?;
        match rows.iter().find(|row| row.id.to_string() == id) {
            Some(row) if row.is_over && self.is(Wrong::CutsLogs) => Ok("line 3\n".to_owned()),
            Some(row) => Ok(row.log()),
            None if self.is(Wrong::HasLogsOfNothing) => Ok(String::new()),
            None => Err(problem(ErrorKind::NotFound, "no log")),
        }
    }

    async fn follow(
        &self,
        _: &ApplicationRef,
    ) -> Result<BoxStream<'static, Result<StreamItem, ProviderError>>, ProviderError> {
        if !self.offers_everything {
            return Err(self.unsupported());
        }
        let fault = lock(&self.platform).fault.clone();
        if let Some(Fault::ForeignLinks(_)) = fault {
            let kind = if self.is(Wrong::FollowsForeignLinks) {
                ErrorKind::Unavailable
            } else {
                ErrorKind::Protocol
            };
            return Err(problem(kind, "another host"));
        }
        self.ask(false, |_| ()).await?;
        let (sender, receiver) = mpsc::unbounded_channel();
        {
            let mut platform = lock(&self.platform);
            if platform.is_token_old {
                platform.is_token_old = self.is(Wrong::KeepsExpiredTokens);
                return Err(problem(ErrorKind::Unauthenticated, "an old token"));
            }
            if platform.fault != Some(Fault::SilentStreams) {
                let _ = sender.send(StreamItem::Alive);
            }
            if let Some(row) = platform.rows.last().filter(|row| !row.is_over) {
                let _ = sender.send(StreamItem::Deployment(Box::new(self.seen(
                    row,
                    None,
                    Authority::Stream,
                ))));
            }
            platform.listeners.push(sender.clone());
        }
        let wrong = self.wrong;
        // Holding a sender of one's own hides that the platform let go of its own.
        let held = (wrong == Some(Wrong::OutlivesItsConnection)).then_some(sender);
        let patience = if wrong == Some(Wrong::WaitsForEver) || held.is_some() {
            Duration::from_secs(3600)
        } else {
            SILENCE
        };
        Ok(stream::unfold(Some((receiver, held)), move |state| async move {
            let (mut receiver, held) = state?;
            match tokio::time::timeout(patience, receiver.recv()).await {
                Err(_) => Some((Err(problem(ErrorKind::Unavailable, "silence")), None)),
                Ok(None) => None,
                Ok(Some(item)) => Some((Ok(item), Some((receiver, held)))),
            }
        })
        .boxed())
    }

    fn plan_write(&self, _: &ApplicationRef, write: &Write) -> Result<PlannedCall, ProviderError> {
        if !self.offers_everything {
            return Err(self.unsupported());
        }
        if self.is(Wrong::PlansWithRequests) {
            lock(&self.platform).requests += 1;
        }
        let git_ref = match write {
            Write::Trigger(request) => request.git_ref.clone().unwrap_or_default(),
            _ => "main".to_owned(),
        };
        check_git_ref(&git_ref).map_err(|fault| problem(ErrorKind::InvalidRequest, &fault.to_string()))?;
        Ok(PlannedCall {
            method: "POST",
            url: "https://example.com/deployments".to_owned(),
            body: Some(json!({"git_ref": git_ref})),
            warnings: Vec::new(),
        })
    }

    async fn write(&self, _: &ApplicationRef, write: &Write, reference: &str) -> Result<Accepted, ProviderError> {
        if !self.offers_everything {
            return Err(self.unsupported());
        }
        match write {
            Write::Trigger(request) => {
                let git_ref = request.git_ref.clone().unwrap_or_default();
                if !self.is(Wrong::SendsBadRevisions) {
                    check_git_ref(&git_ref).map_err(|fault| problem(ErrorKind::InvalidRequest, &fault.to_string()))?;
                }
                self.begin(Some(git_ref), reference).await
            }
            Write::Redeploy(revision) => self.begin(self.revision(revision, false)?, reference).await,
            Write::Rollback(revision) => self.begin(self.revision(revision, true)?, reference).await,
            Write::Cancel { provider_deployment_id } => {
                let wrong = self.wrong;
                let done = self.ask(true, |platform| {
                    let row = platform
                        .rows
                        .iter_mut()
                        .find(|row| row.id.to_string() == *provider_deployment_id);
                    let row = row.ok_or_else(|| problem(ErrorKind::NotFound, "none"))?;
                    if row.is_over && wrong != Some(Wrong::CancelsTheDead) {
                        return Err(problem(ErrorKind::Conflict, "over"));
                    }
                    if row.is_canceled && wrong == Some(Wrong::CancelsOnce) {
                        return Err(problem(ErrorKind::NotFound, "twice"));
                    }
                    row.is_canceled = wrong != Some(Wrong::CancelsNothing);
                    Ok(())
                });
                done.await?.map(|()| Accepted::default())
            }
        }
    }

    async fn find_write(&self, _: &ApplicationRef, reference: &str) -> Result<Option<Arrival>, ProviderError> {
        if !self.offers_everything {
            return Err(self.unsupported());
        }
        let rows = self.ask(false, |platform| platform.rows.clone()).await?;
        let found = rows.iter().find(|row| row.reference.as_deref() == Some(reference));
        Ok(found.filter(|_| !self.is(Wrong::FindsNoReference)).map(|row| Arrival {
            started_at: None,
            is_finished: row.is_over,
            succeeded: None,
        }))
    }

    fn may_result_from(&self, deployment: &DeploymentObservation, call: &UnansweredCall<'_>) -> bool {
        let id = |text: &str| text.parse::<u64>().unwrap_or(0);
        let is_new = call
            .highest_known_id
            .is_none_or(|highest| id(&deployment.provider_deployment_id) > id(highest));
        (is_new || self.is(Wrong::ClaimsOlder)) && call.fits_revision(&deployment.details.git)
    }

    fn read_webhook(&self, webhook: &WebhookRequest<'_>) -> Result<WebhookHint, ProviderError> {
        if !self.offers_everything {
            return Err(self.unsupported());
        }
        if !webhook.body.starts_with(b"example:") && !self.is(Wrong::TakesForeignWebhooks) {
            return Err(problem(ErrorKind::Protocol, "not ours"));
        }
        let application = if self.is(Wrong::HintsElsewhere) {
            "elsewhere"
        } else {
            APPLICATION
        };
        Ok(WebhookHint {
            provider_application_id: Some(application.to_owned()),
            is_relevant: true,
            ..WebhookHint::default()
        })
    }
}

fn application(id: &str) -> ApplicationObservation {
    ApplicationObservation {
        provider_application_id: id.to_owned(),
        name: id.to_owned(),
        environment: None,
        region: None,
        url: None,
        provider_url: None,
        git_repository: None,
        git_branch: None,
        provider_status: None,
        health: None,
        owner: None,
        created_at: None,
        activity: None,
        is_busy: false,
    }
}

/// The adapter, and what is wrong with it.
pub(crate) struct ExampleSubject {
    pub(crate) wrong: Option<Wrong>,
    pub(crate) offers_everything: bool,
    pub(crate) deviations: Vec<slipway_conformance::Deviation>,
}

#[async_trait]
impl Subject for ExampleSubject {
    async fn world(&self) -> Box<dyn World> {
        let over = |id| Row {
            is_over: true,
            ..Row::new(id, Course::Succeeds)
        };
        let platform: Shared = Arc::new(Mutex::new(Platform {
            rows: (1..=5).map(over).collect(),
            ..Platform::default()
        }));
        let provider = Arc::new(Example {
            platform: Arc::clone(&platform),
            wrong: self.wrong,
            offers_everything: self.offers_everything,
            is_throttled: AtomicBool::new(false),
        });
        Box::new(ExampleWorld { platform, provider })
    }

    fn deviations(&self) -> &[slipway_conformance::Deviation] {
        &self.deviations
    }
}

struct ExampleWorld {
    platform: Shared,
    provider: Arc<Example>,
}

impl ExampleWorld {
    fn tell(&self, row: &Row) {
        let mut items: Vec<_> = row
            .log()
            .lines()
            .map(|line| StreamItem::Log {
                provider_deployment_id: row.id.to_string(),
                content: line.to_owned(),
            })
            .collect();
        if self.provider.is(Wrong::StreamsLogsBackwards) {
            items.reverse();
        }
        if !row.is_over {
            items.clear();
        }
        if !(row.is_over && self.provider.is(Wrong::StreamsNoEnd)) {
            items.push(StreamItem::Deployment(Box::new(self.provider.seen(
                row,
                None,
                Authority::Stream,
            ))));
        }
        for listener in &lock(&self.platform).listeners {
            for item in &items {
                let _ = listener.send(item.clone());
            }
        }
    }
}

impl World for ExampleWorld {
    fn provider(&self) -> SharedProvider {
        let provider: SharedProvider = self.provider.clone();
        provider
    }

    fn application(&self) -> ApplicationRef {
        ApplicationRef {
            provider_application_id: APPLICATION.to_owned(),
            name: APPLICATION.to_owned(),
        }
    }

    fn application_ids(&self) -> Vec<String> {
        vec![APPLICATION.to_owned()]
    }

    fn deployment_ids(&self) -> Vec<String> {
        lock(&self.platform)
            .rows
            .iter()
            .rev()
            .map(|row| row.id.to_string())
            .collect()
    }

    fn requests(&self) -> usize {
        lock(&self.platform).requests
    }

    fn deployments_made(&self) -> usize {
        lock(&self.platform).rows.iter().filter(|row| row.by_call).count()
    }

    fn start(&self, course: Course) -> String {
        let row = {
            let mut platform = lock(&self.platform);
            let row = Row::new(platform.rows.len() as u64 + 1, course);
            platform.rows.push(row.clone());
            row
        };
        self.tell(&row);
        row.id.to_string()
    }

    fn finish(&self) {
        let over: Vec<Row> = {
            let mut platform = lock(&self.platform);
            let running = platform.rows.iter_mut().filter(|row| !row.is_over);
            running
                .map(|row| {
                    row.is_over = true;
                    row.clone()
                })
                .collect()
        };
        over.iter().for_each(|row| self.tell(row));
    }

    fn fail(&self, fault: &Fault) {
        let mut platform = lock(&self.platform);
        match fault {
            Fault::ExpireTokens => platform.is_token_old = true,
            Fault::DropStreams => platform.listeners.clear(),
            fault => platform.fault = Some(fault.clone()),
        }
    }

    fn heal(&self) {
        lock(&self.platform).fault = None;
    }

    fn webhooks(&self) -> Vec<Vec<u8>> {
        vec![b"example: app-1".to_vec()]
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.to_owned()]
    }
}
