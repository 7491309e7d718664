use super::{cgroup_mount, listen, run};
use crate::sockopt::{describe, peer, set_behalf, socket_cookie};
use crate::{CgroupRoot, Listener, fds};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

#[test]
fn descriptors_are_what_they_are() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let v6 = TcpListener::bind("[::1]:0").unwrap();
    let v6_stream = TcpStream::connect(v6.local_addr().unwrap()).unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (unix, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    let (pipe, _writer) = rustix::pipe::pipe().unwrap();
    let file = tempfile::tempfile().unwrap();
    let connection = |socket: &dyn AsFd| describe(socket.as_fd()).map(|kind| kind.is_tcp_connection()).unwrap_or(false);
    let listening = |socket: &dyn AsFd| describe(socket.as_fd()).map(|kind| kind.is_tcp_listener()).unwrap_or(false);
    assert!(connection(&stream) && connection(&v6_stream));
    assert!(listening(&listener) && listening(&v6));
    let others: [&dyn AsFd; 6] = [&listener, &udp, &unix, &pipe, &file, &v6];
    assert!(others.iter().all(|other| !connection(*other)));
    let others: [&dyn AsFd; 5] = [&stream, &udp, &unix, &pipe, &file];
    assert!(others.iter().all(|other| !listening(*other)));
    assert_eq!(describe(&file).unwrap_err().raw_os_error(), Some(libc::ENOTSOCK));
}

#[test]
fn a_tcp_socket_that_is_not_connected_is_no_connection() {
    use rustix::net::{AddressFamily, SocketType, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    assert!(!describe(&socket).unwrap().is_tcp_connection());
}

#[test]
fn multipath_tcp_is_not_tcp() {
    use rustix::net::{AddressFamily, SocketType, listen, socket};
    let mptcp = rustix::net::ipproto::MPTCP;
    let socket = socket(AddressFamily::INET, SocketType::STREAM, Some(mptcp)).expect("a kernel with MPTCP");
    listen(&socket, 1).unwrap();
    let kind = describe(&socket).unwrap();
    assert!(kind.listening && !kind.is_tcp_listener(), "{kind:?}");
}

#[test]
fn cookies_tell_sockets_apart() {
    let (one, other) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let copy = fds::duplicate(&one).unwrap();
    assert_eq!(socket_cookie(&one).unwrap(), socket_cookie(&copy).unwrap());
    assert_ne!(socket_cookie(&one).unwrap(), socket_cookie(&other).unwrap());
}

#[test]
fn without_the_kernel_programs_nobody_is_attested() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let refused = |error: std::io::Error| matches!(error.raw_os_error(), Some(libc::ENOPROTOOPT | libc::EOPNOTSUPP));
    assert!(refused(peer(&accepted).unwrap_err()));
    assert!(refused(set_behalf(&accepted, 7).unwrap_err()));
}

#[test]
fn a_socket_has_its_mode_and_its_group_and_replaces_only_sockets() {
    run(async {
        let cgroups = CgroupRoot::resolve(&cgroup_mount()).unwrap();
        let (directory, path, first) = listen();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        drop(first);
        let own = rustix::process::getegid().as_raw();
        let _second = Listener::bind(&path, 0o660, Some(own), cgroups.clone()).unwrap();
        let found = std::fs::metadata(&path).unwrap();
        assert_eq!((found.permissions().mode() & 0o7777, found.gid()), (0o660, own));
        let file = directory.path().join("file");
        std::fs::write(&file, "precious").unwrap();
        let error = Listener::bind(&file, 0o600, None, cgroups).unwrap_err().to_string();
        assert!(error.contains("it is no socket"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    });
}
