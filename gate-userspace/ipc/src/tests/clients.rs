use super::{listen, run};
use crate::{CallError, Client, Connection};
use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

type Echo = Client<u32, u32>;

const SOON: Duration = Duration::from_millis(200);

fn client(path: &Path) -> Echo {
    Client::new(path, None, Duration::from_secs(5))
}

async fn echo(connection: Connection) {
    while let Some(frame) = connection.receive::<u32>(0).await.unwrap() {
        if connection.send(&frame.message, &[]).await.is_err() {
            return;
        }
    }
}

#[test]
fn many_questions_at_once_get_their_own_answers() {
    run(async {
        let (_directory, path, listener) = listen();
        tokio::task::spawn_local(async move { echo(listener.accept().await.unwrap().unwrap()).await });
        let client = client(&path);
        let calls: Vec<_> = (0..1_000)
            .map(|number| {
                let client = client.clone();
                tokio::task::spawn_local(async move { (number, client.call(&number, &[]).await.unwrap()) })
            })
            .collect();
        for call in calls {
            let (number, answer) = call.await.unwrap();
            assert_eq!(number, answer);
        }
    });
}

#[test]
fn a_question_that_nobody_waits_for_any_more_does_not_shift_the_answers() {
    run(async {
        let (_directory, path, listener) = listen();
        tokio::task::spawn_local(async move { echo(listener.accept().await.unwrap().unwrap()).await });
        let client = client(&path);
        for number in 0..50 {
            let forgotten = client.call(&number, &[]);
            // Polled once: it is sent, and then dropped.
            tokio::select! { biased; _ = forgotten => {}, () = std::future::ready(()) => {} }
            assert_eq!(client.call(&(number + 1_000), &[]).await.unwrap(), number + 1_000);
        }
    });
}

#[test]
fn a_callee_that_is_restarted_is_asked_again() {
    run(async {
        let (_directory, path, listener) = listen();
        let accepted = Rc::new(Cell::new(0));
        let counted = Rc::clone(&accepted);
        // Each connection is closed after one answer.
        tokio::task::spawn_local(async move {
            loop {
                let connection = listener.accept().await.unwrap().unwrap();
                counted.set(counted.get() + 1);
                let frame = connection.receive::<u32>(0).await.unwrap().unwrap();
                connection.send(&frame.message, &[]).await.unwrap();
            }
        });
        let client = client(&path);
        for number in 0..20 {
            assert_eq!(client.call(&number, &[]).await.unwrap(), number);
            // Now and then before, now and then after the client has noticed.
            for _ in 0..number % 4 {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(accepted.get(), 20);
    });
}

#[test]
fn a_question_that_a_broken_connection_does_not_take_goes_to_the_next() {
    run(async {
        let (_directory, path, listener) = listen();
        let client = client(&path);
        let asked = client.clone();
        let call = tokio::task::spawn_local(async move { asked.call(&1, &[]).await });
        let connection = listener.accept().await.unwrap().unwrap();
        connection.receive::<u32>(0).await.unwrap().unwrap();
        connection.send(&1_u32, &[]).await.unwrap();
        call.await.unwrap().unwrap();
        tokio::task::spawn_local(async move { echo(listener.accept().await.unwrap().unwrap()).await });
        // The client has had no time to notice.
        drop(connection);
        assert_eq!(client.call(&2, &[]).await.unwrap(), 2);
    });
}

#[test]
fn nobody_there_is_said_at_once_and_found_later() {
    run(async {
        let (directory, path, listener) = listen();
        drop(listener);
        let client = client(&path);
        let error = client.call(&1, &[]).await.unwrap_err();
        assert!(matches!(error, CallError::Unavailable { .. }), "{error}");
        let cgroups = crate::CgroupRoot::resolve(&super::cgroup_mount()).unwrap();
        // The stale socket is replaced.
        let listener = crate::Listener::bind(&path, 0o600, None, cgroups).unwrap();
        tokio::task::spawn_local(async move { echo(listener.accept().await.unwrap().unwrap()).await });
        assert_eq!(client.call(&2, &[]).await.unwrap(), 2);
        drop(directory);
    });
}

#[test]
fn a_callee_that_does_not_answer_is_not_waited_for_longer_than_the_deadline() {
    run(async {
        let (_directory, path, listener) = listen();
        let client: Echo = Client::new(&path, None, SOON);
        let error = client.call(&1, &[]).await.unwrap_err();
        assert!(matches!(error, CallError::Deadline { .. }), "{error}");
        // The late answer to the first question is not taken for the second's.
        let connection = listener.accept().await.unwrap().unwrap();
        tokio::task::spawn_local(echo(connection));
        assert_eq!(client.call(&2, &[]).await.unwrap(), 2);
    });
}

#[test]
fn a_callee_that_closes_answers_everybody_that_waits() {
    run(async {
        let (_directory, path, listener) = listen();
        let client = client(&path);
        let calls: Vec<_> = (0..3)
            .map(|number| {
                let client = client.clone();
                tokio::task::spawn_local(async move { client.call(&number, &[]).await })
            })
            .collect();
        let connection = listener.accept().await.unwrap().unwrap();
        for _ in 0..3 {
            connection.receive::<u32>(0).await.unwrap().unwrap();
        }
        drop(connection);
        for call in calls {
            let error = call.await.unwrap().unwrap_err();
            assert!(matches!(error, CallError::Closed { .. }), "{error}");
        }
    });
}

#[test]
fn answers_that_are_none_end_the_connection() {
    run(async {
        let (_directory, path, listener) = listen();
        let client: Client<u32, (u32, String)> = Client::new(&path, None, SOON);
        let asked = client.clone();
        let call = tokio::task::spawn_local(async move { asked.call(&1, &[]).await });
        let connection = listener.accept().await.unwrap().unwrap();
        connection.receive::<u32>(0).await.unwrap().unwrap();
        connection.send(&0xffff_ffff_u32, &[]).await.unwrap();
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(error, CallError::Frame { .. }), "{error}");
        assert!(connection.receive::<u32>(0).await.unwrap().is_none());
    });
}

#[test]
fn somebody_else_at_the_socket_is_asked_nothing() {
    run(async {
        let (_directory, path, listener) = listen();
        let own = rustix::process::geteuid().as_raw();
        let client: Echo = Client::new(&path, Some(own + 1), SOON);
        let error = client.call(&1, &[]).await.unwrap_err();
        assert!(
            matches!(error, CallError::Impostor { found, right, .. } if found == own && right == own + 1),
            "{error}"
        );
        let connection = listener.accept().await.unwrap().unwrap();
        assert!(connection.receive::<u32>(0).await.unwrap().is_none());
    });
}

#[test]
fn a_dropped_client_closes_its_connection() {
    run(async {
        let (_directory, path, listener) = listen();
        tokio::task::spawn_local({
            let client = client(&path);
            async move { client.call(&1, &[]).await }
        });
        let connection = listener.accept().await.unwrap().unwrap();
        connection.receive::<u32>(0).await.unwrap().unwrap();
        connection.send(&1_u32, &[]).await.unwrap();
        assert!(connection.receive::<u32>(0).await.unwrap().is_none());
    });
}
