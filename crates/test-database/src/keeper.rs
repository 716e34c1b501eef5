//! The thread that keeps the server of this process, makes the databases and takes all away at the end.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use tokio::sync::{mpsc, oneshot};

use crate::Error;
use crate::names::{self, Run};
use crate::source::{self, Source};

/// How long a server may take until it accepts the first connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Created {
    pub(crate) name: String,
    pub(crate) options: PgConnectOptions,
    pub(crate) url: String,
}

enum Request {
    Create(oneshot::Sender<Result<Created, Error>>),
    ServerUrl(oneshot::Sender<Result<String, Error>>),
    Remove(String),
    End,
}

struct Keeper {
    requests: mpsc::UnboundedSender<Request>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// One server a process, whatever the number of tests and of their runtimes.
static KEEPER: OnceLock<Keeper> = OnceLock::new();

pub(crate) async fn create() -> Result<Created, Error> {
    ask(Request::Create).await
}

pub(crate) async fn server_url() -> Result<String, Error> {
    ask(Request::ServerUrl).await
}

pub(crate) fn remove(name: String) {
    if let Some(keeper) = KEEPER.get() {
        drop(keeper.requests.send(Request::Remove(name)));
    }
}

async fn ask<T>(request: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Request) -> Result<T, Error> {
    let (answer, answered) = oneshot::channel();
    drop(KEEPER.get_or_init(Keeper::start).requests.send(request(answer)));
    answered
        .await
        .unwrap_or_else(|_| Err(Error::new("the thread that keeps the server has ended")))
}

impl Keeper {
    fn start() -> Self {
        let (requests, received) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new()
            .name("test-database".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                if let Ok(runtime) = runtime {
                    runtime.block_on(keep(received));
                }
            });
        // Statics are not dropped, so the end of the process has to be told.
        // SAFETY: `end` is a plain function without arguments that does not unwind.
        unsafe {
            libc::atexit(end);
        }
        Self {
            requests,
            thread: Mutex::new(thread.ok()),
        }
    }
}

extern "C" fn end() {
    let Some(keeper) = KEEPER.get() else { return };
    drop(keeper.requests.send(Request::End));
    let thread = keeper.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(thread) = thread {
        drop(thread.join());
    }
}

async fn keep(mut requests: mpsc::UnboundedReceiver<Request>) {
    let mut server = Server::start().await;
    while let Some(request) = requests.recv().await {
        match (request, &mut server) {
            (Request::End, _) => break,
            (Request::Create(answer), Ok(server)) => {
                let created = server.create().await;
                if let Err(Ok(unwanted)) = answer.send(created) {
                    server.remove(&unwanted.name).await;
                }
            }
            (Request::ServerUrl(answer), Ok(server)) => drop(answer.send(Ok(server.source.url.clone()))),
            (Request::Remove(name), Ok(server)) => server.remove(&name).await,
            (Request::Create(answer), Err(error)) => drop(answer.send(Err(error.clone()))),
            (Request::ServerUrl(answer), Err(error)) => drop(answer.send(Err(error.clone()))),
            (Request::Remove(_), Err(_)) => {}
        }
    }
    if let Ok(server) = server {
        server.end().await;
    }
}

struct Server {
    source: Source,
    run: Run,
    /// Held all the time: its name tells others that this process lives.
    connection: PgConnection,
    template: String,
    made: u64,
}

impl Server {
    async fn start() -> Result<Self, Error> {
        let source = Source::find().await?;
        let run = Run::of_this_process();
        let mut connection = source.connect(run.name(), CONNECT_PATIENCE).await?;
        source::describe(&source, &mut connection).await;
        if let Err(error) = names::sweep(&mut connection).await {
            source::announce(&format!(
                "what an earlier test run left on the server stays there: {error}"
            ));
        }
        let template = run.template();
        names::create_database(&mut connection, &template, None)
            .await
            .map_err(Error::new)?;
        migrate(source::options(&source.url)?.database(&template)).await?;
        Ok(Self {
            source,
            run,
            connection,
            template,
            made: 0,
        })
    }

    async fn create(&mut self) -> Result<Created, Error> {
        self.made += 1;
        let name = self.run.database(self.made);
        names::create_database(&mut self.connection, &name, Some(&self.template))
            .await
            .map_err(Error::new)?;
        let url = source::url_of(&self.source.url, &name)?;
        Ok(Created {
            options: source::options(&url)?,
            url,
            name,
        })
    }

    /// Best effort: what stays goes with the server, or is swept by the next run.
    async fn remove(&mut self, name: &str) {
        drop(names::drop_database(&mut self.connection, name).await);
    }

    async fn end(mut self) {
        if matches!(self.source.kept, source::Kept::Nothing) {
            for number in 1..=self.made {
                let name = self.run.database(number);
                self.remove(&name).await;
            }
            let template = self.template.clone();
            self.remove(&template).await;
        }
        source::close(self.connection).await;
        self.source.stop().await;
    }
}

async fn migrate(options: PgConnectOptions) -> Result<(), Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await
        .map_err(Error::new)?;
    slipway_store::schema::migrate(&pool).await.map_err(Error::new)?;
    // A template must not be in use.
    pool.close().await;
    Ok(())
}
