//! A role's listening socket.

use crate::descriptor::{self, Descriptor};
use crate::frame;
use crate::peer::{CgroupRoot, PeerError};
use crate::{Connection, Peer};
use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, chmodat, chownat, statat, unlinkat};
use rustix::io::Errno;
use rustix::net::{SocketAddrUnix, SocketFlags, accept_with, bind, listen};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use tokio::io::unix::AsyncFd;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

/// A listening socket for frames.
#[derive(Debug)]
pub struct Listener {
    socket: AsyncFd<Descriptor>,
    path: PathBuf,
    cgroups: CgroupRoot,
}

/// Why a socket cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{}: {step}: {error}", path.display())]
pub struct BindError {
    /// The socket's path.
    pub path: PathBuf,
    /// What failed.
    pub step: &'static str,
    /// Why.
    pub error: io::Error,
}

impl Listener {
    /// Listens at `path`. A socket that is already there is replaced; anything else there is an error. The socket
    /// gets `mode` and group `gid` before anybody can connect. Inside a tokio runtime only.
    ///
    /// # Errors
    /// [`BindError`] names the step.
    pub fn bind(path: &Path, mode: u32, gid: Option<u32>, cgroups: CgroupRoot) -> Result<Self, BindError> {
        let wrong = |step| move |error: Errno| BindError { path: path.into(), step, error: error.into() };
        let failed = |step| move |error| BindError { path: path.into(), step, error };
        remove_stale(path).map_err(failed("removing what is there"))?;
        let socket = frame::socket().map_err(failed("socket"))?;
        let address = SocketAddrUnix::new(path).map_err(wrong("address"))?;
        bind(&socket, &address).map_err(wrong("bind"))?;
        // Nobody can connect before `listen`, so that the default mode is never in effect.
        chmodat(CWD, path, Mode::from_raw_mode(mode), AtFlags::empty()).map_err(wrong("chmod"))?;
        if let Some(gid) = gid {
            give_to_group(path, gid).map_err(failed("giving it to its group"))?;
        }
        listen(&socket, BACKLOG).map_err(wrong("listen"))?;
        let socket = descriptor::register(socket).map_err(failed("registering"))?;
        Ok(Self { socket, path: path.into(), cgroups })
    }

    /// Accepts one connection and finds out who made it. One that cannot be identified is closed, and named in the
    /// inner error; the listener goes on. Cancel-safe.
    ///
    /// # Errors
    /// The outer: those of `accept(2)`, when even retrying is of no use at once (no descriptors left).
    pub async fn accept(&self) -> io::Result<Result<Connection, PeerError>> {
        let socket = self.accept_socket().await?;
        Ok(Peer::identify(socket.as_fd(), &self.cgroups)
            .and_then(|peer| Connection::new(socket, Some(peer)).map_err(PeerError::from)))
    }

    async fn accept_socket(&self) -> io::Result<OwnedFd> {
        loop {
            let mut ready = self.socket.readable().await?;
            match accept_with(self.socket.as_fd(), SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(socket) => return Ok(socket),
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn remove_stale(path: &Path) -> io::Result<()> {
    match statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::Socket => {
            Ok(unlinkat(CWD, path, AtFlags::empty())?)
        }
        Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is no socket")),
    }
}

/// In a directory with the set-group-ID bit the socket has its group from the start; elsewhere this process needs to
/// be a member.
fn give_to_group(path: &Path, gid: u32) -> io::Result<()> {
    if statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)?.st_gid == gid {
        return Ok(());
    }
    Ok(chownat(CWD, path, None, Some(Gid::from_raw(gid)), AtFlags::SYMLINK_NOFOLLOW)?)
}
