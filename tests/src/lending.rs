//! A socket that one service makes and another uses.

use crate::{Host, attacker::Outcome, until};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Child, Stdio},
};

impl Host {
    /// `borrower` takes a TCP socket that `lender` made, and connects it to an address.
    ///
    /// # Errors
    /// When gate-attacker does not run.
    pub fn borrow(&mut self, lender: &str, borrower: &str, to: &str) -> anyhow::Result<Outcome> {
        self.lent(lender, borrower, &[to])
    }

    /// The same with a UDP socket, and a datagram to that address.
    ///
    /// # Errors
    /// When gate-attacker does not run.
    pub fn borrow_datagram(&mut self, lender: &str, borrower: &str, to: &str) -> anyhow::Result<Outcome> {
        self.lent(lender, borrower, &[to, "--datagram"])
    }

    fn lent(&mut self, lender: &str, borrower: &str, what: &[&str]) -> anyhow::Result<Outcome> {
        let directory = self.path("services/lend");
        fs::create_dir_all(&directory)?;
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777))?;
        let meeting = directory.join("socket");
        let _ = fs::remove_file(&meeting);
        let at = meeting.display().to_string();
        let attacker = self.installed("gate-attacker")?.display().to_string();
        let words = [&[attacker.as_str(), "lend", &at], what].concat();
        let mut lending = Lending(self.command(lender, &words)?.stdout(Stdio::null()).spawn()?);
        // It may be called from when it may be entered by everybody.
        until("the lender", || {
            anyhow::ensure!(lending.0.try_wait()?.is_none(), "{lender} did not lend a socket");
            Ok(fs::metadata(&meeting).ok().filter(|found| found.permissions().mode() & 0o777 == 0o777))
        })?;
        self.attempt(borrower, &[&["borrow", at.as_str()], what].concat())
    }
}

/// The lender, who goes when this is dropped.
struct Lending(Child);

impl Drop for Lending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
