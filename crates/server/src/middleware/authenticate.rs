//! Who asks: a bearer token, a ticket for a stream, a browser's session, or anybody where access is open.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Uri, header};

use super::Asked;
use crate::auth::{self, Allowance, Hold, Principal};
use crate::position;
use crate::problem::{Code, Problem};
use crate::state::AppState;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Parameters in which people put tokens.
const TELLTALE: [&str; 7] = [
    "token",
    "access_token",
    "auth_token",
    "api_key",
    "apikey",
    "authorization",
    "bearer",
];

/// The paths that take a ticket end like this.
const STREAM: &str = "/stream";

/// Lets in who has a token, within the limit of its requests, and says on every good answer which position in the event log
/// it shows. `next` is what is within.
pub(crate) async fn authenticate<A: Future<Output = Response>>(
    state: &AppState,
    mut request: Request,
    next: impl FnOnce(Request) -> A,
) -> Response {
    // Configured tokens, and those that were looked up lately, need no waiting.
    let admitted = match admit_at_once(state, &request) {
        Some(admitted) => admitted,
        None => Box::pin(admit(state, &mut request)).await,
    };
    let principal = match admitted {
        Ok(principal) => principal,
        Err(problem) => return with_challenge(problem).into_response(),
    };
    tracing::Span::current().record("principal", &*principal.name);
    let asked = Asked {
        principal_id: Arc::clone(&principal.id),
        principal: Arc::clone(&principal.name),
    };
    let counted = Counted::count(state, &principal);
    let mut response = match counted.refusal() {
        Some(problem) => problem.into_response(),
        None => {
            let head = state.feed().head();
            request.extensions_mut().insert(principal);
            let mut response = next(request).await;
            if let Some(head) = head
                && response.status().is_success()
                && !response.headers().contains_key(position::X_EVENT_CURSOR)
            {
                position::set(&mut response, &head);
            }
            response
        }
    };
    response.extensions_mut().insert(asked);
    counted.tell(&mut response);
    response
}

/// A request that was counted against what its principal may ask.
pub(super) struct Counted(Option<Allowance>);

impl Counted {
    pub(super) fn count(state: &AppState, principal: &Principal) -> Self {
        Self(state.rates().map(|rates| rates.take(&principal.id, Instant::now())))
    }

    /// Why it is not answered; none if it may be.
    pub(super) fn refusal(&self) -> Option<Problem> {
        let refused = self.0.filter(|allowance| !allowance.is_allowed)?;
        let problem = Problem::new(Code::RateLimited)
            .with_detail(format!("{} requests a minute are served; slow down", refused.limit))
            .with_retry_after(u16::try_from(refused.wait_seconds).unwrap_or(u16::MAX));
        Some(problem)
    }

    /// Says on the answer what is left.
    pub(super) fn tell(self, response: &mut Response) {
        let Some(allowance) = self.0 else { return };
        for (name, value) in [(RATE_LIMIT_POLICY, allowance.policy()), (RATE_LIMIT, allowance.state())] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
    }
}

/// What [`admit`] would say, where that is known without waiting.
pub(crate) fn admit_at_once<B>(state: &AppState, request: &http::Request<B>) -> Option<Result<Principal, Problem>> {
    if let Err(problem) = refuse_credentials_in_url(request.uri()) {
        return Some(Err(problem));
    }
    let secret = bearer(request.headers())?.ok()?;
    let address = auth::address(
        request.extensions(),
        request.headers(),
        &state.settings().trusted_proxies,
    );
    state.access().verify_at_once(secret, address)
}

async fn admit(state: &AppState, request: &mut Request) -> Result<Principal, Problem> {
    refuse_credentials_in_url(request.uri())?;
    if let Some(principal) = principal_of(state, request.extensions(), request.headers()).await? {
        return Ok(principal);
    }
    let path = request.uri().path();
    if path.ends_with(STREAM)
        && let Some(secret) = parameter(request, "ticket")
    {
        let taken = state.access().tickets.take(&secret).await?;
        let (stored, hold) = taken.ok_or_else(|| {
            Problem::new(Code::TicketExpired)
                .with_detail("the ticket is not known, or not usable any more: get another")
        })?;
        let principal = state.access().resolve(&stored).await?;
        request.extensions_mut().insert(Arc::new(Hold::Ticket(hold)));
        return Ok(principal);
    }
    if let Some(secret) = auth::cookie(request.headers()) {
        let found = state.access().sessions.find(secret).await?;
        if let Some((stored, hold)) = found {
            auth::refuse_cross_site(
                request.method(),
                request.headers(),
                state.settings().public_url.as_ref(),
            )?;
            let principal = state.access().resolve(&stored).await?;
            request.extensions_mut().insert(Arc::new(Hold::Session(hold)));
            return Ok(principal);
        }
    }
    if state.settings().open_access {
        // A page elsewhere must not act through the browser of whoever runs the gateway.
        if auth::tells_origin(request.headers()) {
            auth::refuse_cross_site(
                request.method(),
                request.headers(),
                state.settings().public_url.as_ref(),
            )?;
        }
        return Ok(Principal::open(state.settings().open_writes));
    }
    Err(Problem::new(Code::Unauthenticated).with_detail("this needs a token: send `Authorization: Bearer …`"))
}

/// Whose bearer token it is; none without one.
///
/// # Errors
/// [`Code::Unauthenticated`] and its like for credentials that are none of ours, or not any more.
pub(crate) async fn principal_of(
    state: &AppState,
    extensions: &Extensions,
    headers: &HeaderMap,
) -> Result<Option<Principal>, Problem> {
    let Some(secret) = bearer(headers) else {
        return Ok(None);
    };
    let secret = secret?;
    let address = auth::address(extensions, headers, &state.settings().trusted_proxies);
    let found = state.access().verify(secret, address).await;
    found.map(Some).map_err(with_challenge)
}

/// What a caller says that it has; none without credentials.
fn bearer(headers: &HeaderMap) -> Option<Result<&str, Problem>> {
    let credentials = headers.get(header::AUTHORIZATION)?;
    let secret = credentials.to_str().ok().and_then(|text| {
        let (scheme, secret) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
    });
    Some(secret.ok_or_else(|| {
        Problem::new(Code::Unauthenticated).with_detail("the credentials must be `Authorization: Bearer …`")
    }))
}

/// A token in a URL ends up in logs, histories and `Referer`.
fn refuse_credentials_in_url(uri: &Uri) -> Result<(), Problem> {
    let query = uri.query().unwrap_or_default();
    let told = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, value)| TELLTALE.contains(&&*name.to_ascii_lowercase()) || auth::looks_like_token(value));
    match told {
        None => Ok(()),
        Some((name, _)) => Err(Problem::new(Code::CredentialsInUrl)
            .with_detail(
                "a token never belongs in a URL: send `Authorization: Bearer …`, or get a ticket for a stream from \
                 `POST /stream-tickets`; treat the token as known to others",
            )
            .with_field(name, "not a place for a token")),
    }
}

fn parameter(request: &Request, name: &str) -> Option<String> {
    let query = request.uri().query()?;
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// Says how to authenticate, where that is what was wrong.
fn with_challenge(problem: Problem) -> Problem {
    let challenge = match problem.code() {
        Code::Unauthenticated => "Bearer realm=\"slipway\"",
        Code::TokenExpired | Code::TokenRevoked | Code::TicketExpired => {
            "Bearer realm=\"slipway\", error=\"invalid_token\""
        }
        _ => return problem,
    };
    problem.with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}
