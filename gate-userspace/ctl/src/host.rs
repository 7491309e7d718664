//! This host's configuration, and the operators' sockets of its roles.

mod enroll;

use crate::report::{Failure, Report};
use gate_host::{HostConfig, Role};
use gate_ipc::messages::{AdminReply, AdminRequest, Refused};
use gate_ipc::{CallError, Client};
use std::future::Future;
use std::io::ErrorKind;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::Duration;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Set what this host trusts before it has any bundle: environment, duties, and where its chain begins.
    Enroll(enroll::Arguments),
}

pub(crate) fn run(command: &Command, now: u64) -> Result<Report, Failure> {
    match command {
        Command::Enroll(arguments) => enroll::run(arguments, now),
    }
}

/// The roles that serve, in the order in which people read about them.
pub(crate) const SERVING: [Role; 5] = [Role::Net, Role::Proxy, Role::Authn, Role::Authz, Role::Audit];

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ConfigArguments {
    /// The host's configuration.
    #[arg(long, value_name = "FILE", default_value = "/etc/gate/gate.toml")]
    config: PathBuf,
}

impl ConfigArguments {
    /// The configuration's path from the root.
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        std::path::absolute(&self.config)
            .map_err(|error| Failure::cannot(format!("{}: {error}", self.config.display())))
    }

    pub(crate) fn load(&self) -> Result<HostConfig, Failure> {
        let absolute = self.path()?;
        HostConfig::load(&absolute).map_err(|error| {
            let missing =
                if absolute.exists() { "" } else { "; is Gate installed on this host? Or give --config FILE" };
            Failure::cannot(format!("{error}{missing}"))
        })
    }
}

/// Why a role gave no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// It serves operators, and this caller is none; in words.
    Forbidden(String),
    /// It is not there; in words.
    Unreachable(String),
    /// It refuses.
    Refused(Refused),
    /// It answered something else than what was asked.
    Unexpected(String),
}

impl NoAnswer {
    /// In words, with every reason by itself.
    pub(crate) fn reasons(&self) -> Vec<String> {
        match self {
            Self::Forbidden(why) | Self::Unreachable(why) | Self::Unexpected(why) => vec![why.clone()],
            Self::Refused(refused) => refused.reasons.clone(),
        }
    }

    /// The end of a command that needed this answer.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Self::Refused(refused) => {
                Failure::refused(refused.reasons.iter().map(|reason| format!("{}: {reason}", refused.by)).collect())
            }
            Self::Forbidden(why) | Self::Unreachable(why) | Self::Unexpected(why) => Failure::cannot(why.clone()),
        }
    }
}

/// One role's operators' socket.
pub(crate) struct Admin {
    role: Role,
    socket: PathBuf,
    operators: String,
    client: Client<AdminRequest, AdminReply>,
}

impl Admin {
    pub(crate) fn new(config: &HostConfig, role: Role, deadline: Duration) -> Self {
        let socket = config.admin_socket(role);
        let operators = config.operators();
        let operators = format!("operators.gids = {:?}, operators.uids = {:?}", operators.gids, operators.uids);
        let client = Client::new(&socket, Some(config.role(role).uid), deadline);
        Self { role, socket, operators, client }
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Asks. Must run inside [`block_on`].
    pub(crate) async fn ask(
        &self,
        request: &AdminRequest,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<AdminReply, NoAnswer> {
        match self.client.call(request, descriptors).await {
            Ok(AdminReply::Refused(refused)) => Err(NoAnswer::Refused(refused)),
            Ok(reply) => Ok(reply),
            Err(error) => Err(self.in_words(&error)),
        }
    }

    /// Asks for JSON.
    pub(crate) async fn json(&self, request: &AdminRequest) -> Result<serde_json::Value, NoAnswer> {
        match self.ask(request, &[]).await? {
            AdminReply::Json(text) => serde_json::from_str(&text).map_err(|error| {
                NoAnswer::Unexpected(format!("gate-{} answered text that is no JSON: {error}", self.role))
            }),
            other => Err(self.unexpected(&other)),
        }
    }

    pub(crate) fn unexpected(&self, reply: &AdminReply) -> NoAnswer {
        NoAnswer::Unexpected(format!(
            "gate-{} answered something else than what was asked ({}); is it of another version?",
            self.role,
            kind(reply)
        ))
    }

    fn in_words(&self, error: &CallError) -> NoAnswer {
        let (role, socket, operators) = (self.role, self.socket.display(), &self.operators);
        let unit = format!("gate-{role}.service");
        let kind = match error {
            CallError::Unavailable { error, .. } => Some(error.kind()),
            _ => None,
        };
        let who = format!("operators are those of gate.toml ({operators})");
        NoAnswer::Unreachable(match (kind, error) {
            (Some(ErrorKind::NotFound), _) => format!("gate-{role}: nothing is at {socket}; start {unit}"),
            (Some(ErrorKind::ConnectionRefused), _) => {
                format!("gate-{role}: nobody listens at {socket}; start {unit}, its log says why it ended")
            }
            (Some(ErrorKind::PermissionDenied), _) => {
                return NoAnswer::Forbidden(format!("gate-{role}: you may not use {socket}; {who}"));
            }
            // A callee that does not admit the caller closes at once, and records it.
            (_, CallError::Closed { .. }) => {
                format!("gate-{role}: {socket} was closed without an answer; {who}, and the log of {unit} says more")
            }
            _ => format!("gate-{role}: {error}; look at {unit}"),
        })
    }
}

fn kind(reply: &AdminReply) -> &'static str {
    match reply {
        AdminReply::Staged { .. } => "staged",
        AdminReply::Activated { .. } => "activated",
        AdminReply::Json(_) => "JSON",
        AdminReply::Entries { .. } => "entries",
        AdminReply::Refused(_) => "a refusal",
    }
}

/// What each of these roles says of itself. All must answer.
pub(crate) async fn statuses(
    config: &HostConfig,
    roles: impl IntoIterator<Item = Role>,
) -> Result<Vec<(Role, serde_json::Value)>, Failure> {
    let mut found = Vec::new();
    for role in roles {
        let status = Admin::new(config, role, Duration::from_secs(5)).json(&AdminRequest::Status).await;
        found.push((role, status.map_err(|why| why.failure())?));
    }
    Ok(found)
}

/// Runs one command's questions on one thread.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::cannot(format!("no runtime: {error}")))?;
    tokio::task::LocalSet::new().block_on(&runtime, future)
}
