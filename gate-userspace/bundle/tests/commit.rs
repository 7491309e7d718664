//! Commits that their authors signed with SSH keys, made by the real git, and commits that somebody made up.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

mod support;

use gate_bundle::*;
use sha2::Digest as _;
use ssh_key::LineEnding;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use support::*;

/// A repository with a policy directory two levels below its root.
struct Repository {
    dir: tempfile::TempDir,
}

const POLICY: &str = "hosts/shop";

impl Repository {
    fn new(format: &str) -> Self {
        let repository = Self { dir: tempfile::tempdir().unwrap() };
        repository.git(&["init", "-q", &format!("--object-format={format}")]);
        for (seed, name) in [(ALICE, "alice"), (BOB, "bob"), (CAROL, "carol")] {
            let path = repository.path(&format!("../{name}"));
            let path = repository.dir.path().join(path.file_name().unwrap());
            fs::write(&path, private(seed).to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        fs::create_dir_all(repository.path(POLICY)).unwrap();
        fs::write(repository.path("README"), "elsewhere").unwrap();
        repository
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn git(&self, arguments: &[&str]) -> Vec<u8> {
        let mut command = Command::new("git");
        command.args(["-c", "gpg.format=ssh", "-c", "gpg.ssh.program=ssh-keygen"]).args(arguments);
        command.current_dir(self.dir.path()).env("HOME", self.dir.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        for (name, value) in [("NAME", "a"), ("EMAIL", "a@example.invalid")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        let output = command.stdin(Stdio::null()).output().expect("git is installed");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Writes the policy files of a bundle.
    fn write(&self, files: &BTreeMap<String, Vec<u8>>) {
        for (name, bytes) in files {
            if let Some(name) = name.strip_prefix("policy/") {
                fs::write(self.path(POLICY).join(name), bytes).unwrap();
            }
        }
    }

    fn commit(&self, who: &str, message: &str) {
        self.git(&["add", "--", "README", "hosts"]);
        let key = format!("user.signingkey={}", self.path(who).display());
        self.git(&["-c", &key, "commit", "-q", "--allow-empty", "-S", "-m", message]);
    }

    fn head(&self) -> String {
        String::from_utf8(self.git(&["rev-parse", "HEAD"])).unwrap().trim().to_owned()
    }

    fn objects(&self) -> Objects {
        let tree = |path: &str| self.git(&["cat-file", "tree", &format!("HEAD:{path}")]);
        Objects {
            commit: self.git(&["cat-file", "commit", "HEAD"]),
            trees: vec![tree(""), tree("hosts"), tree(POLICY)],
        }
    }

    /// A bundle of what was committed.
    fn bundle(&self, previous: Option<&Admitted>, files: BTreeMap<String, Vec<u8>>) -> Bundle {
        Bundle::unsigned(Draft { git_commit: Some(self.head()), ..draft(previous) }, files).unwrap()
    }
}

fn words(text: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(&duties(1));
    files.insert("policy/shop.cedar".into(), format!("// {text}\n").into_bytes());
    files
}

/// A commit by that person with that message, after what is in force, and its bundle.
fn committed(who: &str, message: &str, previous: Option<&Admitted>) -> (Repository, Bundle) {
    let repository = Repository::new("sha1");
    repository.write(&words("new"));
    repository.commit(who, message);
    let bundle = repository.bundle(previous, words("new"));
    (repository, bundle)
}

fn follows(previous: &Admitted) -> String {
    format!("Say something new\n\n{FOLLOWS}{}\n{DIRECTORY}{POLICY}", previous.digest())
}

#[test]
fn a_signed_commit_is_the_authors_signature() {
    for format in ["sha1", "sha256"] {
        let (first, trust) = first(1);
        let repository = Repository::new(format);
        repository.write(&words("new"));
        repository.commit("alice", &follows(&first));
        let bundle = repository.bundle(Some(&first), words("new"));
        let bundle = signed(&bundle.with_commit(repository.objects()).unwrap(), &[APPROVER]);
        let admitted = expect_admitted(admit_tar_now(&bundle.to_tar(), Some(&first), &trust));
        assert_eq!((author(&admitted), admitted.signers().quorum), ("alice", Quorum::Full), "{format}");
        let without = signed(&repository.bundle(Some(&first), words("new")), &[APPROVER]);
        assert!(refused(&without, Some(&first), &trust).contains(&Reason::MissingAuthor));
        // The archive has one encoding with a commit, too.
        let again = Bundle::from_tar(bundle.to_tar().as_slice(), &Limits::default()).unwrap();
        assert_eq!((again.to_tar(), again.digest()), (bundle.to_tar(), without.digest()));
    }
}

#[test]
fn the_first_bundle_follows_none() {
    let trust = root(&duties(1));
    for (message, right) in [("First\n\nGate-Follows: none\nGate-Policy: hosts/shop", true), ("First", false)] {
        let (repository, bundle) = committed("alice", message, None);
        let bundle = signed(&bundle.with_commit(repository.objects()).unwrap(), &[APPROVER]);
        assert_eq!(admit_tar_now(&bundle.to_tar(), None, &trust).is_ok(), right, "{message}");
    }
}

/// p63: one approver and a repository that anybody reads.
#[test]
fn p63_an_old_commit_is_not_put_into_force_again_by_an_approver_alone() {
    let (first, trust) = first(1);
    let (repository, bundle) = committed("alice", &follows(&first), Some(&first));
    let second = signed(&bundle.with_commit(repository.objects()).unwrap(), &[APPROVER]);
    let second = expect_admitted(admit_tar_now(&second.to_tar(), Some(&first), &trust));
    let third = signed(&unsigned(&duties(1), Some(&second)), &[AUTHOR, APPROVER]);
    let third = expect_admitted(admit_tar_now(&third.to_tar(), Some(&second), &trust));
    // Everything of the second again, as the fourth; and a commit that names nothing.
    let unbound = committed("alice", "Say something new", Some(&third));
    for (repository, bundle) in
        [(&repository, repository.bundle(Some(&third), words("new"))), (&unbound.0, unbound.1.clone())]
    {
        let again = signed(&bundle.with_commit(repository.objects()).unwrap(), &[APPROVER]);
        let reasons = refused(&again, Some(&third), &trust);
        let expected = Reason::CommitNotBound { expected: Some(third.digest()) };
        assert!(reasons.contains(&Reason::MissingAuthor) && reasons.contains(&expected), "{reasons:?}");
    }
}

/// Whoever adds a directory to the repository writes no policy by it, although the author signs everything that is there.
#[test]
fn another_directory_of_the_same_commit_is_not_the_policy() {
    let (first, trust) = first(1);
    let repository = Repository::new("sha1");
    repository.write(&words("new"));
    fs::create_dir(repository.path("hosts/evil")).unwrap();
    for (name, bytes) in words("let everybody in") {
        if let Some(name) = name.strip_prefix("policy/") {
            fs::write(repository.path("hosts/evil").join(name), bytes).unwrap();
        }
    }
    let evil = |repository: &Repository| {
        let trees =
            ["", "hosts", "hosts/evil"].map(|path| repository.git(&["cat-file", "tree", &format!("HEAD:{path}")]));
        Objects { trees: trees.to_vec(), ..repository.objects() }
    };
    repository.commit("alice", &follows(&first));
    let told = problem(&repository.bundle(Some(&first), words("let everybody in")), evil(&repository));
    assert!(told.contains("git/2.tree has the hash"), "{told}");
    // A message that names no directory, one above and one below.
    let full = follows(&first);
    let named = |directory: &str| full.replace(POLICY, directory);
    for message in [full.split(DIRECTORY).next().unwrap().to_owned(), named("hosts"), named("a/b/c"), named(".")] {
        repository.commit("alice", &message);
        let bundle = repository.bundle(Some(&first), words("let everybody in"));
        let bundle = signed(&bundle.with_commit(evil(&repository)).unwrap(), &[APPROVER]);
        let reasons = refused(&bundle, Some(&first), &trust);
        assert!(reasons.contains(&Reason::CommitNotBound { expected: Some(first.digest()) }), "{message}: {reasons:?}");
    }
}

#[test]
fn a_commit_alone_takes_nothing_away() {
    let trust = root(&duties(1));
    let first = signed(&shop::bundle(&duties(1), &shop::tables(), None), &[AUTHOR, APPROVER]);
    let first = expect_admitted(admit_tar_now(&first.to_tar(), None, &trust));
    let mut less = files(&duties(1));
    let fewer = shop::with(|tables| tables.access.retain(|line| line.action.as_deref() != Some("orders.create")));
    less.insert(TABLES.into(), fewer.to_bytes().unwrap());
    let repository = Repository::new("sha1");
    repository.write(&less);
    repository.commit("alice", &follows(&first));
    let bundle = repository.bundle(Some(&first), less).with_commit(repository.objects()).unwrap();
    assert!(Change::of(&bundle, Some(first.bundle())).only_removes());
    assert_eq!(refused(&bundle, Some(&first), &trust), [Reason::NobodySigned]);
    // Whoever signs the manifest, too, takes it away alone.
    let by_one = signed(&bundle, &[(Role::Approver, CAROL)]);
    let admitted = expect_admitted(admit_tar_now(&by_one.to_tar(), Some(&first), &trust));
    assert_eq!(admitted.signers().author.as_ref().unwrap().person, "alice", "with the commit, it is everybody");
}

#[test]
fn p60_who_wrote_the_commit_does_not_approve_it() {
    let (first, trust) = first(1);
    let (repository, bundle) = committed("bob", &follows(&first), Some(&first));
    let bundle = bundle.with_commit(repository.objects()).unwrap();
    let own = refused(&signed(&bundle, &[APPROVER]), Some(&first), &trust);
    assert!(own.contains(&Reason::ApproverIsAuthor { person: "bob".into() }), "{own:?}");
    // Nor if somebody else signs the manifest as its author.
    let lent = refused(&signed(&bundle, &[AUTHOR, APPROVER]), Some(&first), &trust);
    assert!(lent.contains(&Reason::ApproverIsAuthor { person: "bob".into() }), "{lent:?}");
    expect_admitted(admit_tar_now(&signed(&bundle, &[AUTHOR, (Role::Approver, CAROL)]).to_tar(), Some(&first), &trust));
}

#[test]
fn the_committer_is_somebody_who_may_author() {
    let (first, trust) = first(1);
    // Carol approves, and writes nothing.
    let (repository, bundle) = committed("carol", &follows(&first), Some(&first));
    let bundle = signed(&bundle.with_commit(repository.objects()).unwrap(), &[APPROVER]);
    let reasons = refused(&bundle, Some(&first), &trust);
    let may_not = |reason: &Reason| matches!(reason, Reason::NotAllowed { person, .. } if person == "carol");
    assert!(reasons.contains(&Reason::MissingAuthor) && reasons.iter().any(may_not), "{reasons:?}");
}

/// What the check says of these objects with that commit's name.
fn problem(bundle: &Bundle, objects: Objects) -> String {
    let one = bundle.with_commit(objects.clone()).unwrap_err();
    // A reader of the archive says the same.
    let mut all = members(&signed(bundle, &[APPROVER]).to_tar());
    let at = all.len() - 1;
    let trees = objects.trees.iter().enumerate().map(|(number, tree)| (format!("git/{number}.tree"), tree.clone()));
    all.splice(at..at, std::iter::once(("git/commit".to_owned(), objects.commit.clone())).chain(trees));
    let borrowed: Vec<_> = all.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let refusal = Bundle::from_tar(tar(&borrowed).as_slice(), &Limits::default()).unwrap_err();
    assert_eq!(refusal.reasons(), [Reason::Commit(one.clone())]);
    one.to_string()
}

/// The name that git gives a SHA-256 object.
fn name(kind: &str, body: &[u8]) -> String {
    let header = format!("{kind} {}\0", body.len());
    hex::encode(sha2::Sha256::new_with_prefix(header.as_bytes()).chain_update(body).finalize())
}

/// A made-up commit in a bundle that names it.
fn forged(change: impl FnOnce(String) -> Vec<u8>, trees: Vec<Vec<u8>>) -> (Bundle, Objects) {
    let repository = Repository::new("sha256");
    repository.write(&words("new"));
    repository.commit("alice", "One\n\nGate-Follows: none");
    let real = repository.objects();
    let trees = if trees.is_empty() { real.trees } else { trees };
    let mut text = String::from_utf8(real.commit).unwrap();
    text.replace_range(5..69, &name("tree", &trees[0]));
    let commit = change(text);
    let draft = Draft { git_commit: Some(name("commit", &commit)), ..draft(None) };
    (Bundle::unsigned(draft, words("new")).unwrap(), Objects { commit, trees })
}

#[test]
fn commits_that_say_more_than_is_read() {
    type Change = fn(String) -> Vec<u8>;
    let cases: [(Change, &str); 13] = [
        (|text| text.replace("committer a", "committer b").into_bytes(), "is not a signature of these bytes"),
        (|text| text.replace("One", "Two").into_bytes(), "is not a signature of these bytes"),
        (|text| text.replace("One", "O\0ne").into_bytes(), "it has a NUL"),
        (|text| [text.as_bytes(), b"\xff"].concat(), "it is not UTF-8"),
        (
            |text| {
                let signature = &text[text.find("gpgsig").unwrap()..text.find("\n\n").unwrap()];
                text.replacen("gpgsig", &format!("{signature}\ngpgsig"), 1).into_bytes()
            },
            "its header \"gpgsig-sha256\" is there twice or out of order",
        ),
        (
            |text| text.replacen("gpgsig-sha256", "gpgsig", 1).into_bytes(),
            "it has a header \"gpgsig\", which is not read",
        ),
        (|text| text.replacen("gpgsig", "mergetag object\n x\ngpgsig", 1).into_bytes(), "it has a header \"mergetag\""),
        (|text| text.replacen("author", "tree x\nauthor", 1).into_bytes(), "its header \"tree\" is there twice"),
        (
            |text| text.replacen("\nauthor", "\n x\nauthor", 1).into_bytes(),
            "its header \"tree\" has more than one line",
        ),
        (|text| text.replacen("committer", "commiter", 1).into_bytes(), "it has a header \"commiter\""),
        (|text| format!(" {text}").into_bytes(), "it begins with a continued line"),
        (|text| text.split("gpgsig").next().unwrap().as_bytes().to_vec(), "it has no message"),
        (|text| text.replace("SSH SIGNATURE", "PGP SIGNATURE").into_bytes(), "something else than an SSH key"),
    ];
    for (change, expected) in cases {
        let (bundle, objects) = forged(change, Vec::new());
        let told = problem(&bundle, objects);
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let unsigned: Change = |text| {
        let (from, to) = (text.find("gpgsig").unwrap(), text.find("\n\n").unwrap());
        format!("{}{}", &text[..from], &text[to + 1..]).into_bytes()
    };
    let (bundle, objects) = forged(unsigned, Vec::new());
    assert!(problem(&bundle, objects).contains("it is not signed (gpgsig-sha256 is missing)"));
    let (bundle, objects) = forged(|text| text.replace("none", "none\nGate-Follows: none").into_bytes(), Vec::new());
    assert!(problem(&bundle, objects).contains("two lines"));
}

/// Another mode and another name of the object; `None`: it is left out.
type Changed = Option<(&'static str, Option<String>)>;

fn entry(mode: &str, file: &str, id: &str) -> Vec<u8> {
    [mode.as_bytes(), b" ", file.as_bytes(), b"\0", &hex::decode(id).unwrap()].concat()
}

#[test]
fn trees_that_are_not_the_policy_of_the_bundle() {
    let all: Vec<(String, String)> = words("new")
        .iter()
        .filter_map(|(file, bytes)| Some((file.strip_prefix("policy/")?.to_owned(), name("blob", bytes))))
        .collect();
    let tree = |change: &dyn Fn(&str) -> Changed, more: &[Vec<u8>]| {
        let mut entries: Vec<Vec<u8>> = Vec::new();
        for (file, id) in &all {
            if let Some((mode, other)) = change(file) {
                entries.push(entry(mode, file, &other.unwrap_or(id.clone())));
            }
        }
        entries.extend(more.iter().cloned());
        entries.concat()
    };
    let plain = |_: &str| Some(("100644", None));
    let only = |name: &'static str, mode: &'static str| {
        move |file: &str| Some((if file == name { mode } else { "100644" }, None))
    };
    let extra = |mode, file: &str| entry(mode, file, &"ab".repeat(32));
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (tree(&only("shop.cedar", "100755"), &[]), "shop.cedar: it is executable"),
        (tree(&only("shop.cedar", "120000"), &[]), "shop.cedar: it is a symbolic link"),
        (tree(&only("shop.cedar", "160000"), &[]), "shop.cedar: it is a submodule"),
        (tree(&only("shop.cedar", "100664"), &[]), "shop.cedar: it has mode \"100664\""),
        (tree(&only("shop.cedar", "0100644"), &[]), "shop.cedar: it has mode \"0100644\""),
        (
            tree(&|file| (file != "shop.cedar").then_some(("100644", None)), &[]),
            "shop.cedar: it is in the bundle and not",
        ),
        (
            tree(&|file| Some(("100644", (file == "shop.cedar").then(|| "cd".repeat(32)))), &[]),
            "shop.cedar: the commit has another one",
        ),
        (tree(&plain, &[extra("100644", "zz.cedar")]), "zz.cedar: it is in the commit's policy directory and not"),
        (
            tree(&plain, &[extra("100644", "zz-notes.md")]),
            "zz-notes.md: it is in the commit's policy directory and not",
        ),
        (tree(&plain, &[extra("40000", "zz")]), "zz: it is a directory"),
        (tree(&plain, &[extra("100644", "a.cedar")]), "its entries are not in order"),
        (
            tree(&plain, &[entry("100644", "shop.cedar", &all[3].1)]),
            "its entries are not in order, or one is there twice",
        ),
        (tree(&plain, &[extra("100644", "zz/../x")]), "no name of a file"),
        (tree(&plain, &[b"100644 zz\0short".to_vec()]), "it ends within an entry"),
    ];
    for (policy, expected) in cases {
        let (bundle, objects) = forged(String::into_bytes, vec![policy]);
        let told = problem(&bundle, objects);
        assert!(told.contains(expected), "{expected}: {told}");
    }
    // The policy at the root of the repository is fine; only the signature is of another commit then.
    let (bundle, objects) = forged(String::into_bytes, vec![tree(&plain, &[])]);
    assert!(problem(&bundle, objects).contains("is not a signature of these bytes"));
    // A tree that no directory leads to, a file's name for a directory's, and none at all.
    let policy = tree(&plain, &[]);
    for mode in ["100644", "40000"] {
        let id = if mode == "40000" { "ef".repeat(32) } else { name("tree", &policy) };
        let (bundle, objects) = forged(String::into_bytes, vec![entry(mode, "shop", &id), policy.clone()]);
        assert!(problem(&bundle, objects).contains("git/1.tree has the hash"));
    }
    let (bundle, objects) = forged(String::into_bytes, Vec::new());
    assert!(problem(&bundle, Objects { trees: vec![], ..objects }).contains("0 trees"));
}

#[test]
fn another_commit_and_a_manifest_without_one() {
    let (repository, bundle) = committed("alice", "One", None);
    let real = repository.objects();
    repository.commit("alice", "Two");
    let told = problem(&bundle, repository.objects());
    assert!(told.contains("git/commit has the hash") && told.contains(&repository.head()), "{told}");
    let none = Bundle::unsigned(Draft { git_commit: None, ..draft(None) }, words("new")).unwrap();
    assert!(problem(&none, real).contains("the manifest names no git commit"));
}

#[test]
fn members_of_a_commit_are_where_they_belong() {
    let (repository, bundle) = committed("alice", "One\n\nGate-Follows: none", None);
    let bundle = signed(&bundle.with_commit(repository.objects()).unwrap(), &[APPROVER]);
    let good = members(&bundle.to_tar());
    let read = |all: &[(String, Vec<u8>)]| {
        let borrowed: Vec<_> = all.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        Bundle::from_tar(tar(&borrowed).as_slice(), &Limits::default())
            .map(|_| ())
            .map_err(|refusal| refusal.to_string())
    };
    read(&good).unwrap();
    let at = |name: &str| good.iter().position(|(member, _)| member == name).unwrap();
    let without = |name: &str| {
        let mut all = good.clone();
        all.remove(at(name));
        read(&all).unwrap_err()
    };
    assert!(without("git/commit").contains("git/0.tree\" is there twice or out of order"));
    assert!(without("git/1.tree").contains("git/2.tree\" is there twice or out of order"));
    let mut swapped = good.clone();
    swapped.swap(at("git/commit"), at("git/0.tree"));
    assert!(read(&swapped).unwrap_err().contains("out of order"));
    let mut huge = good.clone();
    huge[at("git/commit")].1 = vec![b'x'; (1 << 20) + 1];
    assert!(read(&huge).unwrap_err().contains("at most 1048576 are allowed"));
}
