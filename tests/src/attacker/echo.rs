//! A server that says what reached it: a byte that arrived is in its log, whether or not the answer got back.

use super::Outcome;
use std::{
    convert::Infallible,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
};

/// Accepts (having said that it listens), prints each line that arrives, and answers it.
///
/// # Errors
/// When it cannot listen.
pub fn serve(at: SocketAddr) -> io::Result<Infallible> {
    accept(&TcpListener::bind(at)?)
}

/// The same on a socket that listens.
///
/// # Errors
/// When it cannot accept.
pub fn accept(listener: &TcpListener) -> io::Result<Infallible> {
    println!("{}", Outcome::Worked("listening".into()).to_json());
    loop {
        let (client, from) = listener.accept()?;
        println!("{}", Outcome::Worked(format!("accepted {from}")).to_json());
        std::thread::spawn(move || answer(&client));
    }
}

fn answer(client: &TcpStream) -> io::Result<()> {
    let mut answers = client;
    for line in BufReader::new(client).lines() {
        let line = line?;
        println!("{}", Outcome::Worked(format!("got {line}")).to_json());
        writeln!(answers, "echo {line}")?;
    }
    Ok(())
}
