//! The passed descriptor: a hostile input until it is known to be what it should be.

use crate::Refusal;
use gate_common::peer::Peer;
use gate_ipc::sockopt::{self, SocketKind};
use std::os::fd::{AsFd, OwnedFd};

/// What the kernel states of one connection.
#[derive(Debug, Clone, Copy)]
pub struct Stated {
    /// Of its peer.
    pub peer: Peer,
    /// The socket's own cookie.
    pub cookie: u64,
}

/// What the session of the connection is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Begin: the client may have finished sending already, and wait for its answer.
    Begin,
    /// Go on: only while both ends may send. A client that is gone looks like one that has finished sending, until
    /// something is sent to it; whoever keeps the proxy's end open does not keep the session alive with it.
    GoOn,
}

/// `TCP_ESTABLISHED`.
const ESTABLISHED: u8 = 1;

/// Asks the kernel about the connection. The descriptors are closed in any case.
///
/// # Errors
/// [`Refusal::Descriptors`], [`Refusal::NotAConnection`], [`Refusal::Ended`], [`Refusal::NotAttested`].
pub fn ask_kernel(descriptors: Vec<OwnedFd>, purpose: Purpose) -> Result<Stated, Refusal> {
    let found = descriptors.len();
    let [socket] = <[OwnedFd; 1]>::try_from(descriptors).map_err(|_| Refusal::Descriptors { found })?;
    check_kind(&socket, purpose)?;
    let peer = sockopt::peer(&socket).map_err(Refusal::NotAttested)?;
    let cookie = sockopt::socket_cookie(&socket).map_err(Refusal::NotAttested)?;
    Ok(Stated { peer, cookie })
}

fn check_kind(socket: impl AsFd, purpose: Purpose) -> Result<(), Refusal> {
    let refuse = |found: String| Err(Refusal::NotAConnection { found });
    match sockopt::describe(socket) {
        Ok(kind) if kind.is_tcp_connection() && (purpose == Purpose::Begin || kind.state == Some(ESTABLISHED)) => {
            Ok(())
        }
        Ok(kind) if kind.is_tcp_listener() => refuse("a listening TCP socket".into()),
        Ok(kind) if kind.is_tcp() => Err(Refusal::Ended),
        Ok(SocketKind { domain, kind, protocol, .. }) => {
            refuse(format!("a socket of domain {domain}, type {kind}, protocol {protocol}"))
        }
        Err(error) => refuse(format!("no socket ({error})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixStream;

    fn refusal(descriptor: impl Into<OwnedFd>) -> String {
        ask_kernel(vec![descriptor.into()], Purpose::Begin).expect_err("it must be refused").to_string()
    }

    #[test]
    fn what_is_no_tcp_connection_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(refusal(listener).contains("is a listening TCP socket"));
        assert!(
            refusal(UdpSocket::bind("127.0.0.1:0").unwrap()).contains("is a socket of domain 2, type 2, protocol 17")
        );
        let (unix, _other) = UnixStream::pair().unwrap();
        assert!(refusal(unix).contains("domain 1"));
        assert!(refusal(std::fs::File::open("/proc/self/stat").unwrap()).contains("is no socket"));
        let (pipe, _writer) = std::io::pipe().unwrap();
        assert!(refusal(pipe).contains("is no socket"));
    }

    #[test]
    fn a_connection_that_ended_is_refused() {
        let listener = TcpListener::bind("[::1]:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        accepted.shutdown(std::net::Shutdown::Both).unwrap();
        drop(client);
        assert_eq!(refusal(accepted), "the connection has ended");
    }

    #[test]
    fn p23_a_session_begins_but_does_not_go_on_once_the_client_has_finished() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let answer =
            |purpose| ask_kernel(vec![accepted.try_clone().unwrap().into()], purpose).expect_err("no Gate here");
        // Both pass on to the kernel, which attests nothing here.
        assert!(matches!(answer(Purpose::Begin), Refusal::NotAttested(_)));
        assert!(matches!(answer(Purpose::GoOn), Refusal::NotAttested(_)));
        drop(client);
        // The end of the stream was read: the state is CLOSE_WAIT now.
        assert_eq!(std::io::Read::read(&mut &accepted, &mut [0]).unwrap(), 0);
        assert!(matches!(answer(Purpose::Begin), Refusal::NotAttested(_)));
        assert!(matches!(answer(Purpose::GoOn), Refusal::Ended));
    }

    #[test]
    fn exactly_one_descriptor_is_right() {
        let pipe = || OwnedFd::from(std::io::pipe().unwrap().0);
        assert!(matches!(ask_kernel(vec![], Purpose::Begin), Err(Refusal::Descriptors { found: 0 })));
        let two = ask_kernel(vec![pipe(), pipe()], Purpose::Begin);
        assert!(matches!(two, Err(Refusal::Descriptors { found: 2 })));
    }

    #[test]
    fn a_connection_that_the_kernel_attests_nothing_of_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert!(refusal(accepted).starts_with("the kernel attests no peer: "));
    }
}
