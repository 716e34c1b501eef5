//! The gateway as a service: what lies in memory is answered at once, all else goes through the router.
//!
//! A handler whose answer is kept in memory hands out with it how to give it again ([`Again`]). Who asks for the same next, and
//! may see the same, gets it here: identified, counted, measured and logged by the functions that the router's layers are made
//! of, and without the layers, whose copies and boxes cost more than such an answer itself. Whatever is not so plain (a
//! credential that must be looked up, an answer that an event has touched) takes the usual way.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::hash::Hash;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::response::Response;
use bytes::Bytes;
use futures_util::future::{BoxFuture, Either};
use http::{HeaderMap, Method, Request};
use quick_cache::Equivalent;
use quick_cache::sync::Cache;
use slipway_store::Visibility;
use tower::Service;

use crate::auth::{Principal, Scopes};
use crate::metrics::RouteFigures;
use crate::middleware::{admit_at_once, at_once};
use crate::state::AppState;

/// How many questions are known by heart.
const QUESTIONS: usize = 4096;

/// The longest of them, in bytes.
const TARGET_MAX: usize = 512;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A question that can be answered from memory, as long as the answer is there.
pub(crate) trait Again: fmt::Debug + Send + Sync {
    /// The answer, or 304 for who has it. None where something would have to be read.
    fn answer(&self, state: &AppState, headers: &HeaderMap) -> Option<Response>;
}

/// On an answer from memory: how to give it again.
#[derive(Debug, Clone)]
pub(crate) struct Repeatable {
    again: Arc<dyn Again>,
    route: Option<Arc<RouteFigures>>,
}

impl Repeatable {
    /// Says of an answer that it can be given again.
    pub(crate) fn mark(response: &mut Response, again: impl Again + 'static) {
        response.extensions_mut().insert(Self {
            again: Arc::new(again),
            route: None,
        });
    }

    /// On which route it was asked for.
    pub(crate) fn came_by(&mut self, route: &Arc<RouteFigures>) {
        self.route = Some(Arc::clone(route));
    }
}

/// What was asked, and what the caller may do and see: all that an answer depends on beside the client's entity tags.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Question<T> {
    target: T,
    scopes: Scopes,
    visibility: Arc<Visibility>,
}

impl Equivalent<Question<Box<str>>> for Question<&str> {
    fn equivalent(&self, known: &Question<Box<str>>) -> bool {
        *known.target == *self.target && known.scopes == self.scopes && known.visibility == self.visibility
    }
}

impl<'a> Question<&'a str> {
    fn new(target: &'a str, principal: &Principal) -> Self {
        Self {
            target,
            scopes: principal.scopes,
            visibility: Arc::clone(&principal.visibility),
        }
    }
}

#[derive(Debug, Clone)]
struct Known {
    again: Arc<dyn Again>,
    route: Arc<RouteFigures>,
}

/// The whole gateway. Clones share what is known by heart.
#[derive(Debug, Clone)]
pub struct Front(Arc<Inner>);

struct Inner {
    state: AppState,
    router: Router,
    /// None: everything goes through the router.
    known: Option<Cache<Question<Box<str>>, Known>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}

impl Front {
    /// In front of a router.
    pub(crate) fn new(state: AppState, router: Router) -> Self {
        let settings = state.settings();
        // Where pages of others may read, each answer has to be looked at for them; where access is open, each request.
        let is_plain = settings.cors_origins.is_empty() && !settings.open_access;
        let known = (is_plain && settings.answer_cache_bytes > 0).then(|| Cache::new(QUESTIONS));
        Self(Arc::new(Inner { state, router, known }))
    }
}

impl Inner {
    /// Who asks, where that is known at once and the question is one that may be known by heart.
    fn asker<B: HttpBody>(&self, request: &Request<B>) -> Option<Principal> {
        let is_plain = self.known.is_some()
            && request.method() == Method::GET
            && request.body().is_end_stream()
            && target(request).len() <= TARGET_MAX;
        is_plain.then(|| admit_at_once(&self.state, request)?.ok()).flatten()
    }

    fn find<B>(&self, request: &Request<B>, principal: &Principal) -> Option<Known> {
        self.known.as_ref()?.get(&Question::new(target(request), principal))
    }

    fn remember(&self, target: Box<str>, principal: Principal, response: &mut Response) {
        if let Some(cache) = &self.known
            && let Some(repeatable) = response.extensions_mut().remove::<Repeatable>()
            && let Some(route) = repeatable.route
        {
            let question = Question {
                target,
                scopes: principal.scopes,
                visibility: principal.visibility,
            };
            let again = repeatable.again;
            cache.insert(question, Known { again, route });
        }
    }
}

fn target<B>(request: &Request<B>) -> &str {
    request.uri().path_and_query().map_or("", |target| target.as_str())
}

impl<B> Service<Request<B>> for Front
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Error>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response, Infallible>>, BoxFuture<'static, Result<Response, Infallible>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let began = Instant::now();
        let inner = &self.0;
        let asker = inner.asker(&request);
        let known = asker.as_ref().and_then(|asker| inner.find(&request, asker));
        if let (Some(asker), Some(known)) = (&asker, &known)
            && let Some(answer) = known.again.answer(&inner.state, request.headers())
        {
            let answer = at_once(&inner.state, &request, began, &known.route, asker, answer);
            return Either::Left(ready(Ok(answer)));
        }
        let to_learn = asker
            .filter(|_| known.is_none())
            .map(|asker| (target(&request).into(), asker));
        let answer = Service::call(&mut inner.router.clone(), request.map(Body::new));
        let inner = Arc::clone(inner);
        Either::Right(Box::pin(async move {
            let mut response = answer.await?;
            if let Some((target, asker)) = to_learn {
                inner.remember(target, asker, &mut response);
            }
            Ok(response)
        }))
    }
}
