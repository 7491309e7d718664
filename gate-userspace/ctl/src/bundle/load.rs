//! `gatectl bundle load`: every role stages, then every role switches.
//!
//! gate-authz is asked first, because the others need its confirmation that the tables follow from the rules. The
//! kernel is switched last, by gate-net. Where one role refuses, none is switched. Where one fails to switch, those
//! after it are left alone, and what each role has in force is asked, not guessed.

use super::file;
use super::load_report::{Loaded, Outcome, Step};
use crate::host::{Admin, ConfigArguments, NoAnswer, block_on};
use crate::report::{Exit, Failure, Report};
use gate_bundle::MOST_PROVISIONAL_S;
use gate_host::{Clock, HostConfig, Role};
use gate_ipc::messages::{AdminReply, AdminRequest};
use gate_statements::{BundleDigest, Confirmation, Signed};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A large policy takes seconds to compile.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);
/// gate-authz first; the others need its confirmation.
pub(super) const STAGING: [Role; 5] = [Role::Authz, Role::Authn, Role::Audit, Role::Proxy, Role::Net];
/// gate-net, and so the kernel, last.
const ACTIVATION: [Role; 5] = STAGING;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The bundle.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    config: ConfigArguments,
    /// Provisionally: everything goes back by itself after this time (10s to 10m), unless somebody confirms.
    #[arg(long, value_name = "TIME", value_parser = provisional)]
    confirm: Option<u64>,
    /// Stage at one role only, and activate nothing.
    #[arg(long, value_name = "ROLE", hide = true, value_parser = role)]
    only: Option<Role>,
    /// With --only: the confirmation, in hexadecimal, as --only authz --json prints it.
    #[arg(long, value_name = "FILE", hide = true, requires = "only")]
    confirmation: Option<PathBuf>,
}

/// Shorter, nobody confirms in time; longer, the roles refuse it.
fn provisional(text: &str) -> Result<u64, String> {
    let seconds = crate::text::duration(text)?;
    match seconds {
        10..=MOST_PROVISIONAL_S => Ok(seconds),
        _ => Err(format!("{text} is not between 10s and {}m", MOST_PROVISIONAL_S / 60)),
    }
}

fn role(name: &str) -> Result<Role, String> {
    let serving = STAGING.into_iter().find(|role| role.name() == name);
    serving.ok_or_else(|| format!("{name:?} is no role; it is one of authz, authn, audit, proxy, net"))
}

/// What a role says about a bundle that it staged.
struct Staged {
    bundle: BundleDigest,
    version: u64,
    confirmation: Option<Signed<Confirmation>>,
}

pub(crate) fn run(arguments: &Arguments, clock: &Clock) -> Result<Report, Failure> {
    let config = arguments.config.load()?;
    let bytes = file::read(&arguments.file)?;
    let descriptor = sealed(&bytes).map_err(|error| Failure::cannot(format!("memfd_create: {error}")))?;
    block_on(async {
        match arguments.only {
            Some(role) => only(arguments, &config, role, &descriptor).await,
            None => Ok(load(&config, &descriptor, arguments.confirm, clock).await.report(&arguments.file)),
        }
    })
}

/// One copy for all roles, which nobody changes between them.
fn sealed(bytes: &[u8]) -> std::io::Result<OwnedFd> {
    let descriptor = memfd_create("gate-bundle", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = File::from(descriptor);
    file.write_all(bytes)?;
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
    fcntl_add_seals(&file, seals)?;
    Ok(file.into())
}

async fn stage(
    admin: &Admin,
    descriptor: &OwnedFd,
    confirmation: Option<Signed<Confirmation>>,
) -> Result<Staged, NoAnswer> {
    match admin.ask(&AdminRequest::Stage { confirmation }, &[descriptor.as_fd()]).await? {
        AdminReply::Staged { bundle, version, confirmation } => Ok(Staged { bundle, version, confirmation }),
        other => Err(admin.unexpected(&other)),
    }
}

async fn load(config: &HostConfig, descriptor: &OwnedFd, confirm: Option<u64>, clock: &Clock) -> Loaded {
    let mut loaded = Loaded::default();
    let mut confirmation = None;
    for role in STAGING {
        // Also where gate-authz refused: each role has its own reasons, and people see all of them.
        let admin = Admin::new(config, role, DEADLINE);
        match stage(&admin, descriptor, confirmation.clone()).await {
            Ok(staged) if loaded.is_other(&staged.bundle) => {
                let found =
                    format!("gate-{role} staged bundle {}, another one than the roles before it", staged.bundle);
                loaded.push(role, Step::Stage, Outcome::Unreachable(found));
            }
            Ok(staged) => {
                loaded.staged(role, staged.bundle, staged.version, staged.confirmation.is_some());
                confirmation = confirmation.or(staged.confirmation);
            }
            Err(why) => loaded.push(role, Step::Stage, why.into()),
        }
    }
    if let Some(bundle) = loaded.agreed() {
        let request = match confirm {
            None => AdminRequest::Activate { bundle },
            Some(seconds) => {
                loaded.provisional(seconds);
                // One moment for all, counted from now: staging took as long as it took.
                let until_boottime_ns = clock.boottime_ns().saturating_add(seconds * 1_000_000_000);
                AdminRequest::ActivateUntil { bundle, until_boottime_ns }
            }
        };
        activate(config, &request, &mut loaded).await;
    }
    loaded
}

/// Every role switches, gate-net and so the kernel last. Those after a role that does not are left alone.
pub(super) async fn activate(config: &HostConfig, request: &AdminRequest, loaded: &mut Loaded) {
    for role in ACTIVATION {
        let admin = Admin::new(config, role, DEADLINE);
        match admin.ask(request, &[]).await {
            Ok(AdminReply::Activated { version }) => loaded.push(role, Step::Activate, Outcome::Done { version }),
            Ok(other) => loaded.push(role, Step::Activate, admin.unexpected(&other).into()),
            Err(why) => loaded.push(role, Step::Activate, why.into()),
        }
        if loaded.failed() {
            break;
        }
    }
    if loaded.failed() {
        for role in ACTIVATION {
            let admin = Admin::new(config, role, Duration::from_secs(5));
            let status = admin.json(&AdminRequest::Status).await;
            let version = status.map_err(|why| why.reasons().join("; "));
            loaded.in_force(role, version.map(|status| status.get("version").and_then(serde_json::Value::as_u64)));
        }
    }
}

async fn only(arguments: &Arguments, config: &HostConfig, role: Role, bundle: &OwnedFd) -> Result<Report, Failure> {
    let confirmation = arguments.confirmation.as_deref().map(read_confirmation).transpose()?;
    let admin = Admin::new(config, role, DEADLINE);
    let staged = stage(&admin, bundle, confirmation).await.map_err(|why| why.failure())?;
    let confirmation = staged.confirmation.and_then(|made| postcard::to_allocvec(&made).ok()).map(hex::encode);
    Ok(Report {
        exit: Exit::Fine,
        text: format!("gate-{} staged bundle {} (version {})\n", admin.role(), staged.bundle, staged.version),
        json: json!({
            "role": role, "bundle": staged.bundle.to_string(), "version": staged.version, "confirmation": confirmation,
        }),
    })
}

fn read_confirmation(path: &Path) -> Result<Signed<Confirmation>, Failure> {
    let wrong = |found: String| Failure::cannot(format!("{}: {found}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let bytes = hex::decode(text.trim()).map_err(|error| wrong(format!("is not hexadecimal: {error}")))?;
    postcard::from_bytes(&bytes).map_err(|error| wrong(format!("is no confirmation: {error}")))
}
