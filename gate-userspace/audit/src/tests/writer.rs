use crate::{Opener, Writer};
use ed25519_dalek::SigningKey;
use gate_audit_log::{Reader, verify};
use std::future::Future;
use std::path::Path;
use std::time::Instant;

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test)
}

fn start(directory: &Path) -> Writer {
    let key = SigningKey::from_bytes(&[7; 32]);
    let opener = Opener { directory: directory.into(), origin: "gate/test/h1/0".into(), key };
    Writer::start(opener, |event| panic!("{event:?}")).unwrap()
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
