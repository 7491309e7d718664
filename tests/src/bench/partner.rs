//! The two ends of the connections that are counted: a client and a server, each a process in its service's place,
//! both on one processor. They never run at the same time, and never wait for each other while they are timed: first
//! the client makes a batch of connections and closes them, then the server accepts what the kernel has queued.

use super::cpu;
use crate::Host;
use anyhow::Context as _;
use rustix::{
    net::{
        AddressFamily, SocketFlags, SocketType, acceptfrom, bind, connect as connect_to, listen, socket_with,
        sockopt::{Timeout, set_socket_reuseaddr, set_socket_timeout},
    },
    time::{ClockId, clock_gettime},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv6Addr, SocketAddr},
    process::{Child, ChildStdin, ChildStdout, Stdio},
    time::{Duration, Instant},
};

/// More than a batch.
const BACKLOG: i32 = 1_024;
/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(5);

/// Wall and processor time of some work, in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// By the clock on the wall.
    pub wall: u64,
    /// Of the process, its packets on loopback included.
    pub processor: u64,
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.wall += other.wall;
        self.processor += other.processor;
    }
}

/// A process that does what a line tells it, and answers with its cost.
pub struct Partner {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Partner {
    /// Starts this program anew as `service`, on the measured processor, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(host: &mut Host, service: &str, words: &[&str]) -> anyhow::Result<Self> {
        let program = host.installed("gate-bench")?.display().to_string();
        let processors = cpu::list(&cpu::measured());
        let words: Vec<&str> =
            ["taskset", "-c", &processors, &program].into_iter().chain(words.iter().copied()).collect();
        let mut command = host.command(service, &words)?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("starting a partner")?;
        let orders = child.stdin.take().context("no pipe")?;
        let answers = BufReader::new(child.stdout.take().context("no pipe")?);
        let mut partner = Self { child, orders, answers };
        partner.answer().with_context(|| format!("starting {words:?} as {service}"))?;
        Ok(partner)
    }

    /// Has it do something.
    ///
    /// # Errors
    /// When it failed; why is on its standard error, which is this process's.
    pub fn tell(&mut self, order: &str) -> anyhow::Result<Cost> {
        writeln!(self.orders, "{order}")?;
        self.answer().with_context(|| format!("after {order:?}"))
    }

    fn answer(&mut self) -> anyhow::Result<Cost> {
        let mut line = String::new();
        anyhow::ensure!(self.answers.read_line(&mut line)? > 0, "the process has ended");
        let answer: Value = serde_json::from_str(&line)?;
        let number = |key: &str| answer.get(key).and_then(Value::as_u64).context("an answer without a cost");
        Ok(Cost { wall: number("wall")?, processor: number("processor")? })
    }
}

impl Drop for Partner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The client: an order is an address and a count of connections.
///
/// # Errors
/// What the kernel said.
pub fn connect() -> anyhow::Result<()> {
    serve_orders(|order| {
        let (to, count) = order.split_once(' ').context("an order is an address and a count")?;
        let (to, count): (SocketAddr, usize) = (to.parse()?, count.parse()?);
        timed(|| {
            for _ in 0..count {
                let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
                connect_to(&socket, &to).with_context(|| format!("connecting to {to}"))?;
            }
            Ok(())
        })
    })
}

/// The server: an order is a count of connections to accept and close.
///
/// # Errors
/// What the kernel said.
pub fn accept(port: u16) -> anyhow::Result<()> {
    let listener = socket_with(AddressFamily::INET6, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_reuseaddr(&listener, true)?;
    bind(&listener, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).with_context(|| format!("binding {port}"))?;
    listen(&listener, BACKLOG)?;
    set_socket_timeout(&listener, Timeout::Recv, Some(PATIENCE))?;
    serve_orders(|order| {
        let count: usize = order.parse()?;
        timed(|| {
            for _ in 0..count {
                acceptfrom(&listener).context("accepting")?;
            }
            Ok(())
        })
    })
}

fn serve_orders(mut obey: impl FnMut(&str) -> anyhow::Result<Cost>) -> anyhow::Result<()> {
    let tell = |cost: Cost| println!("{}", json!({ "wall": cost.wall, "processor": cost.processor }));
    tell(Cost::default());
    for order in std::io::stdin().lines() {
        tell(obey(&order?)?);
    }
    Ok(())
}

fn timed(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Cost> {
    let (began, used) = (Instant::now(), processor_time());
    work()?;
    let (wall, processor) = (began.elapsed(), processor_time().saturating_sub(used));
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    Ok(Cost { wall: nanoseconds(wall), processor: nanoseconds(processor) })
}

fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(now).unwrap_or_default()
}
