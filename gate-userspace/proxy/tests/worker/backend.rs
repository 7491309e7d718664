//! A backend that does what a test says, and remembers what reached it.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::spawn_local;

/// What the backend does with a request.
#[derive(Clone)]
pub enum Do {
    /// Sends these bytes.
    Answer(Vec<u8>),
    /// Sends these bytes and closes.
    AnswerAndClose(Vec<u8>),
    /// Sends these bytes, and the rest when it is told to.
    AnswerSlowly(Vec<u8>, Vec<u8>),
    /// Closes without an answer.
    Close,
    /// Says nothing.
    Hang,
}

/// What reached the backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// On its how-manieth connection.
    pub connection: usize,
    pub head: String,
    pub body: usize,
}

pub struct Backend {
    pub address: SocketAddr,
    pub seen: RefCell<Vec<Seen>>,
    pub does: RefCell<Do>,
    pub connections: Cell<usize>,
    /// Closes a connection after its first answer, without saying so in the answer.
    pub closes_silently: Cell<bool>,
    pub go_on: Notify,
}

pub fn ok(body: &str) -> Do {
    Do::Answer(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

impl Backend {
    pub async fn start() -> Rc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let backend = Rc::new(Self {
            address: listener.local_addr().unwrap(),
            seen: RefCell::default(),
            does: RefCell::new(ok("hello")),
            connections: Cell::new(0),
            closes_silently: Cell::new(false),
            go_on: Notify::new(),
        });
        let accepting = Rc::clone(&backend);
        spawn_local(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                accepting.connections.set(accepting.connections.get() + 1);
                spawn_local(Rc::clone(&accepting).converse(stream, accepting.connections.get()));
            }
        });
        backend
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }

    async fn converse(self: Rc<Self>, stream: TcpStream, connection: usize) {
        let mut stream = BufReader::new(stream);
        while let Some(head) = read_head(&mut stream).await {
            let body = read_body(&mut stream, &head).await;
            self.seen.borrow_mut().push(Seen { connection, head, body });
            let does = self.does.borrow().clone();
            match does {
                Do::Answer(bytes) => stream.write_all(&bytes).await.unwrap(),
                Do::AnswerAndClose(bytes) => return stream.write_all(&bytes).await.unwrap(),
                Do::AnswerSlowly(first, second) => {
                    stream.write_all(&first).await.unwrap();
                    self.go_on.notified().await;
                    // The other side may have given up.
                    let _ = stream.write_all(&second).await;
                }
                Do::Close => return,
                Do::Hang => std::future::pending().await,
            }
            if self.closes_silently.get() {
                return;
            }
        }
    }
}

async fn read_head(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

/// The size of the body.
async fn read_body(stream: &mut BufReader<TcpStream>, head: &str) -> usize {
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    if let Some(length) = field("content-length: ") {
        let length = length.parse().unwrap();
        let copied = tokio::io::copy(&mut stream.take(length), &mut tokio::io::sink()).await;
        return copied.map_or(0, |copied| copied as usize);
    }
    let mut size = 0;
    if field("transfer-encoding: chunked").is_some() {
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                let Ok(byte) = stream.read_u8().await else { return size };
                line.push(byte);
            }
            let chunk = usize::from_str_radix(String::from_utf8(line).unwrap().trim(), 16).unwrap();
            let mut rest = vec![0; chunk + 2];
            if stream.read_exact(&mut rest).await.is_err() || chunk == 0 {
                return size;
            }
            size += chunk;
        }
    }
    size
}
