//! Step 7: the log holds all of it, and a changed byte is found.

use crate::{
    Host, Report,
    record::{Mark, words},
};
use anyhow::Context as _;
use gate_record::{Entry, Event, Outcome};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What a reader looks for, and how he knows it.
type Sought = (&'static str, fn(&Entry) -> bool);

pub(super) fn run(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    for (what, wanted) in sought() {
        let entry = host.entry_after(Mark::START, wanted)?;
        report.line(format!("the record: {what}"), words(entry.as_ref()), entry.is_some());
    }
    let log = host.log_directory();
    let verified = verify(host, &log, &[])?;
    let sound = verified.succeeded();
    report.line("gatectl audit verify: every entry, the tree and the signature hold", verified.text(), sound);

    let saved = host.path("people/checkpoint");
    fs::copy(log.join("checkpoint"), &saved)?;
    let copy = copied(host, &log)?;
    let later = host.request("web", "GET", "http://127.0.0.1:8080/orders/2")?;
    anyhow::ensure!(later.status == Some(200), "a later request: {}", later.text());
    let later = host.entry_after(
        Mark::START,
        |entry| matches!(&entry.report.event, Event::Enforcement { request, .. } if request.contains("/orders/2")),
    )?;
    anyhow::ensure!(later.is_some(), "the later request is not in the log");
    let again = verify(host, &log, &["--checkpoint", &saved.display().to_string()])?;
    report.line("it continues the checkpoint that was kept before", again.text(), again.succeeded());

    let cut = verify(host, &copy, &["--checkpoint", &log.join("checkpoint").display().to_string()])?;
    report.line("a log whose tail was cut off: found, with the newer checkpoint", cut.text(), cut.code == Some(1));

    let (file, index) = change(&copy)?;
    let found = verify(host, &copy, &[])?;
    let text = found.text();
    let named = found.code == Some(1) && text.contains(&file) && text.contains(&format!("entry {index} "));
    report.line(format!("one changed byte in entry {index}: found, and named with its file {file}"), text, named);
    Ok(())
}

fn sought() -> Vec<Sought> {
    fn flow(entry: &Entry, wanted: Outcome, from: &str, to: &str) -> bool {
        matches!(&entry.report.event, Event::Flow { outcome, source, destination, .. }
            if *outcome == wanted && source == from && destination == to)
    }
    fn refused(entry: &Entry, part: &str) -> bool {
        matches!(&entry.report.event, Event::Bundle { step, reasons, .. }
            if step == "refused" && reasons.iter().any(|reason| reason.contains(part)))
    }
    vec![
        ("web reached the ledger", |entry| flow(entry, Outcome::Allow, "web", "ledger")),
        ("batch did not reach the ledger", |entry| flow(entry, Outcome::Deny, "batch", "ledger")),
        ("batch did not reach orders", |entry| flow(entry, Outcome::Deny, "batch", "orders")),
        ("a process of no service did not reach orders", |entry| flow(entry, Outcome::Deny, "", "orders")),
        (
            "the proxy without a grant did not reach orders",
            |entry| matches!(&entry.report.event, Event::Flow { outcome: Outcome::Deny, why, .. } if why.contains("no grant")),
        ),
        (
            "a grant ended under an open connection",
            |entry| matches!(&entry.report.event, Event::Flow { outcome: Outcome::Deny, why, .. } if why.contains("has ended")),
        ),
        ("a bundle without an approver was refused", |entry| refused(entry, "0 of 1 approvals")),
        ("a bundle with a changed byte was refused", |entry| refused(entry, "policy/shop.cedar")),
        ("an older bundle was refused", |entry| refused(entry, "older than")),
        ("alice authored and bob approved the bundle in force", |entry| {
            matches!(&entry.report.event, Event::Bundle { step, author, approvers, .. }
                if step == "activated" && author.as_deref() == Some("alice") && approvers.as_slice() == ["bob"])
        }),
        ("the BPF object that was loaded, by its digest", |entry| {
            matches!(&entry.report.event, Event::Start { object: Some(_), .. })
        }),
    ]
}

fn verify(host: &Host, log: &Path, further: &[&str]) -> anyhow::Result<crate::Output> {
    let (log, key, origin) = (log.display().to_string(), host.path("keys/audit.pub"), host.log_origin()?);
    let key = key.display().to_string();
    let words = [&["audit", "verify", &log, "--key", &key, "--origin", &origin], further].concat();
    host.gatectl(&words.into_iter().map(str::to_owned).collect::<Vec<_>>())
}

fn copied(host: &Host, log: &Path) -> anyhow::Result<PathBuf> {
    let copy = host.path("people/log");
    let copied = Command::new("cp").arg("-a").args([log, &copy]).status()?;
    anyhow::ensure!(copied.success(), "copying the log");
    Ok(copy)
}

/// Changes one byte in the middle of the entries; the file's name, and the entry that it is in.
fn change(log: &Path) -> anyhow::Result<(String, u64)> {
    let entries = log.join("tile/entries");
    let mut names: Vec<PathBuf> = files(&entries)?;
    names.sort_by_key(|path| path.as_os_str().len());
    // The full bundle of the first entries where there is one, else the longest partial.
    let full = names.iter().find(|path| !path.display().to_string().contains(".p"));
    let longest = names.iter().max_by_key(|path| fs::metadata(path).map_or(0, |found| found.len()));
    let file = full.or(longest).context("the log has no entries")?;
    let mut bytes = fs::read(file)?;
    let middle = bytes.len() / 2;
    let (entry, within) = entry_at(&bytes, middle).context("a bundle of entries that ends early")?;
    *bytes.get_mut(within).context("an empty bundle of entries")? ^= 1;
    fs::write(file, bytes)?;
    Ok((file.strip_prefix(log)?.display().to_string(), entry))
}

/// Which entry of a bundle (C2SP tlog-tiles: two bytes of length, then the entry) holds a byte, and a place inside it.
fn entry_at(bytes: &[u8], place: usize) -> Option<(u64, usize)> {
    let (mut begin, mut index) = (0, 0);
    loop {
        let length: [u8; 2] = bytes.get(begin..begin + 2)?.try_into().ok()?;
        let end = begin + 2 + usize::from(u16::from_be_bytes(length));
        if place < end {
            return Some((index, begin + 2));
        }
        (begin, index) = (end, index + 1);
    }
}

fn files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    Ok(found)
}
