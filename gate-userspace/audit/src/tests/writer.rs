use crate::{Opener, WINDOW, Writer};
use ed25519_dalek::SigningKey;
use gate_audit_log::{Reader, verify};
use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longer than any test.
const NEVER: Duration = Duration::from_secs(3_600);

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test)
}

fn start(directory: &Path) -> Writer {
    start_with(directory, WINDOW)
}

fn start_with(directory: &Path, window: Duration) -> Writer {
    let key = SigningKey::from_bytes(&[7; 32]);
    let opener = Opener { directory: directory.into(), origin: "gate/test/h1/0".into(), key };
    Writer::start(opener, window, |event| panic!("{event:?}")).unwrap()
}

fn entries(directory: &Path, writer: &Writer) -> Vec<Vec<u8>> {
    let key = writer.state().verifier_key.parse().unwrap();
    let mut reader = Reader::open(directory, &key).unwrap();
    reader.entries(0).map(|entry| entry.unwrap().1).collect()
}

#[test]
fn an_entry_is_on_disk_when_it_is_acknowledged() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let writer = start(&path);
        for urgent in [false, true] {
            let before = writer.state().size;
            let size = writer.write(vec![b"one".to_vec(), b"two".to_vec()], urgent).await.unwrap();
            assert_eq!((size, entries(&path, &writer).len() as u64), (before + 2, before + 2));
        }
        let key = writer.state().verifier_key.parse().unwrap();
        assert_eq!(verify(&path, &key, None).unwrap().checkpoint.size, 4);
    });
}

#[test]
fn nothing_is_an_acknowledgement_of_what_is_there() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let writer = start(&directory.path().join("log"));
        assert_eq!(writer.write(Vec::new(), false).await, Ok(0));
    });
}

#[test]
fn many_share_one_commit() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let writer = start(&path);
        let begin = Instant::now();
        writer.write(vec![b"alone".to_vec()], true).await.unwrap();
        let alone = begin.elapsed();
        let begin = Instant::now();
        let writes: Vec<_> = (0..512_u32)
            .map(|number| {
                let writer = writer.clone();
                tokio::task::spawn_local(async move { writer.write(vec![number.to_be_bytes().to_vec()], true).await })
            })
            .collect();
        for write in writes {
            write.await.unwrap().unwrap();
        }
        assert!(begin.elapsed() < alone * 256, "512 writes took {:?}, one took {alone:?}", begin.elapsed());
        let written = entries(&path, &writer);
        let expected: Vec<Vec<u8>> = (0..512_u32).map(|number| number.to_be_bytes().to_vec()).collect();
        assert_eq!(written[1..], expected);
    });
}

fn batch(first: u32) -> Vec<Vec<u8>> {
    (first..first + 200).map(|number| number.to_be_bytes().to_vec()).collect()
}

#[test]
fn what_somebody_waits_for_is_committed_at_once_with_all_that_came_before() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let writer = start_with(&path, NEVER);
        let waiting = tokio::task::spawn_local({
            let writer = writer.clone();
            async move { writer.write(batch(0), false).await }
        });
        tokio::task::yield_now().await;
        let written = tokio::time::timeout(Duration::from_secs(10), writer.write(vec![b"strict".to_vec()], true)).await;
        assert_eq!(written.expect("waits for the window"), Ok(201));
        assert_eq!(waiting.await.unwrap(), Ok(201));
        assert_eq!((entries(&path, &writer).len(), writer.state().commits), (201, 1));
    });
}

#[test]
fn what_nobody_waits_for_shares_a_commit_and_is_on_disk_within_the_window() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let window = Duration::from_millis(400);
        let writer = start_with(&path, window);
        let begin = Instant::now();
        let writes: Vec<_> = (0..10)
            .map(|number| {
                let writer = writer.clone();
                tokio::task::spawn_local(async move { writer.write(batch(number * 200), false).await })
            })
            .collect();
        for write in writes {
            assert_eq!(write.await.unwrap(), Ok(2_000));
        }
        let passed = begin.elapsed();
        assert_eq!((entries(&path, &writer).len(), writer.state().commits), (2_000, 1));
        // The second half is for the commit itself, on a busy machine.
        assert!((window..window + Duration::from_secs(5)).contains(&passed), "{passed:?}");
    });
}

#[test]
fn much_is_committed_before_the_window_ends() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let writer = start_with(&path, NEVER);
        let large = vec![vec![b'x'; 16_000]; 270];
        let written = tokio::time::timeout(Duration::from_secs(10), writer.write(large, false)).await;
        assert_eq!(written.expect("waits for the window"), Ok(270));
    });
}

#[test]
fn a_batch_of_which_nothing_is_recorded_waits_for_nothing() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let writer = start_with(&directory.path().join("log"), NEVER);
        let answered = tokio::time::timeout(Duration::from_secs(10), writer.write(Vec::new(), false)).await;
        assert_eq!(answered.expect("waits for the window"), Ok(0));
        assert_eq!(writer.state().commits, 0);
    });
}
