use super::{listen, pair, run};
use crate::frame::{send_bytes, socket};
use crate::{Connection, FrameError, MAX_FRAME};
use rustix::io::{FdFlags, fcntl_getfd, read};
use rustix::net::{SocketAddrUnix, connect};
use rustix::pipe::pipe;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A caller that sends whatever bytes it likes, and the callee.
async fn hostile() -> (OwnedFd, Connection) {
    let (_directory, path, listener) = listen();
    let caller = socket().unwrap();
    connect(&caller, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    let callee = listener.accept().await.unwrap().unwrap();
    (caller, callee)
}

/// What the callee makes of these bytes, expecting a `(u32, String)` and one descriptor at most.
async fn judge(bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<Option<(u32, String)>, String> {
    let (caller, callee) = hostile().await;
    send_bytes(caller.as_fd(), bytes, descriptors).unwrap();
    drop(caller);
    match callee.receive::<(u32, String)>(1).await {
        Ok(frame) => Ok(frame.map(|frame| frame.message)),
        Err(error @ FrameError::Malformed { .. }) => Err(error.to_string()),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_message_and_a_descriptor_arrive() {
    run(async {
        let (caller, callee) = pair().await;
        let (reader, writer) = pipe().unwrap();
        caller.send(&(7_u32, "seven".to_owned()), &[writer.as_fd()]).await.unwrap();
        drop(writer);
        let frame = callee.receive::<(u32, String)>(1).await.unwrap().unwrap();
        assert_eq!(frame.message, (7, "seven".to_owned()));
        let [received] = <[OwnedFd; 1]>::try_from(frame.descriptors).unwrap();
        assert!(fcntl_getfd(&received).unwrap().contains(FdFlags::CLOEXEC));
        rustix::io::write(&received, b"x").unwrap();
        assert_eq!(read(&reader, &mut [0; 4]).unwrap(), 1);
    });
}

#[test]
fn the_end_of_the_connection_is_no_error() {
    run(async {
        let (caller, callee) = pair().await;
        caller.send(&1_u8, &[]).await.unwrap();
        drop(caller);
        assert_eq!(callee.receive::<u8>(0).await.unwrap().unwrap().message, 1);
        assert!(callee.receive::<u8>(0).await.unwrap().is_none());
    });
}

#[test]
fn what_is_no_message_is_malformed() {
    let good = postcard::to_allocvec(&(7_u32, "seven")).unwrap();
    let long = [good.as_slice(), &[0]].concat();
    run(async {
        assert_eq!(judge(&good, &[]).await, Ok(Some((7, "seven".to_owned()))));
        let cut = judge(&good[..good.len() - 1], &[]).await.unwrap_err();
        assert!(cut.contains("no such message"), "{cut}");
        let garbage = judge(&[0xff; 64], &[]).await.unwrap_err();
        assert!(garbage.contains("64 bytes that are no such message"), "{garbage}");
        let trailing = judge(&long, &[]).await.unwrap_err();
        assert!(trailing.contains("1 bytes follow the message"), "{trailing}");
        let too_long = judge(&vec![0; MAX_FRAME + 1], &[]).await.unwrap_err();
        assert!(too_long.contains("longer than 131072 bytes"), "{too_long}");
    });
}

#[test]
fn a_length_that_no_memory_has_is_malformed() {
    // Seven, then a string of 2^60 bytes.
    let huge = [7, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
    let found = run(judge(&huge, &[])).unwrap_err();
    assert!(found.contains("no such message"), "{found}");
}

/// Sends the writing end of a pipe so often, and says whether it is closed everywhere afterwards.
async fn refused_and_closed(bytes: &[u8], count: usize) -> (String, bool) {
    let (reader, writer) = pipe().unwrap();
    let (caller, callee) = hostile().await;
    let sent = vec![writer.as_fd(); count];
    raw_send(&caller, bytes, &sent);
    drop(writer);
    let found = callee.receive::<(u32, String)>(1).await.unwrap_err().to_string();
    rustix::io::ioctl_fionbio(&reader, true).unwrap();
    let closed = read(&reader, &mut [0; 1]) == Ok(0);
    (found, closed)
}

/// More descriptors than `send_bytes` would take.
fn raw_send(socket: &OwnedFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(descriptors)));
    sendmsg(socket, &[std::io::IoSlice::new(bytes)], &mut control, SendFlags::empty()).unwrap();
}

#[test]
fn descriptors_that_do_not_belong_are_refused_and_closed() {
    let good = postcard::to_allocvec(&(7_u32, "seven")).unwrap();
    run(async {
        let (two, closed) = refused_and_closed(&good, 2).await;
        assert!(two.contains("2 descriptors, at most 1 belong here") && closed, "{two} {closed}");
        let (many, closed) = refused_and_closed(&good, 40).await;
        assert!(many.contains("more than 4 descriptors") && closed, "{many} {closed}");
        let (none, closed) = refused_and_closed(&[], 1).await;
        assert!(none.contains("no such message") && closed, "{none} {closed}");
        let (garbage, closed) = refused_and_closed(&[0xff; 9], 1).await;
        assert!(garbage.contains("no such message") && closed, "{garbage} {closed}");
    });
}

#[test]
fn the_largest_frame_fits_and_a_larger_one_is_not_sent() {
    run(async {
        let (caller, callee) = pair().await;
        // Three bytes for the length.
        let largest = vec![1_u8; MAX_FRAME - 3];
        caller.send(&largest, &[]).await.unwrap();
        assert_eq!(callee.receive::<Vec<u8>>(0).await.unwrap().unwrap().message, largest);
        let larger = vec![1_u8; MAX_FRAME - 2];
        let error = caller.send(&larger, &[]).await.unwrap_err();
        assert!(matches!(error, FrameError::Unsendable { .. }), "{error}");
    });
}

#[test]
fn a_full_socket_makes_the_sender_wait_and_loses_nothing() {
    run(async {
        let (caller, callee) = pair().await;
        let text = "x".repeat(8_000);
        let sending = async {
            for number in 0..500_u32 {
                caller.send(&(number, text.clone()), &[]).await.unwrap();
            }
        };
        let receiving = async {
            // The sender fills the socket first.
            tokio::task::yield_now().await;
            for number in 0..500_u32 {
                assert_eq!(callee.receive::<(u32, String)>(0).await.unwrap().unwrap().message.0, number);
            }
        };
        tokio::join!(sending, receiving);
    });
}
