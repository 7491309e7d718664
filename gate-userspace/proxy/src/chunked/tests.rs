use super::*;

/// Reads `bytes` in pieces of `piece`; what belonged to the body, and whether it was complete.
fn read(bytes: &[u8], piece: usize) -> Result<(usize, bool), ChunkError> {
    let mut state = Chunked::START;
    let mut taken = 0;
    for part in bytes.chunks(piece) {
        let here = state.advance(part)?;
        taken += here;
        if here < part.len() {
            break;
        }
    }
    Ok((taken, state.is_done()))
}

#[test]
fn bodies_and_where_they_end() {
    for (body, rest, expected) in [
        ("0\r\n\r\n", "", Ok(true)),
        ("3\r\nabc\r\n0\r\n\r\n", "GET / HTTP/1.1\r\n", Ok(true)),
        ("A\r\n0123456789\r\n00\r\n\r\n", "x", Ok(true)),
        ("a\r\n0123456789\r\n", "", Ok(false)),
        ("3;a=b\r\nabc\r\n0\r\n\r\n", "", Err(ChunkError::Size)),
        ("3 \r\nabc\r\n", "", Err(ChunkError::Size)),
        (" 3\r\nabc\r\n", "", Err(ChunkError::Size)),
        ("+3\r\nabc\r\n", "", Err(ChunkError::Size)),
        ("0x3\r\nabc\r\n", "", Err(ChunkError::Size)),
        ("\r\nabc\r\n", "", Err(ChunkError::Size)),
        ("3\nabc\r\n", "", Err(ChunkError::Size)),
        ("3\rabc\r\n", "", Err(ChunkError::Size)),
        ("-1\r\n", "", Err(ChunkError::Size)),
        ("fffffffffffffff0\r\n", "", Err(ChunkError::TooLarge)),
        ("0000000000000003\r\nabc\r\n", "", Err(ChunkError::TooLarge)),
        ("3\r\nabcd\r\n", "", Err(ChunkError::DataEnd)),
        ("3\r\nabc\n0\r\n\r\n", "", Err(ChunkError::DataEnd)),
        ("0\r\nX-Trailer: a\r\n\r\n", "", Err(ChunkError::Trailer)),
        ("0\r\n\n", "", Err(ChunkError::Trailer)),
        ("0\r\n\rX", "", Err(ChunkError::Trailer)),
    ] {
        let bytes = format!("{body}{rest}").into_bytes();
        for piece in [1, 2, 3, 7, 64] {
            let expected = expected.map(|done| (body.len(), done));
            assert_eq!(read(&bytes, piece), expected, "{body:?} in pieces of {piece}");
        }
    }
}
