//! A client that sends bytes and reads answers.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub struct Client(BufReader<TcpStream>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// A field of the head; names come in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends, and reads the answer.
    pub async fn ask(&mut self, request: &str) -> Answer {
        self.send(request).await;
        self.answer(request.starts_with("HEAD ")).await.unwrap()
    }

    /// The next answer; `None` when the connection ends before it, or inside it.
    pub async fn answer(&mut self, without_body: bool) -> Option<Answer> {
        let head = self.head().await?;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        if without_body || matches!(status, 100..=199 | 204 | 304) {
            return Some(answer);
        }
        if answer.field("transfer-encoding") == Some("chunked") {
            loop {
                let size = usize::from_str_radix(self.line().await?.trim(), 16).unwrap();
                let mut chunk = vec![0; size + 2];
                self.0.read_exact(&mut chunk).await.ok()?;
                chunk.truncate(size);
                answer.body.extend(chunk);
                if size == 0 {
                    return Some(answer);
                }
            }
        }
        let length = answer.field("content-length").unwrap().parse().unwrap();
        answer.body.resize(length, 0);
        self.0.read_exact(&mut answer.body).await.ok()?;
        Some(answer)
    }

    pub async fn head(&mut self) -> Option<String> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push_str(&self.line().await?);
        }
        Some(head)
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(self.0.read_u8().await.ok()?);
        }
        Some(String::from_utf8(line).unwrap())
    }

    /// So many bytes of a body.
    pub async fn bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).await.ok()?;
        Some(bytes)
    }

    /// Whether the proxy has closed the connection (what it still sent is thrown away).
    pub async fn is_closed(&mut self) -> bool {
        let mut nowhere = tokio::io::sink();
        let rest = tokio::io::copy(&mut self.0, &mut nowhere);
        tokio::time::timeout(std::time::Duration::from_secs(5), rest).await.is_ok()
    }

    pub fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }
}
