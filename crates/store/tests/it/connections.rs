//! What a connection is like when it comes out of the pool.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use slipway_store::readers::{Reader, Readers};
use slipway_store::{PgConnectOptions, PgPool, StoreError, pool};
use slipway_test_database::TestDatabase;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;

/// Stands before the database and can keep its answers back.
struct Wire {
    options: PgConnectOptions,
    is_held: watch::Sender<bool>,
    folder: PathBuf,
}

impl Drop for Wire {
    fn drop(&mut self) {
        // What stays behind in the temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

async fn connect(options: &PgConnectOptions) -> std::io::Result<Box<dyn Duplex>> {
    let port = options.get_port();
    Ok(match options.get_socket() {
        Some(folder) => Box::new(UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).await?),
        None => Box::new(TcpStream::connect((options.get_host(), port)).await?),
    })
}

impl Wire {
    async fn before(database: &TestDatabase) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("slipway-wire-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let name = format!(".s.PGSQL.{}", database.options.get_port());
        let listener = UnixListener::bind(folder.join(name)).expect("a socket");
        let (is_held, held) = watch::channel(false);
        let server = database.options.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = tokio::io::split(connect(&server).await.expect("the database"));
                let mut held = held.clone();
                tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
                tokio::spawn(async move {
                    let mut buffer = vec![0; 64 * 1024];
                    while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
                        // Nobody who could release it any more: the test is over.
                        let Ok(_) = held.wait_for(|is_held| !is_held).await else {
                            return;
                        };
                        let Ok(()) = to_client.write_all(&buffer[..count]).await else {
                            return;
                        };
                    }
                });
            }
        });
        Self {
            options: database.options.clone().socket(&folder),
            is_held,
            folder,
        }
    }

    /// Begins a transaction and gives up before the answer is there, as a request does whose client goes away.
    async fn begin_and_give_up(&self, pool: &PgPool) {
        pool::ping(pool).await.expect("connected");
        while pool.num_idle() == 0 {
            tokio::task::yield_now().await;
        }
        self.is_held.send_replace(true);
        let answer = tokio::time::timeout(Duration::from_millis(20), pool::begin_snapshot(pool)).await;
        assert!(answer.is_err(), "the answer is kept back");
        self.is_held.send_replace(false);
    }
}

#[tokio::test]
async fn a_transaction_that_was_given_up_while_it_began_is_not_left_open() {
    let database = TestDatabase::create().await.expect("a database");
    let wire = Wire::before(&database).await;
    let pool = pool::connect_lazily(wire.options.clone(), 1);
    for round in 0..10 {
        wire.begin_and_give_up(&pool).await;
        // Within the transaction that was given up nothing could be written, or it would not be kept.
        sqlx::query("INSERT INTO unmapped_statuses VALUES ('test', $1, 1, now(), now())")
            .bind(round.to_string())
            .execute(&pool)
            .await
            .expect("a statement of its own");
        wire.begin_and_give_up(&pool).await;
        pool::ping(&pool).await.expect("a statement of its own");
        let snapshot = pool::begin_snapshot(&pool).await.expect("a new transaction");
        snapshot.commit().await.expect("it ends");
    }
    let kept = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM unmapped_statuses")
        .fetch_one(&database.pool)
        .await
        .expect("a count");
    assert_eq!(kept, 10);
}

async fn echo(reader: &mut Reader, number: i64) -> Result<i64, sqlx::Error> {
    let statement = sqlx::query_scalar("SELECT $1::bigint").bind(number);
    statement.fetch_one(&mut **reader).await
}

async fn backend(reader: &mut Reader) -> i32 {
    let statement = sqlx::query_scalar("SELECT pg_backend_pid()");
    statement.fetch_one(&mut **reader).await.expect("a process")
}

#[tokio::test]
async fn a_read_that_was_given_up_or_failed_leaves_nothing_to_whoever_comes_next() {
    let database = TestDatabase::create().await.expect("a database");
    let wire = Wire::before(&database).await;
    let pool = pool::connect_lazily(wire.options.clone(), 1);
    let readers = Readers::new(pool.clone(), 1);
    let mut first = readers.acquire().await.expect("a connection");
    let process = backend(&mut first).await;
    first.keep();
    for round in 0..10 {
        let mut reader = readers.acquire().await.expect("a connection");
        wire.is_held.send_replace(true);
        let answer = tokio::time::timeout(Duration::from_millis(20), echo(&mut reader, -1)).await;
        assert!(answer.is_err(), "the answer is kept back");
        drop(reader);
        wire.is_held.send_replace(false);
        let mut reader = readers.acquire().await.expect("a connection");
        assert_eq!(echo(&mut reader, round).await.expect("an answer"), round);
        let failed = sqlx::query("SELECT 1 / 0").execute(&mut *reader).await;
        assert!(failed.is_err());
        drop(reader);
    }
    let mut last = readers.acquire().await.expect("a connection");
    assert_eq!(backend(&mut last).await, process, "the connection was worth keeping");
    // Cut off by the server: the next gets another.
    sqlx::query("SELECT pg_terminate_backend($1)")
        .bind(process)
        .execute(&database.pool)
        .await
        .expect("ended");
    assert!(echo(&mut last, 1).await.is_err());
    drop(last);
    let mut other = readers.acquire().await.expect("a connection");
    assert_eq!(echo(&mut other, 1).await.expect("an answer"), 1);
    other.keep();
    pool.close().await;
    assert!(matches!(readers.acquire().await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn nothing_is_compiled_and_no_transaction_is_forgotten() {
    let database = TestDatabase::create().await.expect("a database");
    let pool = pool::connect_lazily(database.options.clone(), 1);
    let settings = async |conn: &mut slipway_store::PgConnection| {
        let statement =
            "SELECT current_setting('jit') || ' ' || current_setting('idle_in_transaction_session_timeout')";
        let settings = sqlx::query_scalar::<_, String>(statement).fetch_one(conn).await;
        settings.expect("the settings")
    };
    let mut pooled = pool.acquire().await.expect("a connection");
    assert_eq!(settings(&mut pooled).await, "off 5s");
    let mut reader = Readers::new(pool.clone(), 1).acquire().await.expect("a connection");
    assert_eq!(settings(&mut reader).await, "off 5s");
    reader.keep();
}
