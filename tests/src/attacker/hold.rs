//! A connection that stays: one request for each line of standard input, its outcome a line of standard output.

use super::{Outcome, connect, sockets};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

/// Connects, and asks (in HTTP, or plain lines) whatever standard input says, until it ends. The first line that it prints is the connection's.
///
/// # Errors
/// When its own input or output breaks.
pub fn serve(to: SocketAddr, plain: bool) -> anyhow::Result<()> {
    let stream = match connect::socket(to).and_then(|socket| connect::connected(socket, to)) {
        Ok(stream) => stream,
        Err(outcome) => {
            println!("{}", outcome.to_json());
            return Ok(());
        }
    };
    println!("{}", Outcome::Worked("connected".into()).to_json());
    for line in std::io::stdin().lines() {
        let line = line?;
        let came = if plain { connect::talk(&stream, &line) } else { ask(&stream, &line) };
        println!("{}", came.to_json());
    }
    Ok(())
}

/// The same over a connected UDP socket.
///
/// # Errors
/// When its own input or output breaks, or there is no socket.
pub fn serve_datagrams(to: SocketAddr) -> anyhow::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(connect::PATIENCE))?;
    socket.connect(to)?;
    println!("{}", Outcome::Worked("connected".into()).to_json());
    for line in std::io::stdin().lines() {
        println!("{}", sockets::ask_connected(&socket, &line?).to_json());
    }
    Ok(())
}

/// One request (`GET /orders/1`) on a connection that stays; what worked is the answer's status line.
#[must_use]
pub fn ask(mut stream: &TcpStream, request: &str) -> Outcome {
    let refused = |call: &str, error: &std::io::Error| Outcome::refused(call, error, Duration::ZERO);
    if let Err(error) = stream.write_all(format!("{request} HTTP/1.1\r\nHost: orders\r\n\r\n").as_bytes()) {
        return refused("write", &error);
    }
    let mut lines = BufReader::new(stream);
    let (mut status, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        match lines.read_line(&mut line) {
            Ok(0) => return refused("read", &std::io::Error::other("the end")),
            Ok(_) if line.trim().is_empty() => break,
            Ok(_) if status.is_empty() => status = line.trim().to_owned(),
            Ok(_) => {
                let field = line.to_ascii_lowercase();
                length = field.strip_prefix("content-length:").map_or(length, |text| text.trim().parse().unwrap_or(0));
            }
            Err(error) => return refused("read", &error),
        }
    }
    match lines.read_exact(&mut vec![0; length]) {
        Ok(()) => Outcome::Worked(status),
        Err(error) => refused("read", &error),
    }
}
