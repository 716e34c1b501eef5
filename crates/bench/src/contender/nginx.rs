//! nginx: as a cache in front of a server, and with nchan as a broadcaster of events.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use super::{Packaged, Publisher, Template, find_program};
use crate::Result;
use crate::writer::now_us;

/// What is said where it is not there.
const MISSING: &str = "nginx is not installed: `apt-get install nginx libnginx-mod-nchan` on Debian";
/// Where Debian and others put modules.
const MODULES: [&str; 3] = [
    "/usr/lib/nginx/modules",
    "/usr/lib64/nginx/modules",
    "/usr/local/nginx/modules",
];

/// nginx with a cache of answers.
#[derive(Debug)]
pub(crate) struct Nginx(Packaged);

impl Nginx {
    /// In front of the server at this address.
    pub(crate) fn caching(upstream: &str) -> Result<Self> {
        start("nginx-cache", "", 2, |folder| {
            format!(
                "proxy_cache_path {}/cache keys_zone=answers:10m;\n\
                 server {{ listen LISTEN backlog=4096; location / {{ proxy_pass http://{upstream}; proxy_cache answers;\n\
                 proxy_cache_valid 200 1h; }} }}\n",
                folder.display()
            )
        })
        .map(Self)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        self.0.address.to_string()
    }
}

/// nginx with nchan.
#[derive(Debug)]
pub(crate) struct Nchan {
    server: Packaged,
    publisher: TcpStream,
    template: Template,
    number: u64,
    channel: u64,
    unanswered: usize,
    published_at: i64,
}

impl Nchan {
    /// Starts it.
    pub(crate) fn start(template: &Template) -> Result<Self> {
        let module = MODULES.map(|folder| Path::new(folder).join("ngx_nchan_module.so"));
        let module = module.iter().find(|file| file.is_file()).ok_or(MISSING)?;
        let module = format!("load_module {};\n", module.display());
        // One worker: with several they hand messages to each other, which costs more than it brings here.
        let server = start("nchan", &module, 1, |_| {
            "nchan_shared_memory_size 256m;\n\
             server { listen LISTEN backlog=4096;\n\
             location ~ ^/pub/(\\w+)$ { nchan_publisher; nchan_channel_id $1; nchan_message_buffer_length 1000;\n\
             nchan_message_timeout 10m; }\n\
             location ~ ^/sub/(\\w+)$ { nchan_subscriber eventsource; nchan_channel_id $1;\n\
             nchan_subscriber_first_message newest; } }\n"
                .to_owned()
        })?;
        let publisher = TcpStream::connect(server.address)?;
        publisher.set_nodelay(true)?;
        Ok(Self {
            server,
            publisher,
            template: template.clone(),
            number: 0,
            channel: 0,
            unanswered: 0,
            published_at: 0,
        })
    }

    /// A channel that nobody has used.
    pub(crate) fn next_channel(&mut self) {
        self.channel += 1;
        self.number = 0;
    }

    fn read_answers(&mut self) -> Result<()> {
        let mut text = Vec::new();
        let mut piece = [0; 16 * 1024];
        while self.unanswered > 0 {
            let Some(end) = memchr::memmem::find(&text, b"\r\n\r\n") else {
                match self.publisher.read(&mut piece)? {
                    0 => return Err("nchan closed the publisher's connection".into()),
                    length => text.extend_from_slice(&piece[..length]),
                }
                continue;
            };
            let head = String::from_utf8_lossy(&text[..end]).into_owned();
            if !head.starts_with("HTTP/1.1 20") {
                return Err(format!("nchan refuses an event: {head}").into());
            }
            let length: usize = crate::load::head_value(&head, "content-length")
                .unwrap_or("0")
                .parse()?;
            while text.len() < end + 4 + length {
                let more = self.publisher.read(&mut piece)?;
                text.extend_from_slice(&piece[..more]);
            }
            text.drain(..end + 4 + length);
            self.unanswered -= 1;
        }
        Ok(())
    }
}

impl Publisher for Nchan {
    fn name(&self) -> &'static str {
        "nchan"
    }

    fn address(&self) -> String {
        self.server.address.to_string()
    }

    fn path(&self) -> String {
        format!("/sub/c{}", self.channel)
    }

    fn publish(&mut self, events: usize) -> Result<()> {
        let mut requests = Vec::new();
        for _ in 0..events {
            let data = self.template.data(self.number);
            self.number += 1;
            write!(
                requests,
                "POST /pub/c{} HTTP/1.1\r\nhost: bench\r\nx-eventsource-event: deployment.updated\r\ncontent-length: {}\r\n\r\n",
                self.channel,
                data.len()
            )?;
            requests.extend_from_slice(&data);
        }
        self.unanswered += events;
        self.published_at = now_us();
        Ok(self.publisher.write_all(&requests)?)
    }

    fn published_at(&mut self) -> Result<i64> {
        // Only now: while one waits for an answer nobody would read what the subscribers are sent.
        self.read_answers()?;
        Ok(self.published_at)
    }

    fn pid(&self) -> u32 {
        self.server.child.id()
    }
}

fn start(name: &str, head: &str, workers: usize, http: impl FnOnce(&Path) -> String) -> Result<Packaged> {
    let program = find_program("nginx").ok_or(MISSING)?;
    Packaged::start(name, |folder: &Path, address: SocketAddr| {
        let at = folder.display();
        let http = http(folder).replace("LISTEN", &address.to_string());
        // Only root can let workers be somebody else; the folder belongs to whoever runs this.
        let user = if rustix::process::geteuid().is_root() {
            "user root;\n"
        } else {
            ""
        };
        let text = format!(
            "{head}{user}daemon off;\nworker_processes {workers};\nworker_rlimit_nofile 20000;\npid {at}/pid;\n\
             error_log stderr warn;\nevents {{ worker_connections 20000; }}\n\
             http {{ access_log off; keepalive_requests 1000000000; client_body_buffer_size 64k; tcp_nodelay on;\n\
             default_type application/json;\n\
             client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;\n\
             uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n{http}}}\n"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, text)?;
        let mut command = Command::new(program);
        command
            .arg("-c")
            .arg(file)
            .arg("-p")
            .arg(folder)
            .arg("-e")
            .arg("stderr");
        Ok(command)
    })
}
