//! Tar files for the targets: read without any check, and written as gatectl writes them.

use tar::{EntryType, Header};

const BLOCK: usize = 512;

/// The members of a tar file, or of what is left of one: a header's checksum, mode and type are not looked at.
#[must_use]
pub fn members(mut rest: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut members = Vec::new();
    while let Some((header, after)) = rest.split_at_checked(BLOCK) {
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        let name: Vec<u8> = header.iter().take(100).copied().take_while(|byte| *byte != 0).collect();
        let digits: String = header.iter().skip(124).take(11).map(|byte| char::from(*byte)).collect();
        let size = usize::from_str_radix(&digits, 8).unwrap_or(0).min(after.len());
        let (bytes, further) = after.split_at(size);
        members.push((String::from_utf8_lossy(&name).into_owned(), bytes.to_vec()));
        let padding = size.next_multiple_of(BLOCK) - size;
        rest = further.get(padding..).unwrap_or_default();
    }
    members
}

/// Members in the one form that a bundle has, whatever their names are. A name that no header holds is left out.
#[must_use]
pub fn write(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in members {
        if let Some(header) = header(name, bytes.len()) {
            out.extend(header.as_bytes());
            out.extend(bytes);
            out.resize(out.len().next_multiple_of(BLOCK), 0);
        }
    }
    out.extend([0; 2 * BLOCK]);
    out
}

fn header(name: &str, size: usize) -> Option<Header> {
    let mut header = Header::new_ustar();
    // Not `set_path`, which refuses what a stranger would write.
    header.as_old_mut().name.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
    header.set_size(size as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(EntryType::Regular);
    header.set_device_major(0).ok()?;
    header.set_device_minor(0).ok()?;
    header.set_cksum();
    // The same sum in the form of POSIX.
    let sum = header.cksum().ok()?;
    header.as_old_mut().cksum.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Some(header)
}
