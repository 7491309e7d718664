//! Archives: two sound ones, and those that a stranger would try.

use crate::{Fallible, write};
use gate_fuzz::tarball;
use std::path::Path;

const BLOCK: usize = 512;

type Member = (String, Vec<u8>);

pub fn write_all(directory: &Path, unsigned: &[u8], signed: &[u8]) -> Fallible<()> {
    let put = |name: &str, bytes: &[u8]| write(directory.join(format!("{name}.tar")), bytes);
    put("good-unsigned", unsigned)?;
    put("good-signed", signed)?;
    for (what, name) in [
        ("parent", "policy/../shop.cedar"),
        ("absolute", "/etc/passwd"),
        ("hidden", "policy/.cedar"),
        ("directory", "policy/a/b.cedar"),
        ("control", "policy/a\nb.cedar"),
        ("invisible", "policy/a\u{200b}.cedar"),
        ("number", "signatures/00.sig"),
        ("far-number", "signatures/18446744073709551616.sig"),
    ] {
        put(&format!("bad-name-{what}"), &with(signed, |members| members.push((name.into(), b"x".to_vec()))))?;
    }
    put("bad-twice", &with(signed, |members| members.extend(members.get(1).cloned())))?;
    put("bad-order", &with(signed, |members| members.swap(1, 2)))?;
    put("bad-without-tables", &with(signed, |members| members.retain(|(name, _)| name != "tables.json")))?;
    put("bad-unlisted", &with(signed, |members| members.insert(3, ("policy/z.cedar".into(), Vec::new()))))?;
    put("bad-signature-gap", &with(signed, |members| rename(members, "signatures/1.sig", "signatures/2.sig")))?;
    put("bad-empty", &[])?;
    put("bad-only-zeros", &[0; 2 * BLOCK])?;
    put("bad-cut", signed.get(..signed.len() - BLOCK).unwrap_or_default())?;
    put("bad-further", &[signed, &[0; BLOCK]].concat())?;
    put("bad-link", &patched(signed, 156, b"2"))?;
    put("bad-owner", &patched(signed, 108, b"0001750"))?;
    put("bad-size-huge", &patched(signed, 124, b"77777777777"))?;
    put("bad-size-binary", &patched(signed, 124, &[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))?;
    put("bad-size-signed", &patched(signed, 124, b"-0000000001"))?;
    put("bad-size-plus", &patched(signed, 124, b"+0000001000"))
}

fn with(tar: &[u8], change: impl FnOnce(&mut Vec<Member>)) -> Vec<u8> {
    let mut members = gate_fuzz::members(tar);
    change(&mut members);
    tarball(&members)
}

fn rename(members: &mut [Member], from: &str, to: &str) {
    members.iter_mut().filter(|(name, _)| name == from).for_each(|(name, _)| *name = to.into());
}

/// The first header with other bytes, and its checksum made right again.
fn patched(tar: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    let set = |tar: &mut Vec<u8>, at: usize, bytes: &[u8]| {
        if let Some(place) = tar.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    set(&mut tar, at, bytes);
    set(&mut tar, 148, b"        ");
    let sum: u32 = tar.iter().take(BLOCK).map(|byte| u32::from(*byte)).sum();
    set(&mut tar, 148, format!("{sum:06o}\0 ").as_bytes());
    tar
}
