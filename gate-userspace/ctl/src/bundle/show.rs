//! `gatectl bundle show`.

use super::file;
use super::judge::{Judge, Verdict, unsound};
use crate::policy::Summary;
use crate::report::{Exit, Failure, Report};
use crate::text::{plain, time};
use gate_bundle::{Bundle, Change, Duties, Duty, Role, Signed};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The bundle.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A bundle before it, whose duties judge it; repeated: the whole chain from version 1 on, in order.
    #[arg(long, value_name = "BUNDLE")]
    previous: Vec<PathBuf>,
    /// The duties that root enrolled: they judge the first bundle of a chain.
    #[arg(long, value_name = "FILE")]
    duties: Option<PathBuf>,
}

/// What a bundle holds, without a judgement.
pub(crate) struct Shown {
    pub(crate) text: String,
    pub(crate) json: Value,
}

pub(crate) fn run(arguments: &Arguments, now: u64) -> Result<Report, Failure> {
    let judge = Judge::new(&arguments.previous, arguments.duties.as_deref())?;
    let bundle = file::open(&arguments.file)?.bundle;
    let shown = describe(&bundle);
    let mut text = shown.text;
    let signatures: Vec<Value> =
        bundle.signatures().iter().map(|signed| signature(signed, judge.duties(), &mut text)).collect();
    let commit = bundle.commit_key().map(|key| {
        let said = Signed { member: "git/commit".into(), role: Role::Author, key: key.clone() };
        signature(&said, judge.duties(), &mut text)
    });
    let unsound = unsound(&bundle);
    for (member, problem) in &unsound {
        text.push_str(&format!("  {member}  UNSOUND: {}\n", plain(problem)));
    }
    if signatures.is_empty() && unsound.is_empty() && commit.is_none() {
        text.push_str("  nobody signed it yet\n");
    }
    let change = judge.change(&bundle);
    if let Some(change) = &change {
        text.push_str(&format!("{}\n", plain(&change.to_string())));
    }
    let verdict = judge.judge(&bundle, now);
    let (exit, said) = say(&verdict, &mut text);
    let mut json = shown.json;
    if let Value::Object(fields) = &mut json {
        fields.insert("signatures".into(), signatures.into());
        fields.insert(
            "unsound".into(),
            unsound.iter().map(|(member, problem)| json!({ "member": member, "problem": problem })).collect(),
        );
        fields.insert("commit".into(), commit.unwrap_or_default());
        fields.insert("verdict".into(), said);
        fields.insert("change".into(), change.map_or(Value::Null, |change| change_json(&change)));
    }
    let exit = if unsound.is_empty() { exit } else { Exit::Found };
    Ok(Report { exit, text, json })
}

/// The manifest and what the policy amounts to.
pub(crate) fn describe(bundle: &Bundle) -> Shown {
    let manifest = bundle.manifest();
    let summary = Summary::of(bundle.tables());
    let follows = manifest.previous().map_or_else(|| "nothing: the first".to_owned(), |digest| digest.to_string());
    let mut text = format!(
        "bundle {}\n  version {} of environment {}\n  follows   {follows}\n  commit    {}\n  created   {} (its maker's word)\n  \
         activate  until {}\n  policy    {summary}\n  duties    mode {}, {} besides the author\n",
        bundle.digest(),
        manifest.version(),
        plain(manifest.environment()),
        manifest.git_commit().unwrap_or("none"),
        time(manifest.created()),
        time(manifest.not_after()),
        bundle.duties().mode(),
        crate::text::count(bundle.duties().approvals(), "approval"),
    );
    text.extend(manifest.files().iter().map(|(name, digest)| format!("  {digest}  {name}\n")));
    let json = json!({
        "digest": bundle.digest(), "version": manifest.version(), "environment": manifest.environment(),
        "previous": manifest.previous(), "git_commit": manifest.git_commit(), "created": manifest.created(),
        "not_after": manifest.not_after(), "files": manifest.files(), "summary": summary.json(),
        "duties": { "mode": bundle.duties().mode(), "approvals": bundle.duties().approvals() },
    });
    Shown { text, json }
}

/// What decides how many signatures are needed.
pub(crate) fn change_json(change: &Change) -> Value {
    let because: Vec<String> = change.because().iter().map(ToString::to_string).collect();
    json!({ "only_removes": change.only_removes(), "because": because })
}

fn signature(signed: &Signed, duties: Option<&Duties>, text: &mut String) -> Value {
    let Signed { member, role, key } = signed;
    let duty = match role {
        Role::Author => Duty::Author,
        Role::Approver => Duty::Approve,
    };
    let owner = duties.map(|duties| duties.owner_of(key));
    let (person, state) = match owner {
        None => (None, "by whom, the duties in force say".to_owned()),
        Some(None) => (None, "the key belongs to nobody in the duties".to_owned()),
        Some(Some((name, person))) if person.may(duty) => (Some(name), format!("{name}, who may {duty}")),
        Some(Some((name, _))) => (Some(name), format!("{name}, who may NOT {duty}")),
    };
    let fingerprint = key.fingerprint();
    text.push_str(&format!("  {member}  {role}  {fingerprint}  {}\n", plain(&state)));
    json!({
        "member": member, "role": role, "fingerprint": fingerprint, "person": person,
        "security_key": key.is_security_key(), "state": state,
    })
}

fn say(verdict: &Verdict, text: &mut String) -> (Exit, Value) {
    match verdict {
        Verdict::Admitted(admitted) => {
            let signers = admitted.signers();
            let approvers: Vec<&str> = signers.approvers.iter().map(|signer| signer.person.as_str()).collect();
            let author = signers.author.as_ref().map(|signer| signer.person.as_str());
            let who = crate::text::signers(Some(&signers.quorum.to_string()), author, &approvers);
            text.push_str(&format!("would be admitted: {}\n", plain(&who)));
            (Exit::Fine, json!({ "admitted": true, "signers": signers }))
        }
        Verdict::Same => {
            text.push_str("is the last of the given chain\n");
            (Exit::Fine, json!({ "admitted": true, "same": true }))
        }
        Verdict::Refused(refusal) => {
            let reasons: Vec<String> = refusal.reasons().iter().map(ToString::to_string).collect();
            text.push_str("would be refused:\n");
            text.extend(reasons.iter().map(|reason| format!("  - {}\n", plain(reason))));
            (Exit::Found, json!({ "admitted": false, "reasons": reasons }))
        }
        Verdict::NotJudged(why) => {
            text.push_str(&format!("not judged: {}\n", plain(why)));
            (Exit::Fine, json!({ "admitted": null, "why": why }))
        }
    }
}
