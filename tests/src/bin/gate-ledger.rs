//! gate-ledger: a plain TCP service for the demo. Each line that it gets is booked and numbered.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv6Addr, TcpListener, TcpStream},
};

fn main() -> anyhow::Result<()> {
    let port: u16 = std::env::args().nth(1).ok_or_else(|| anyhow::anyhow!("the port is missing"))?.parse()?;
    // Dual-stack, as Linux has it by default.
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))?;
    for client in listener.incoming() {
        let client = client?;
        std::thread::spawn(move || serve(&client));
    }
    Ok(())
}

fn serve(client: &TcpStream) -> std::io::Result<()> {
    let mut answers = client;
    for (number, line) in BufReader::new(client).lines().enumerate() {
        writeln!(answers, "booked {}: {}", number + 1, line?)?;
    }
    Ok(())
}
