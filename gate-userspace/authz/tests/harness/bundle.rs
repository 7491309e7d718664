//! Policies, the people who sign them, and bundles.

use gate_bundle::{Bundle, Digest, Draft, TABLES};
use gate_policy::{PolicySource, compile};
use gate_tables::Tables;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The files of a policy, without its duties.
#[derive(Clone)]
pub struct Policy(BTreeMap<String, String>);

/// The example policy of the repository.
pub fn shop() -> Policy {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/shop");
    let names = ["services.toml", "shop.cedar", "cases.toml"];
    let file = |name: &str| (name.to_owned(), fs::read_to_string(directory.join(name)).unwrap());
    Policy(names.map(file).into())
}

impl Policy {
    pub fn with_more_rules(mut self, rules: &str) -> Self {
        self.0.get_mut("shop.cedar").unwrap().push_str(rules);
        self
    }

    pub fn with_more_cases(mut self, cases: &str) -> Self {
        self.0.get_mut("cases.toml").unwrap().push_str(cases);
        self
    }

    pub fn without_case(mut self, name: &str) -> Self {
        let text = self.0.get_mut("cases.toml").unwrap();
        let quoted = format!("name = \"{name}\"");
        assert!(text.contains(&quoted));
        let kept = text.split("[[case]]").filter(|case| !case.contains(&quoted));
        *text = kept.collect::<Vec<_>>().join("[[case]]");
        self
    }
}

/// alice, who authors, and bob, who approves.
pub struct People {
    directory: PathBuf,
    pub duties: String,
}

impl People {
    pub fn new(directory: &Path) -> Self {
        let key = |name: &str| {
            let file = directory.join(name);
            let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file).status();
            assert!(made.unwrap().success());
            fs::read_to_string(file.with_extension("pub")).unwrap().trim().to_owned()
        };
        let person = |name: &str, may: &str| format!("[person.{name}]\nkeys = [\"{}\"]\nmay = [{may}]\n", key(name));
        let (alice, bob) = (person("alice", "\"author\", \"operate\""), person("bob", "\"approve\""));
        let duties = format!("mode = \"team\"\napprovals = 1\n\n{alice}\n{bob}");
        Self { directory: directory.to_owned(), duties }
    }

    /// A bundle of this policy after `previous`, with the tables that follow from it, as `change` alters them.
    pub fn bundle(&self, policy: &Policy, previous: Option<&Bundle>, change: impl FnOnce(&mut Tables)) -> Bundle {
        let mut files: BTreeMap<String, Vec<u8>> =
            policy.0.iter().map(|(name, text)| (name.clone(), text.as_bytes().to_vec())).collect();
        files.insert("duties.toml".into(), self.duties.clone().into());
        let source = PolicySource::from_files(files.clone()).unwrap();
        let mut tables = compile(&source, previous.map(Bundle::tables)).unwrap().tables;
        change(&mut tables);
        let mut members: BTreeMap<String, Vec<u8>> =
            files.into_iter().map(|(name, bytes)| (format!("policy/{name}"), bytes)).collect();
        members.insert(TABLES.into(), tables.to_bytes().unwrap());
        let draft = Draft {
            environment: tables.environment,
            previous: previous.map(|bundle| (bundle.manifest().version(), bundle.digest())),
            git_commit: None,
            created: 1,
            not_after: 4_000_000_000,
        };
        let bundle = Bundle::unsigned(draft, members).unwrap();
        self.sign(&self.sign(&bundle, "alice", "gate-author@v1"), "bob", "gate-approver@v1")
    }

    fn sign(&self, bundle: &Bundle, person: &str, namespace: &str) -> Bundle {
        let mut signer = Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
            .arg(self.directory.join(person))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        signer.stdin.take().unwrap().write_all(bundle.manifest_bytes()).unwrap();
        let signed = signer.wait_with_output().unwrap();
        assert!(signed.status.success());
        bundle.with_signature(&String::from_utf8(signed.stdout).unwrap()).unwrap()
    }

    pub fn duties_digest(&self) -> Digest {
        Digest::of(self.duties.as_bytes())
    }
}
