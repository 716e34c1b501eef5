//! A way to PostgreSQL that can be cut: altogether, or between a commit and its answer.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Url;
use slipway_test_database::TestDatabase;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

use crate::messages::Said;

/// Passes connections on to a database, until it is cut: then the open ones break and new ones are closed at once.
#[derive(Debug)]
pub struct Wire {
    /// The database through this way.
    pub url: String,
    is_cut: Arc<watch::Sender<bool>>,
    trap: Trap,
    accepting: tokio::task::JoinHandle<()>,
}

/// The statement whose transaction's answer gets lost; none once that has happened.
type Trap = Arc<Mutex<Option<String>>>;

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[derive(Debug, Clone)]
enum Server {
    Socket(PathBuf),
    Address(String),
}

impl Wire {
    /// A way to this database.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn to(database: &TestDatabase) -> Self {
        let mut url: Url = database.url.parse().expect("a URL");
        let port = url.port().unwrap_or(5432);
        let folder = url
            .query_pairs()
            .find(|(name, _)| name == "host")
            .map(|(_, folder)| folder.into_owned());
        let server = match folder {
            Some(folder) => Server::Socket(PathBuf::from(folder).join(format!(".s.PGSQL.{port}"))),
            None => Server::Address(format!("{}:{port}", url.host_str().expect("a host"))),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        url.set_query(Some("sslmode=disable"));
        url.set_host(Some("127.0.0.1")).expect("an address");
        url.set_port(Some(listener.local_addr().expect("bound").port()))
            .expect("a port");
        let is_cut = Arc::new(watch::Sender::new(false));
        let switch = Arc::clone(&is_cut);
        let trap = Trap::default();
        let set = Arc::clone(&trap);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *switch.borrow() {
                    continue;
                }
                let (server, cut) = (server.clone(), switch.subscribe());
                tokio::spawn(pass(client, server, (cut, Arc::clone(&set))));
            }
        });
        Self {
            url: url.into(),
            is_cut,
            trap,
            accepting,
        }
    }

    /// Cuts it.
    pub fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    /// Mends it.
    pub fn mend(&self) {
        self.is_cut.send_replace(false);
    }

    /// Once: lets the next transaction that makes a statement with this text in it be committed, and breaks its connection
    /// before the answer passes. A statement of its own counts as a transaction.
    pub fn lose_answer_of(&self, statement: &str) {
        *self.trap.lock().unwrap_or_else(PoisonError::into_inner) = Some(statement.to_owned());
    }

    /// Whether that has happened.
    pub fn has_lost_it(&self) -> bool {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

type Switches = (watch::Receiver<bool>, Trap);

async fn pass(client: TcpStream, server: Server, switches: Switches) {
    match server {
        Server::Socket(path) => {
            if let Ok(server) = UnixStream::connect(path).await {
                join(client, server, switches).await;
            }
        }
        Server::Address(address) => {
            if let Ok(server) = TcpStream::connect(address).await {
                join(client, server, switches).await;
            }
        }
    }
}

async fn join(client: TcpStream, server: impl AsyncRead + AsyncWrite, (mut cut, trap): Switches) {
    let said = Mutex::new(Said::default());
    let (mut from_client, mut to_client) = split(client);
    let (mut from_server, mut to_server) = split(server);
    let asking = async {
        let mut bytes = vec![0; 16 * 1024];
        loop {
            let count = from_client.read(&mut bytes).await?;
            if count == 0 {
                return to_server.shutdown().await;
            }
            said.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(&bytes[..count]);
            to_server.write_all(&bytes[..count]).await?;
        }
    };
    let answering = async {
        let mut bytes = vec![0; 16 * 1024];
        loop {
            let count = from_server.read(&mut bytes).await?;
            let is_lost = {
                let mut trap = trap.lock().unwrap_or_else(PoisonError::into_inner);
                let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                let wanted = trap.as_deref();
                let is_lost = said.commits(wanted.unwrap_or_default(), &bytes[..count]) && wanted.is_some();
                if is_lost {
                    *trap = None;
                }
                is_lost
            };
            if count == 0 || is_lost {
                return io::Result::Ok(());
            }
            to_client.write_all(&bytes[..count]).await?;
        }
    };
    tokio::select! {
        // When the client is done the server hears of it, and closes.
        _ = async { asking.await.err().is_some() || std::future::pending().await } => {}
        _ = answering => {}
        _ = cut.wait_for(|is_cut| *is_cut) => {}
    }
}
