//! What runs: the digest of this process's own binary.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};

/// SHA-256 of the file that this process runs, read through `/proc/self/exe`: the running file even when another was put
/// in its place since. To be called before the sandbox, which does not let a role read its binary.
pub fn binary_sha256() -> io::Result<[u8; 32]> {
    let mut file = File::open("/proc/self/exe")?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finalize().into()),
            length => digest.update(buffer.get(..length).unwrap_or(&buffer)),
        }
    }
}
