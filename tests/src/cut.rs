//! A way to PostgreSQL that can be cut.

use std::path::PathBuf;
use std::sync::Arc;

use reqwest::Url;
use slipway_test_database::TestDatabase;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// Passes connections on to a database, until it is cut: then the open ones break and new ones are closed at once.
#[derive(Debug)]
pub struct Wire {
    /// The database through this way.
    pub url: String,
    is_cut: Arc<watch::Sender<bool>>,
    accepting: tokio::task::JoinHandle<()>,
}

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
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *switch.borrow() {
                    continue;
                }
                let (server, cut) = (server.clone(), switch.subscribe());
                tokio::spawn(pass(client, server, cut));
            }
        });
        Self {
            url: url.into(),
            is_cut,
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
}

async fn pass(client: TcpStream, server: Server, cut: watch::Receiver<bool>) {
    match server {
        Server::Socket(path) => {
            if let Ok(server) = UnixStream::connect(path).await {
                join(client, server, cut).await;
            }
        }
        Server::Address(address) => {
            if let Ok(server) = TcpStream::connect(address).await {
                join(client, server, cut).await;
            }
        }
    }
}

async fn join(mut client: TcpStream, mut server: impl AsyncRead + AsyncWrite + Unpin, mut cut: watch::Receiver<bool>) {
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = cut.wait_for(|is_cut| *is_cut) => {}
    }
}
