use super::{cgroup_mount, event, numbered, queue, run};
use crate::Health;
use crate::courier::{Audit, carry};
use gate_ipc::messages::{AuditReply, AuditRequest, Refused};
use gate_ipc::{CgroupRoot, Listener};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

fn listen(path: &Path) -> Listener {
    Listener::bind(path, 0o600, None, CgroupRoot::resolve(&cgroup_mount()).unwrap()).unwrap()
}

fn place() -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.sock");
    (directory, path)
}

fn start(path: &Path) -> crate::Reporter {
    let (reporter, reports) = queue();
    tokio::task::spawn_local(carry(reports, Audit::new(path, None, Duration::from_secs(5))));
    reporter
}

fn recorded() -> AuditReply {
    AuditReply::Recorded { size: 1 }
}

#[test]
fn reports_wait_while_the_record_is_away_and_arrive_in_order() {
    run(async {
        let (_directory, path) = place();
        let reporter = start(&path);
        (0..700).for_each(|number| reporter.report(numbered(number)));
        while reporter.health() == Health::Recording {
            tokio::task::yield_now().await;
        }
        assert!(matches!(reporter.health(), Health::Spooling { waiting: 700, .. }), "{:?}", reporter.health());
        assert!(reporter.accepts());
        let listener = listen(&path);
        let connection = listener.accept().await.unwrap().unwrap();
        let mut next = 0;
        while next < 700 {
            let request: AuditRequest = connection.receive(0).await.unwrap().unwrap().message;
            for report in &request.reports {
                assert_eq!(event(report), numbered(next));
                next += 1;
            }
            connection.send(&recorded(), &[]).await.unwrap();
        }
        while reporter.health() != Health::Recording {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_batch_that_was_not_acknowledged_comes_again() {
    run(async {
        let (_directory, path) = place();
        let listener = listen(&path);
        let reporter = start(&path);
        reporter.report(numbered(1));
        let connection = listener.accept().await.unwrap().unwrap();
        let first: AuditRequest = connection.receive(0).await.unwrap().unwrap().message;
        drop(connection);
        let connection = listener.accept().await.unwrap().unwrap();
        let again: AuditRequest = connection.receive(0).await.unwrap().unwrap().message;
        assert_eq!(first, again);
        // A refusal is no acknowledgement either.
        let refused = AuditReply::Refused(Refused { by: "gate-audit".into(), reasons: vec!["no space".into()] });
        connection.send(&refused, &[]).await.unwrap();
        let again: AuditRequest = connection.receive(0).await.unwrap().unwrap().message;
        assert_eq!(first, again);
        assert!(matches!(reporter.health(), Health::Spooling { why, .. } if why.contains("no space")));
        connection.send(&recorded(), &[]).await.unwrap();
        reporter.report(numbered(2));
        let next: AuditRequest = connection.receive(0).await.unwrap().unwrap().message;
        assert_eq!(event(&next.reports[0]), numbered(2));
    });
}

#[test]
fn what_must_be_durable_is_asked_for_and_waited_for() {
    run(async {
        let (_directory, path) = place();
        let listener = listen(&path);
        let reporter = start(&path);
        let waiting = tokio::task::spawn_local(async move { reporter.durable(numbered(1)).await });
        let connection = listener.accept().await.unwrap().unwrap();
        let request: AuditRequest = connection.receive(0).await.unwrap().unwrap().message;
        assert!(request.durable);
        assert!(!waiting.is_finished());
        connection.send(&recorded(), &[]).await.unwrap();
        assert_eq!(waiting.await.unwrap(), Ok(()));
    });
}

#[test]
fn without_a_record_nothing_is_durable() {
    run(async {
        let (_directory, path) = place();
        let reporter = start(&path);
        let error = reporter.durable(numbered(1)).await.unwrap_err();
        assert!(error.why.contains("audit.sock"), "{error}");
    });
}

async fn receive(connection: &gate_ipc::Connection) -> AuditRequest {
    connection.receive(0).await.unwrap().unwrap().message
}

fn numbers(request: &AuditRequest) -> Vec<u64> {
    let number = |report: &Vec<u8>| match event(report) {
        gate_record::Event::Closed { count, .. } => count,
        other => panic!("{other:?}"),
    };
    request.reports.iter().map(number).collect()
}

#[test]
fn several_batches_are_on_their_way_and_what_was_not_recorded_comes_again_in_order() {
    run(async {
        let (_directory, path) = place();
        let listener = listen(&path);
        let reporter = start(&path);
        (0..1_000).for_each(|number| reporter.report(numbered(number)));
        let connection = listener.accept().await.unwrap().unwrap();
        let mut sent = Vec::new();
        // None is answered yet.
        while sent.len() < 1_000 {
            sent.extend(numbers(&receive(&connection).await));
        }
        assert_eq!(sent, (0..1_000).collect::<Vec<_>>());
        connection.send(&recorded(), &[]).await.unwrap();
        drop(connection);
        let connection = listener.accept().await.unwrap().unwrap();
        let mut again = Vec::new();
        while again.len() < 1_000 - 256 {
            again.extend(numbers(&receive(&connection).await));
            connection.send(&recorded(), &[]).await.unwrap();
        }
        assert_eq!(again, (256..1_000).collect::<Vec<_>>());
        while reporter.health() != Health::Recording {
            tokio::task::yield_now().await;
        }
    });
}

/// Answers each batch after a while, as gate-audit does, and notes how many wait at the same time.
#[derive(Default)]
struct Slow {
    waiting: std::cell::Cell<usize>,
    most: std::cell::Cell<usize>,
    taken: std::cell::Cell<usize>,
}

impl crate::Handler for Slow {
    type Request = AuditRequest;
    type Reply = AuditReply;
    const DESCRIPTORS: usize = 0;
    const AHEAD: usize = crate::AHEAD;

    async fn handle(&self, call: crate::Call<'_, AuditRequest>) -> Result<AuditReply, crate::Misuse> {
        self.taken.set(self.taken.get() + call.request.reports.len());
        self.waiting.set(self.waiting.get() + 1);
        self.most.set(self.most.get().max(self.waiting.get()));
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.waiting.set(self.waiting.get() - 1);
        Ok(recorded())
    }
}

#[test]
fn a_backlog_is_taken_many_batches_at_a_time() {
    run(async {
        let (_directory, path) = place();
        let socket =
            crate::Socket { listener: listen(&path), admission: gate_ipc::Admission::operators(&super::host()) };
        let slow = std::rc::Rc::new(Slow::default());
        let (own, _reports) = queue();
        tokio::task::spawn_local(crate::serve(socket, std::rc::Rc::clone(&slow), own, crate::Limits::default()));
        let reporter = start(&path);
        // As large as gate-proxy's: a frame is nearly full, and the socket takes few of them at a time.
        let report = |number: u64| gate_record::Event::Closed { count: number, why: "x".repeat(350) };
        (0..8_000).for_each(|number| reporter.report(report(number)));
        while slow.taken.get() < 8_000 || slow.waiting.get() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(slow.most.get() >= crate::AHEAD / 2, "{} at a time", slow.most.get());
    });
}
