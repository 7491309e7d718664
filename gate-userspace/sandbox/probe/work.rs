//! The everyday work of a daemon, which every sandbox must leave possible: an event loop, Unix sockets, threads, files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

pub(crate) fn everyday(place: &Path) -> io::Result<()> {
    files(place)?;
    let joined = std::thread::Builder::new().name("worker".to_owned()).spawn(|| 7)?.join();
    if joined.ok() != Some(7) {
        return Err(io::Error::other("a thread did not give what it should"));
    }
    let caught = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(())));
    if caught.is_ok() {
        return Err(io::Error::other("a panic went missing"));
    }
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(event_loop(place))
}

fn files(place: &Path) -> io::Result<()> {
    let directory = place.join("log");
    fs::create_dir(&directory)?;
    let unfinished = directory.join("entry.unfinished");
    let mut file = File::create(&unfinished)?;
    file.write_all(b"a record, and half of another")?;
    file.set_len(8)?;
    file.sync_data()?;
    file.sync_all()?;
    fs::rename(&unfinished, directory.join("entry"))?;
    File::open(&directory)?.sync_all()?;
    if fs::read_to_string(directory.join("entry"))? != "a record" || fs::read_dir(&directory)?.count() != 1 {
        return Err(io::Error::other("what was written is not what is read"));
    }
    fs::remove_file(directory.join("entry"))?;
    fs::remove_dir(directory)
}

async fn event_loop(place: &Path) -> io::Result<()> {
    let path = place.join("role.sock");
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o660))?;
    let mut ours = UnixStream::connect(&path).await?;
    let (mut theirs, _) = listener.accept().await?;
    // Who calls: the user, and the cgroup of the process.
    let pid = theirs.peer_cred()?.pid().ok_or_else(|| io::Error::other("a caller without a process"))?;
    tokio::fs::read_to_string(format!("/proc/{pid}/cgroup")).await?;
    ours.write_all(b"question").await?;
    let mut question = [0; 8];
    tokio::time::timeout(Duration::from_secs(5), theirs.read_exact(&mut question)).await??;
    drop(ours);
    let ended = theirs.read(&mut question).await?;
    fs::remove_file(path)?;
    if ended == 0 { Ok(()) } else { Err(io::Error::other("the conversation did not end")) }
}
