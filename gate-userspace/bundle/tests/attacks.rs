//! What people tried against approvals, versions and signatures elsewhere, tried here. One test per row.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

mod support;

use gate_bundle::*;
use support::*;

#[test]
fn an_author_and_an_approver_are_enough() {
    let (first, trust) = first(1);
    assert_eq!(first.version(), 1);
    assert_eq!(author(&first), "alice");
    assert_eq!(first.signers().approvers.iter().map(|s| s.person.as_str()).collect::<Vec<_>>(), ["bob"]);
    let next = signed(&unsigned(&duties(1), Some(&first)), &[(Role::Author, BOB), (Role::Approver, CAROL)]);
    let second = expect_admitted(admit(&next, Some(&first), &trust, ENVIRONMENT, NOW));
    assert_eq!((second.version(), author(&second)), (2, "bob"));
    assert_eq!(second.tables(), &tables(ENVIRONMENT, "the shop"));
    assert_eq!(second.git_commit(), Some("0123456789abcdef0123456789abcdef01234567"));
    for result in
        [admit(&next, Some(&second), &trust, ENVIRONMENT, NOW), admit_tar_now(&next.to_tar(), Some(&second), &trust)]
    {
        assert!(matches!(result, Ok(Admission::AlreadyActive)));
    }
}

#[test]
fn p60_an_author_does_not_approve_his_own_bundle() {
    let (first, trust) = first(1);
    let bundle = unsigned(&duties(1), Some(&first));
    let missing = Reason::MissingApprovals { needed: 1, counted: 0 };
    let own = Reason::ApproverIsAuthor { person: "alice".into() };
    let reasons = refused(&signed(&bundle, &[AUTHOR, (Role::Approver, ALICE)]), Some(&first), &trust);
    assert_eq!(reasons, [missing.clone(), own, nothing_taken()]);
    let alone = refused(&signed(&bundle, &[AUTHOR]), Some(&first), &trust);
    assert_eq!(alone, [missing.clone(), nothing_taken()]);
    let nobody = refused(&bundle, Some(&first), &trust);
    assert_eq!(nobody, [Reason::MissingAuthor, missing, nothing_taken()]);
    let only_approved = refused(&signed(&bundle, &[APPROVER]), Some(&first), &trust);
    assert_eq!(only_approved, [Reason::MissingAuthor, nothing_taken()]);
}

#[test]
fn p60_a_second_author_does_not_free_the_first_to_approve() {
    let (first, trust) = first(1);
    let bundle = unsigned(&duties(1), Some(&first));
    let signatures = [AUTHOR, (Role::Author, BOB), (Role::Approver, ALICE)];
    let reasons = refused(&signed(&bundle, &signatures), Some(&first), &trust);
    assert!(reasons.contains(&Reason::SeveralAuthors { people: vec!["alice".into(), "bob".into()] }));
    assert!(reasons.contains(&Reason::MissingApprovals { needed: 1, counted: 0 }));
}

#[test]
fn p60_every_duty_together_is_still_one_person() {
    let chief =
        duties(1).replace("\"author\", \"approve\", \"operate\"", "\"author\", \"approve\", \"operate\", \"audit\"");
    assert_ne!(chief, duties(1));
    let trust = root(&chief);
    let bundle = unsigned(&chief, None);
    let reasons = refused(&signed(&bundle, &[AUTHOR, (Role::Approver, ALICE)]), None, &trust);
    assert!(reasons.contains(&Reason::ApproverIsAuthor { person: "alice".into() }), "{reasons:?}");
    // To operate is to load what others signed.
    let operator = duties(1).replace("may = [\"audit\"]", "may = [\"operate\", \"audit\"]");
    let bundle = unsigned(&operator, None);
    let signatures = [AUTHOR, (Role::Approver, DAVE)];
    let reasons = refused(&signed(&bundle, &signatures), None, &root(&operator));
    assert!(matches!(&reasons[0], Reason::NotAllowed { person, .. } if person == "dave"), "{reasons:?}");
}

#[test]
fn p61_two_keys_of_one_person_are_one_approval() {
    let (first, trust) = first(2);
    let bundle = unsigned(&duties(2), Some(&first));
    let twice = [AUTHOR, APPROVER, (Role::Approver, BOBS_OTHER)];
    let reasons = refused(&signed(&bundle, &twice), Some(&first), &trust);
    let once = Reason::CountedOnce { person: "bob".into(), signatures: 2 };
    assert_eq!(reasons, [Reason::MissingApprovals { needed: 2, counted: 1 }, once, nothing_taken()]);
    let people = signed(&bundle, &[AUTHOR, APPROVER, (Role::Approver, CAROL)]);
    expect_admitted(admit(&people, Some(&first), &trust, ENVIRONMENT, NOW));
}

/// A first bundle of a team in which these two do not sign together.
fn first_with_conflict(one: &str, other: &str, approvals: usize) -> (String, Admitted, EnrolledRoot) {
    let duties = format!("conflicts = [[\"{one}\", \"{other}\"]]\n{}", duties(approvals));
    let bundle = signed(&unsigned(&duties, None), &[AUTHOR, (Role::Approver, CAROL)]);
    let trust = root(&duties);
    let first = expect_admitted(admit(&bundle, None, &trust, ENVIRONMENT, NOW));
    (duties, first, trust)
}

#[test]
fn p61_an_approver_in_conflict_with_the_author_does_not_count() {
    let (duties, first, trust) = first_with_conflict("bob", "alice", 1);
    let reasons = refused(&signed(&unsigned(&duties, Some(&first)), &[AUTHOR, APPROVER]), Some(&first), &trust);
    let conflict = Reason::Conflict { one: "alice".into(), other: "bob".into() };
    assert_eq!(reasons, [Reason::MissingApprovals { needed: 1, counted: 0 }, conflict, nothing_taken()]);
}

#[test]
fn p61_of_two_approvers_in_conflict_one_counts() {
    let (duties, first, trust) = first_with_conflict("bob", "carol", 1);
    let both = signed(&unsigned(&duties, Some(&first)), &[AUTHOR, APPROVER, (Role::Approver, CAROL)]);
    let admitted = expect_admitted(admit(&both, Some(&first), &trust, ENVIRONMENT, NOW));
    assert_eq!(admitted.signers().approvers.len(), 1);
}

#[test]
fn p62_duties_that_a_bundle_brings_do_not_judge_it() {
    let (first, trust) = first(1);
    let coup = format!(
        "mode = \"team\"\napprovals = 1\n[person.eve]\nkeys = [\"{}\"]\nmay = [\"author\"]\n\
         [person.mallory]\nkeys = [\"{}\"]\nmay = [\"approve\"]\n",
        line(STRANGER),
        line(8)
    );
    let bundle = signed(&unsigned(&coup, Some(&first)), &[(Role::Author, STRANGER), (Role::Approver, 8)]);
    let reasons = refused(&bundle, Some(&first), &trust);
    assert!(matches!(&reasons[0], Reason::UnknownKey { member, .. } if member == "signatures/0.sig"), "{reasons:?}");
    assert!(reasons.contains(&Reason::MissingAuthor));
    // As a first bundle it is not what root enrolled.
    let bundle = signed(&unsigned(&coup, None), &[(Role::Author, STRANGER), (Role::Approver, 8)]);
    let reasons = refused(&bundle, None, &trust);
    let (expected, found) = (trust.duties_sha256, Digest::of(coup.as_bytes()));
    assert_eq!(reasons, [Reason::NotEnrolled { expected, found }]);
}

#[test]
fn p62_no_transition_is_skipped() {
    let (first, trust) = first(1);
    let second = signed(&unsigned(&duties(1), Some(&first)), &[AUTHOR, APPROVER]);
    let second = expect_admitted(admit(&second, Some(&first), &trust, ENVIRONMENT, NOW));
    let third = signed(&unsigned(&duties(1), Some(&second)), &[AUTHOR, APPROVER]);
    let reasons = refused(&third, Some(&first), &trust);
    let previous = Reason::PreviousDiffers { expected: Some(first.digest()), found: Some(second.digest()) };
    assert_eq!(reasons, [Reason::SkipsVersions { expected: 2, found: 3 }, previous]);
    // A late joiner does not start in the middle either.
    let reasons = refused(&third, None, &trust);
    assert!(reasons.contains(&Reason::SkipsVersions { expected: 1, found: 3 }), "{reasons:?}");
}

#[test]
fn p62_a_team_does_not_become_one_person() {
    let (first, trust) = first(1);
    let solo = duties(0).replace("team", "solo");
    let bundle = signed(&unsigned(&solo, Some(&first)), &[AUTHOR, APPROVER]);
    assert_eq!(refused(&bundle, Some(&first), &trust), [Reason::LowersMode]);
}

#[test]
fn one_person_alone_only_where_root_or_the_bundle_before_says_so() {
    let solo = duties(1).replace("team", "solo");
    let alone = [AUTHOR, (Role::Approver, ALICE)];
    let trust = root(&solo);
    let first = signed(&unsigned(&solo, None), &alone);
    let first = expect_admitted(admit(&first, None, &trust, ENVIRONMENT, NOW));
    assert_eq!(first.duties().mode(), Mode::Solo);
    let raised = signed(&unsigned(&duties(1), Some(&first)), &alone);
    let team = expect_admitted(admit(&raised, Some(&first), &trust, ENVIRONMENT, NOW));
    let alone_again = signed(&unsigned(&duties(1), Some(&team)), &alone);
    assert!(refused(&alone_again, Some(&team), &trust).contains(&Reason::ApproverIsAuthor { person: "alice".into() }));
}

#[test]
fn p63_an_older_bundle_is_refused_although_its_signatures_are_good() {
    let (first, trust) = first(1);
    let old = first.bundle().clone();
    let second = signed(&unsigned(&duties(1), Some(&first)), &[AUTHOR, APPROVER]);
    let second = expect_admitted(admit(&second, Some(&first), &trust, ENVIRONMENT, NOW));
    let reasons = refused(&old, Some(&second), &trust);
    let previous = Reason::PreviousDiffers { expected: Some(second.digest()), found: None };
    assert_eq!(reasons, [Reason::NotNewer { has: 2, found: 1 }, previous]);
    // Another bundle of the same version is a fork.
    let mut files = files(&duties(1));
    files.insert("policy/shop.cedar".into(), b"// other rules\n".to_vec());
    let fork = signed(&Bundle::unsigned(draft(Some(&first)), files).unwrap(), &[AUTHOR, APPROVER]);
    assert!(refused(&fork, Some(&second), &trust).contains(&Reason::NotNewer { has: 2, found: 2 }));
}

#[test]
fn p63_a_bundle_of_another_environment_is_refused() {
    let (first, trust) = first(1);
    let mut files = files(&duties(1));
    files.insert(TABLES.into(), tables("staging", "the shop").to_bytes().unwrap());
    let draft = Draft { environment: "staging".into(), ..draft(Some(&first)) };
    let bundle = signed(&Bundle::unsigned(draft, files.clone()).unwrap(), &[AUTHOR, APPROVER]);
    let wrong = Reason::WrongEnvironment { expected: "demo".into(), found: "staging".into() };
    assert_eq!(refused(&bundle, Some(&first), &trust), [wrong]);
    // Nor do tables of another environment travel under this one's name.
    let refusal = Bundle::unsigned(support::draft(Some(&first)), files).unwrap_err();
    assert_eq!(refusal.reasons(), [Reason::TablesEnvironment { expected: "demo".into(), found: "staging".into() }]);
    // Nor is a root of another environment taken for ours.
    let elsewhere = EnrolledRoot { environment: "staging".into(), ..trust };
    let again = signed(&unsigned(&duties(1), None), &[AUTHOR, APPROVER]);
    let expected = Reason::RootEnvironment { expected: "demo".into(), found: "staging".into() };
    assert_eq!(refused(&again, None, &elsewhere), [expected]);
}

#[test]
fn p63_a_signature_for_another_purpose_is_refused() {
    let (first, trust) = first(1);
    let bundle = unsigned(&duties(1), Some(&first));
    for namespace in ["git", "file", "gate-author@v2", "gate-author@v1 "] {
        let armored = sign(ALICE, namespace, bundle.manifest_bytes());
        let problem = SignatureProblem::WrongNamespace {
            found: namespace.into(),
            right: vec!["gate-author@v1", "gate-approver@v1"],
        };
        let expected = Reason::Signature { member: "signatures/0.sig".into(), problem };
        assert_eq!(bundle.with_signature(&armored).unwrap_err(), expected);
        let forced = with_member(&signed(&bundle, &[AUTHOR, APPROVER]), "signatures/0.sig", armored.as_bytes());
        let refusal = admit_tar_now(&forced, Some(&first), &trust).unwrap_err();
        assert_eq!(refusal.reasons(), [expected, Reason::MissingAuthor, nothing_taken()]);
    }
}

#[test]
fn p63_an_expired_bundle_is_not_activated_for_the_first_time() {
    let (first, trust) = first(1);
    let bundle = signed(&unsigned(&duties(1), Some(&first)), &[AUTHOR, APPROVER]);
    let until = NOW + 3600;
    expect_admitted(admit(&bundle, Some(&first), &trust, ENVIRONMENT, until));
    let refusal = admit(&bundle, Some(&first), &trust, ENVIRONMENT, until + 1).unwrap_err();
    assert_eq!(refusal.reasons(), [Reason::Expired { not_after: until, now: until + 1 }]);
}

#[test]
fn p64_what_runs_is_what_was_approved() {
    let (first, trust) = first(1);
    let bundle = signed(&unsigned(&duties(1), Some(&first)), &[AUTHOR, APPROVER]);
    for file in bundle.files().keys() {
        let mut bytes = bundle.file(file).unwrap().to_vec();
        bytes.push(b' ');
        let refusal = admit_tar_now(&with_member(&bundle, file, &bytes), Some(&first), &trust).unwrap_err();
        let (expected, found) = (bundle.manifest().files()[file], Digest::of(&bytes));
        let reason = Reason::FileChanged { file: file.clone(), expected, found };
        assert_eq!(refusal.reasons(), [reason]);
        assert!(refusal.to_string().contains(&format!("- {file}: its bytes are not those that were signed")));
    }
    // Signatures do not move to another manifest.
    let mut draft = draft(Some(&first));
    draft.not_after += 1;
    let longer = Bundle::unsigned(draft, files(&duties(1))).unwrap();
    let moved = with_member(&bundle, "manifest.json", longer.manifest_bytes());
    let refusal = admit_tar_now(&moved, Some(&first), &trust).unwrap_err();
    let unmatched =
        |reason: &&Reason| matches!(reason, Reason::Signature { problem: SignatureProblem::DoesNotMatch { .. }, .. });
    assert_eq!(refusal.reasons().iter().filter(unmatched).count(), 2, "{refusal}");
}

#[test]
fn p64_a_file_that_nobody_signed_and_one_that_is_gone_are_refused() {
    let (first, trust) = first(1);
    let bundle = signed(&unsigned(&duties(1), Some(&first)), &[AUTHOR, APPROVER]);
    let mut all = members(&bundle.to_tar());
    all.insert(1, ("policy/a.cedar".into(), b"permit(principal, action, resource);".to_vec()));
    all.retain(|(name, _)| name != CASES);
    let borrowed: Vec<_> = all.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let refusal = admit_tar_now(&tar(&borrowed), Some(&first), &trust).unwrap_err();
    let missing = Reason::FileMissing { file: CASES.into() };
    assert_eq!(refusal.reasons(), [missing, Reason::FileUnlisted { file: "policy/a.cedar".into() }]);
}

#[test]
fn p6b_tables_that_somebody_else_compiled_are_refused() {
    let (first, trust) = first(1);
    let bundle = signed(&unsigned(&duties(1), Some(&first)), &[AUTHOR, APPROVER]);
    let other = tables(ENVIRONMENT, "not what was reviewed").to_bytes().unwrap();
    let refusal = admit_tar_now(&with_member(&bundle, TABLES, &other), Some(&first), &trust).unwrap_err();
    let (expected, found) = (bundle.manifest().files()[TABLES], Digest::of(&other));
    assert_eq!(refusal.reasons(), [Reason::FileChanged { file: TABLES.into(), expected, found }]);
    // With a manifest to match, the signatures are of another bundle.
    let mut files = files(&duties(1));
    files.insert(TABLES.into(), other.clone());
    let matching = Bundle::unsigned(draft(Some(&first)), files).unwrap();
    let mut all = members(&bundle.to_tar());
    for (name, bytes) in &mut all {
        match name.as_str() {
            TABLES => bytes.clone_from(&other),
            "manifest.json" => *bytes = matching.manifest_bytes().to_vec(),
            _ => {}
        }
    }
    let borrowed: Vec<_> = all.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let refusal = admit_tar_now(&tar(&borrowed), Some(&first), &trust).unwrap_err();
    assert!(refusal.reasons().contains(&Reason::MissingAuthor), "{refusal}");
}

#[test]
fn people_sign_only_as_what_they_may_be() {
    let (first, trust) = first(1);
    let bundle = unsigned(&duties(1), Some(&first));
    let reasons = refused(&signed(&bundle, &[(Role::Author, CAROL), (Role::Approver, DAVE)]), Some(&first), &trust);
    let refuse = |number, person: &str, role, duty| Reason::NotAllowed {
        member: format!("signatures/{number}.sig"),
        person: person.into(),
        role,
        duty,
    };
    let missing = Reason::MissingApprovals { needed: 1, counted: 0 };
    let carol = refuse(0, "carol", Role::Author, Duty::Author);
    let dave = refuse(1, "dave", Role::Approver, Duty::Approve);
    assert_eq!(reasons, [carol, dave, Reason::MissingAuthor, missing, nothing_taken()]);
    // A stranger's signature beside sufficient ones is refused all the same: somebody meddled.
    let meddled = signed(&bundle, &[AUTHOR, APPROVER, (Role::Approver, STRANGER)]);
    let reasons = refused(&meddled, Some(&first), &trust);
    assert!(matches!(reasons.as_slice(), [Reason::UnknownKey { .. }]), "{reasons:?}");
}

#[test]
fn every_reason_is_told_at_once() {
    let (first, trust) = first(1);
    let draft = Draft { git_commit: None, ..draft(None) };
    let bundle = Bundle::unsigned(draft, files(&duties(1))).unwrap();
    let bundle = signed(&bundle, &[AUTHOR, (Role::Approver, ALICE)]);
    let changed = with_member(&bundle, "policy/shop.cedar", b"forbid(principal, action, resource);");
    let late =
        admit_tar(changed.as_slice(), &Limits::default(), Some(&first), &trust, "prod", NOW + 99_999).unwrap_err();
    let told = late.to_string();
    for part in [
        "policy/shop.cedar: its bytes are not those that were signed",
        "the enrolled root is for environment \"demo\", this host is in \"prod\"",
        "it is for environment \"demo\", this host is in \"prod\"",
        "version 1 is older than or as old as the active version 1",
        "it follows bundle none",
        "it expired",
        "0 of 1 approvals",
        "the approval by alice does not count",
    ] {
        assert!(told.contains(part), "{part:?} is not in:\n{told}");
    }
}

#[test]
fn a_signature_is_added_once_and_only_if_it_is_sound() {
    let bundle = unsigned(&duties(1), None);
    let armored = sign(ALICE, signing_namespace(Role::Author), bundle.manifest_bytes());
    let once = bundle.with_signature(&armored).unwrap();
    let again = once.with_signature(&armored).unwrap_err();
    assert!(matches!(again, Reason::Signature { problem: SignatureProblem::Repeated { .. }, .. }), "{again}");
    let other = sign(ALICE, signing_namespace(Role::Author), b"another manifest");
    let wrong = bundle.with_signature(&other).unwrap_err();
    assert!(matches!(wrong, Reason::Signature { problem: SignatureProblem::DoesNotMatch { .. }, .. }), "{wrong}");
    for text in ["", "hello", "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"] {
        let wrong = bundle.with_signature(text).unwrap_err();
        assert!(matches!(wrong, Reason::Signature { problem: SignatureProblem::Malformed(_), .. }), "{wrong}");
    }
    assert_eq!(once.digest(), bundle.digest(), "signatures are not part of the bundle's name");
}
