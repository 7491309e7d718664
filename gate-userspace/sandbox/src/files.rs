//! Landlock: which files, which TCP ports, whom to signal.

use crate::error::SandboxError;
use gate_host::LandlockNeed;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, NetPort, PathBeneath, PathFd,
    PathFdError, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope, make_bitflags,
};
use std::io;
use std::path::PathBuf;

/// The newest ABI that this code uses. ABI 9 also restricts connecting to Unix sockets by path; it is left until a test
/// runs on such a kernel.
const NEWEST: ABI = ABI::V7;

/// What a role may do below a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    Read,
    ReadWrite,
    Sockets,
}

/// A path that a role may use.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    pub(crate) path: PathBuf,
    pub(crate) right: Right,
    /// Whether it is an error when it is not there.
    pub(crate) required: bool,
}

/// What TCP a role may do, from ABI 4 on. That a role has no TCP sockets at all is seccomp's matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tcp {
    /// Neither bind nor connect.
    Nothing,
    /// Connects anywhere (the kernel's programs say where), binds these ports only.
    Bind(Vec<u16>),
}

/// Restricts this thread, and all that it makes. Returns the ABI reached; 0 where the kernel has none and that is allowed.
pub(crate) fn restrict(paths: &[Path], tcp: &Tcp, need: LandlockNeed) -> Result<u8, SandboxError> {
    let handled = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(handled_tcp(tcp))?
        .scope(Scope::from_all(NEWEST))?;
    let mut ruleset = handled.create()?;
    for path in paths {
        if let Some(opened) = open(path)? {
            let rights = rights(path.right, path.path.is_dir());
            ruleset = ruleset.add_rule(PathBeneath::new(opened, rights))?;
        }
    }
    if let Tcp::Bind(ports) = tcp {
        for port in ports {
            ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::BindTcp))?;
        }
    }
    let status = ruleset.restrict_self()?;
    match (status.landlock, status.ruleset) {
        (LandlockStatus::Available { effective_abi, .. }, enforced) if enforced != RulesetStatus::NotEnforced => {
            Ok(effective_abi.min(NEWEST) as u8)
        }
        _ if need == LandlockNeed::IfAvailable => Ok(0),
        (LandlockStatus::NotEnabled, _) => Err(SandboxError::NoLandlock { found: "built in, but not enabled" }),
        _ => Err(SandboxError::NoLandlock { found: "not built in" }),
    }
}

fn handled_tcp(tcp: &Tcp) -> BitFlags<AccessNet> {
    match tcp {
        Tcp::Nothing => make_bitflags!(AccessNet::{BindTcp | ConnectTcp}),
        Tcp::Bind(_) => AccessNet::BindTcp.into(),
    }
}

/// Nothing may be executed, and no device, pipe or symbolic link made, anywhere.
fn rights(right: Right, is_directory: bool) -> BitFlags<AccessFs> {
    let all = match right {
        Right::Read => make_bitflags!(AccessFs::{ReadFile | ReadDir}),
        Right::ReadWrite => make_bitflags!(AccessFs::{
            ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir | Refer
        }),
        Right::Sockets => make_bitflags!(AccessFs::{ReadDir | MakeSock | RemoveFile}),
    };
    if is_directory { all } else { all & AccessFs::from_file(NEWEST) }
}

fn open(path: &Path) -> Result<Option<PathFd>, SandboxError> {
    match PathFd::new(&path.path) {
        Ok(opened) => Ok(Some(opened)),
        Err(PathFdError::OpenCall { source, .. }) if source.kind() == io::ErrorKind::NotFound && !path.required => {
            Ok(None)
        }
        Err(error) => Err(SandboxError::Path { path: path.path.clone(), message: error.to_string() }),
    }
}
