use super::{cgroup_mount, event, host, queue, run};
use crate::{Call, Handler, Limits, Misuse, Reports, Socket, serve};
use gate_host::Role;
use gate_ipc::{Admission, Caller, CgroupRoot, Connection, Listener};
use gate_record::Event;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use tempfile::TempDir;

/// Doubles numbers; 13 is misuse.
struct Doubling;

impl Handler for Doubling {
    type Request = u64;
    type Reply = u64;
    const DESCRIPTORS: usize = 1;

    async fn handle(&self, call: Call<'_, u64>) -> Result<u64, Misuse> {
        assert!(matches!(call.caller, Caller::Operator { .. }));
        match call.request {
            13 => Err(Misuse { found: "13 is not to be asked".into() }),
            number => Ok(number * 2 + call.descriptors.len() as u64),
        }
    }
}

struct Server {
    _directory: TempDir,
    path: PathBuf,
    reports: Reports,
}

fn start(admission: Admission, limits: Limits) -> Server {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("doubling.sock");
    let listener = Listener::bind(&path, 0o600, None, CgroupRoot::resolve(&cgroup_mount()).unwrap()).unwrap();
    let (reporter, reports) = queue();
    tokio::task::spawn_local(serve(Socket { listener, admission }, Rc::new(Doubling), reporter, limits));
    Server { _directory: directory, path, reports }
}

impl Server {
    fn connect(&self) -> Connection {
        Connection::connect(&self.path).unwrap()
    }

    async fn rejection(&mut self) -> String {
        let batch = self.reports.next().await;
        let Event::Rejected { socket, peer, found } = event(&batch.reports()[0]) else { panic!() };
        assert_eq!(batch.reports().len(), 1);
        batch.recorded();
        assert_eq!(socket, "doubling.sock");
        assert!(peer.contains(&format!("pid {}", std::process::id())), "{peer}");
        found
    }
}

async fn ask(connection: &Connection, number: u64) -> Option<u64> {
    connection.send(&number, &[]).await.ok()?;
    connection.receive(0).await.unwrap().map(|frame| frame.message)
}

#[test]
fn whatever_is_wrong_closes_one_connection_is_recorded_and_stops_nothing() {
    run(async {
        let mut server = start(Admission::operators(&host()), Limits::default());
        let good = server.connect();
        assert_eq!(ask(&good, 4).await, Some(8));

        let misuse = server.connect();
        assert_eq!(ask(&misuse, 13).await, None);
        assert_eq!(server.rejection().await, "13 is not to be asked");

        let garbage = server.connect();
        garbage.send(&"no number at all, but text", &[]).await.unwrap();
        assert!(garbage.receive::<u64>(0).await.unwrap().is_none());
        assert!(server.rejection().await.contains("bytes follow the message"));

        let descriptors = server.connect();
        let file = tempfile::tempfile().unwrap();
        descriptors.send(&1_u64, &[file.as_fd(), file.as_fd()]).await.unwrap();
        assert!(descriptors.receive::<u64>(0).await.unwrap().is_none());
        assert!(server.rejection().await.contains("2 descriptors, at most 1 belong here"));

        good.send(&5_u64, &[file.as_fd()]).await.unwrap();
        assert_eq!(good.receive::<u64>(0).await.unwrap().unwrap().message, 11);
    });
}

#[test]
fn whoever_is_not_admitted_is_closed_and_recorded() {
    run(async {
        let mut server = start(Admission::roles(&host(), &[Role::Proxy]), Limits::default());
        let connection = server.connect();
        assert_eq!(ask(&connection, 1).await, None);
        assert!(server.rejection().await.ends_with("is no role's"));
    });
}

#[test]
fn one_user_has_so_many_connections_and_no_more() {
    run(async {
        let limits = Limits { connections: 2, idle: None };
        let mut server = start(Admission::operators(&host()), limits);
        let (one, two) = (server.connect(), server.connect());
        assert_eq!((ask(&one, 1).await, ask(&two, 1).await), (Some(2), Some(2)));
        let three = server.connect();
        assert_eq!(ask(&three, 1).await, None);
        assert!(server.rejection().await.contains("more than 2 connections"));
        drop(one);
        // The place is free once the server has seen the end.
        let mut answer = None;
        while answer.is_none() {
            answer = ask(&server.connect(), 3).await;
        }
        assert_eq!(answer, Some(6));
    });
}

#[test]
fn a_silent_connection_ends() {
    run(async {
        let limits = Limits { connections: 1, idle: Some(Duration::from_millis(50)) };
        let server = start(Admission::operators(&host()), limits);
        let connection = server.connect();
        assert!(connection.receive::<u64>(0).await.unwrap().is_none());
    });
}

#[test]
fn rejections_do_not_fill_the_record() {
    run(async {
        let mut server = start(Admission::roles(&host(), &[Role::Proxy]), Limits::default());
        for _ in 0..200 {
            let connection = server.connect();
            assert_eq!(ask(&connection, 1).await, None);
        }
        let batch = server.reports.next().await;
        // 32 at once, and one for each half second that this takes.
        assert!((32..60).contains(&batch.reports().len()), "{}", batch.reports().len());
        batch.recorded();
    });
}

/// Answers no number before the next one came.
struct Pairs(tokio::sync::watch::Sender<u64>);

impl Handler for Pairs {
    type Request = u64;
    type Reply = u64;
    const DESCRIPTORS: usize = 0;
    const AHEAD: usize = 2;

    async fn handle(&self, call: Call<'_, u64>) -> Result<u64, Misuse> {
        self.0.send_replace(call.request);
        let mut highest = self.0.subscribe();
        // Even numbers wait; odd ones are done before them and answered after them.
        if call.request.is_multiple_of(2) {
            highest.wait_for(|highest| *highest > call.request).await.unwrap();
        }
        Ok(call.request)
    }
}

#[test]
fn frames_that_are_handled_at_the_same_time_are_answered_in_order() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pairs.sock");
        let listener = Listener::bind(&path, 0o600, None, CgroupRoot::resolve(&cgroup_mount()).unwrap()).unwrap();
        let (reporter, _reports) = queue();
        let socket = Socket { listener, admission: Admission::operators(&host()) };
        let pairs = Rc::new(Pairs(tokio::sync::watch::Sender::new(0)));
        tokio::task::spawn_local(serve(socket, pairs, reporter, Limits::default()));
        let connection = Connection::connect(&path).unwrap();
        for number in 0_u64..6 {
            connection.send(&number, &[]).await.unwrap();
        }
        for number in 0..6 {
            assert_eq!(connection.receive::<u64>(0).await.unwrap().unwrap().message, number);
        }
    });
}
