//! The strict framing of a chunked request body: `1*16HEXDIG CRLF data CRLF … 0 CRLF CRLF`. Chunk extensions and
//! trailers are refused: nothing in this version reads them, and parsers differ on them.

/// Where in the body the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunked(State);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a size line, after so many digits.
    Size { digits: u8, size: u64 },
    /// The LF of a size line.
    SizeEnd { size: u64 },
    /// So many bytes of data, at least one.
    Data { left: u64 },
    /// The CR after data.
    DataCr,
    /// The LF after data.
    DataLf,
    /// The CR of the last, empty line.
    LastCr,
    /// Its LF.
    LastLf,
    /// Behind the body.
    Done,
}

/// Why a chunked body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Something other than digits and CRLF: an extension, white space, a bare LF.
    #[error("a chunk size is not hexadecimal digits and CRLF (extensions are refused)")]
    Size,
    /// More than 15 digits.
    #[error("a chunk size has more than 15 digits")]
    TooLarge,
    /// The data is longer than its size says.
    #[error("a chunk does not end in CRLF")]
    DataEnd,
    /// A trailer field, or a bare LF.
    #[error("the last chunk is not followed by an empty line (trailers are refused)")]
    Trailer,
}

impl Chunked {
    /// Before the first chunk.
    pub const START: Self = Self(State::Size { digits: 0, size: 0 });

    /// Reads as much of `bytes` as belongs to the body. Returns how much that is.
    ///
    /// # Errors
    /// [`ChunkError`] at the first byte that does not belong there.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<usize, ChunkError> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let State::Data { left } = self.0 {
                let here = bytes.len() - at;
                let take = usize::try_from(left).unwrap_or(usize::MAX).min(here);
                let left = left - take as u64;
                self.0 = if left == 0 { State::DataCr } else { State::Data { left } };
                at += take;
                continue;
            }
            if self.0 == State::Done {
                break;
            }
            self.0 = self.0.step(byte)?;
            at += 1;
        }
        Ok(at)
    }

    /// Whether the body is complete.
    #[must_use]
    pub fn is_done(self) -> bool {
        self.0 == State::Done
    }
}

impl State {
    fn step(self, byte: u8) -> Result<Self, ChunkError> {
        match (self, byte) {
            (Self::Size { digits: 1.., size }, b'\r') => Ok(Self::SizeEnd { size }),
            (Self::Size { digits, size }, _) => {
                let digit = char::from(byte).to_digit(16).ok_or(ChunkError::Size)?;
                // 15 digits fit into 60 bits.
                if digits >= 15 { Err(ChunkError::TooLarge) } else { Ok(Self::size(digits + 1, size, digit)) }
            }
            (Self::SizeEnd { size: 0 }, b'\n') => Ok(Self::LastCr),
            (Self::SizeEnd { size }, b'\n') => Ok(Self::Data { left: size }),
            (Self::SizeEnd { .. }, _) => Err(ChunkError::Size),
            (Self::DataCr, b'\r') => Ok(Self::DataLf),
            (Self::DataLf, b'\n') => Ok(Self::Size { digits: 0, size: 0 }),
            (Self::DataCr | Self::DataLf, _) => Err(ChunkError::DataEnd),
            (Self::LastCr, b'\r') => Ok(Self::LastLf),
            (Self::LastLf, b'\n') => Ok(Self::Done),
            (Self::LastCr | Self::LastLf, _) => Err(ChunkError::Trailer),
            (Self::Data { .. } | Self::Done, _) => Ok(self),
        }
    }

    fn size(digits: u8, size: u64, digit: u32) -> Self {
        Self::Size { digits, size: size << 4 | u64::from(digit) }
    }
}

#[cfg(test)]
mod tests;
