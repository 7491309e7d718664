//! A directory with people's SSH keys, a policy of theirs, and the real `gatectl`.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows functions marked as tests, not what they call"
)]

use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// What a run of gatectl gave.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// It ended with this code; otherwise everything it said is shown.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out:\n{}\nerr:\n{}", self.out, self.err);
        self
    }

    /// Standard output has this text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.out.contains(text), "{text:?} is not in:\n{}\nerr:\n{}", self.out, self.err);
        self
    }

    /// Standard error has this text.
    #[track_caller]
    pub fn complains(self, text: &str) -> Self {
        assert!(self.err.contains(text), "{text:?} is not in:\n{}\nout:\n{}", self.err, self.out);
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// Runs a command with nothing on its standard input.
pub fn run(command: &mut Command) -> Ran {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// A directory of one test's own.
pub struct Place {
    directory: TempDir,
}

impl Place {
    /// With keys of alice, bob and mallory, and in `policy` the shop's policy with duties of alice and bob.
    pub fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        for name in ["alice", "bob", "mallory"] {
            place.make_key(name, "ed25519");
        }
        fs::create_dir(place.path("policy")).unwrap();
        let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/shop");
        for entry in fs::read_dir(shop).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), place.path("policy").join(entry.file_name())).unwrap();
        }
        let duties = format!(
            "mode = \"team\"\napprovals = 1\n[person.alice]\nkeys = [\"{}\"]\nmay = [\"author\", \"approve\"]\n\
             [person.bob]\nkeys = [\"{}\"]\nmay = [\"approve\"]\n",
            place.public("alice"),
            place.public("bob")
        );
        fs::write(place.path("policy/duties.toml"), duties).unwrap();
        place
    }

    /// Nothing but a directory.
    pub fn empty() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn make_key(&self, name: &str, kind: &str) {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-N", "", "-C", name, "-t", kind, "-f"]).arg(self.path(name));
        run(&mut keygen).code(0);
    }

    pub fn public(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap().trim().to_owned()
    }

    /// Changes a file; the text must be there.
    pub fn edit(&self, file: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(old), "{old:?} is not in {file}");
        fs::write(self.path(file), text.replacen(old, new, 1)).unwrap();
    }

    pub fn append(&self, file: &str, text: &str) {
        let before = fs::read_to_string(self.path(file)).unwrap();
        fs::write(self.path(file), before + text).unwrap();
    }

    /// gatectl in this directory.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatectl"));
        command.args(arguments).current_dir(self.directory.path());
        command.env_remove("SSH_AUTH_SOCK").env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", self.directory.path());
        // A repository around the temporary directory would be none of the test's.
        command.env("GIT_CEILING_DIRECTORIES", self.directory.path().parent().unwrap());
        command
    }

    /// Runs gatectl in this directory, with arguments parted by spaces.
    pub fn gatectl(&self, arguments: &str) -> Ran {
        run(&mut self.command(arguments.split_whitespace()))
    }

    /// The same with `--json`.
    pub fn json(&self, arguments: &str) -> (i32, Value) {
        let ran = self.gatectl(&format!("--json {arguments}"));
        (ran.code, ran.json())
    }

    /// Builds `out` from `policy`, signed by alice and approved by bob.
    pub fn signed(&self, out: &str, previous: &str) {
        self.gatectl(&format!("bundle build policy -o {out} {previous}")).code(0);
        self.gatectl(&format!("bundle sign {out} --as author --key alice")).code(0);
        self.gatectl(&format!("bundle approve {out} --key bob")).code(0);
    }
}
