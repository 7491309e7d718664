//! Accepting: each diverted connection is attested before its first request is read.

use crate::guard::{Gate, Guard};
use crate::limits;
use crate::service::Service;
use crate::session::Session;
use crate::stream::SharedStream;
use crate::worker::Worker;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

/// How long accepting rests when the process has no descriptors left.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// Serves what arrives at `listener` until `stop` says so; then waits for the requests that run. Inside a `LocalSet`
/// only.
pub async fn serve(worker: Rc<Worker>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let ticking = tokio::task::spawn_local(tick(Rc::clone(&worker)));
    let stopped = stop.clone();
    let mut stopping = pin!(stop.wait_for(|stop| *stop));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => accept(&worker, stream, peer, &stopped),
                // A connection that ended in the queue, or no descriptors left.
                Err(_) => tokio::time::sleep(EXHAUSTED).await,
            },
            _ = &mut stopping => break,
        }
    }
    drop(listener);
    let end = Instant::now() + limits::DRAIN;
    while worker.counters().connections.value() > 0 && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ticking.abort();
}

async fn tick(worker: Rc<Worker>) {
    let mut interval = tokio::time::interval(limits::TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            // A worker without requests takes over a new policy, too; exchanges that run are judged by it at once.
            () = worker.policy_changed() => {}
        }
        worker.tick();
    }
}

fn accept(worker: &Rc<Worker>, stream: TcpStream, peer: SocketAddr, stopped: &watch::Receiver<bool>) {
    worker.counters().accepted.up();
    if worker.counters().connections.value() >= limits::CONNECTIONS as u64 {
        worker.counters().turned_away.up();
        worker.turned_away().count();
        return;
    }
    let open = Open::new(worker);
    let stopped = stopped.clone();
    tokio::task::spawn_local(async move { connection(&open.0, stream, peer, stopped).await });
}

/// One connection, from its attestation to its end.
async fn connection(worker: &Rc<Worker>, stream: TcpStream, peer: SocketAddr, stopped: watch::Receiver<bool>) {
    let stream = Rc::new(stream);
    let Ok(session) = Session::new(Rc::clone(&stream), peer) else { return };
    let session = Rc::new(session);
    let place = match admit(worker, &session).await {
        Ok(place) => place,
        Err(why) => return turn_away(worker, &session, peer, why),
    };
    // Small answers must not wait for acknowledgements; where the option fails the connection is gone anyway.
    let _ = stream.set_nodelay(true);
    let gate: Rc<Gate> = Rc::default();
    let guard = Guard::new(SharedStream::new(stream), Rc::clone(&gate));
    let service = Service { worker: Rc::clone(worker), session, gate };
    run(guard, service, stopped).await;
    drop(place);
}

async fn run(guard: Guard<SharedStream>, service: Service, mut stopped: watch::Receiver<bool>) {
    let answer = hyper::service::service_fn(|request: hyper::Request<Incoming>| {
        let answer = service.clone().answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .max_headers(limits::FIELDS)
            .max_buf_size(limits::HEAD + limits::READ_AHEAD)
            .header_read_timeout(None)
            .serve_connection(guard, answer)
    );
    let mut stopping = pin!(stopped.wait_for(|stop| *stop));
    let mut draining = false;
    loop {
        tokio::select! {
            // However it ended: each request of it has its record.
            _ = connection.as_mut() => return,
            _ = stopping.as_mut(), if !draining => {
                draining = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Whether the connection may make requests at all.
async fn admit(worker: &Rc<Worker>, session: &Session) -> Result<crate::worker::Place, String> {
    let policy = worker.policy();
    if let Some(why) = policy.not_served(session.destination().port()) {
        return Err(format!("{why} (bundle version {})", policy.version()));
    }
    if policy.port(session.destination().port()).is_none() {
        return Err(format!(
            "{} is no L7 port of a service in bundle version {}",
            session.destination(),
            policy.version()
        ));
    }
    let attested = session.attested(worker.authn(), policy.version(), worker.now_ms());
    let attested = match attested.await {
        Ok(attested) => attested,
        Err(_) if worker.policy().version() != policy.version() => {
            let version = worker.policy().version();
            session.attested(worker.authn(), version, worker.now_ms()).await.map_err(|error| error.to_string())?
        }
        Err(error) => return Err(error.to_string()),
    };
    let source = &attested.claims;
    worker.place(source.source).ok_or_else(|| {
        format!(
            "service {:?} has {} connections to one worker already",
            source.source_name,
            limits::CONNECTIONS_PER_SOURCE
        )
    })
}

fn turn_away(worker: &Worker, session: &Session, peer: SocketAddr, why: String) {
    worker.counters().turned_away.up();
    let (socket, peer) = (session.destination().to_string(), crate::session::canonical(peer).to_string());
    worker.turned_away().record(&**worker.record(), socket, peer, why);
}

/// Counts a connection while it is open.
struct Open(Rc<Worker>);

impl Open {
    fn new(worker: &Rc<Worker>) -> Self {
        worker.counters().connections.up();
        Self(Rc::clone(worker))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.counters().connections.down();
    }
}
