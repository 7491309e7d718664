//! Percent-encoding, undone in one way by all who speak of paths and queries.

/// The bytes that an encoded text stands for. `%` without two hexadecimal digits stands for itself.
#[must_use]
pub fn decode(encoded: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&first, tail)) = rest.split_first() {
        let (byte, tail) = if first == b'%' { octet(tail).unwrap_or((first, tail)) } else { (first, tail) };
        bytes.push(byte);
        rest = tail;
    }
    bytes
}

/// What two hexadecimal digits stand for, and what follows them.
#[must_use]
pub fn octet(digits: &[u8]) -> Option<(u8, &[u8])> {
    let (&[high, low], rest) = digits.split_first_chunk::<2>()?;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(high)? << 4 | digit(low)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_once() {
        for (encoded, decoded) in
            [("", ""), ("a", "a"), ("%61%2F", "a/"), ("%2561", "%61"), ("%", "%"), ("%6", "%6"), ("%zz", "%zz")]
        {
            assert_eq!(decode(encoded.as_bytes()), decoded.as_bytes(), "{encoded}");
        }
        assert_eq!(decode(b"%c3%A9%ff"), b"\xc3\xa9\xff");
    }
}
