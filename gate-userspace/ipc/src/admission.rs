//! Who may call: roles by user **and** cgroup, operators by user or group.

use crate::Peer;
use gate_host::{HostConfig, Operators, Role, RoleConfig};
use std::fmt;

/// Who may call one socket.
#[derive(Debug, Clone)]
pub struct Admission {
    /// Every role of the host: who is one of them is never an operator.
    known: Vec<RoleConfig>,
    admitted: Vec<Role>,
    operators: Option<Operators>,
}

/// A caller that was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A role of Gate.
    Role(Role),
    /// A person, on the administrators' channel.
    Operator {
        /// The Unix user.
        uid: u32,
    },
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => write!(f, "gate-{role}"),
            Self::Operator { uid } => write!(f, "operator uid {uid}"),
        }
    }
}

/// Why a caller was not admitted, for the record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found}")]
pub struct Rejection {
    /// What was found, and what would be right.
    pub found: String,
}

impl Admission {
    /// For a role's own socket: only these roles.
    #[must_use]
    pub fn roles(config: &HostConfig, admitted: &[Role]) -> Self {
        Self { known: config.roles().to_vec(), admitted: admitted.to_vec(), operators: None }
    }

    /// For an administrators' socket: only operators.
    #[must_use]
    pub fn operators(config: &HostConfig) -> Self {
        Self { known: config.roles().to_vec(), admitted: Vec::new(), operators: Some(config.operators().clone()) }
    }

    /// Judges one peer.
    ///
    /// # Errors
    /// [`Rejection`] says what would have been right.
    pub fn admit(&self, peer: &Peer) -> Result<Caller, Rejection> {
        match &self.operators {
            Some(operators) => self.admit_operator(peer, operators),
            None => self.admit_role(peer),
        }
    }

    fn admit_role(&self, peer: &Peer) -> Result<Caller, Rejection> {
        let Some(config) = self.known.iter().find(|config| config.uid == peer.uid) else {
            return reject(format!("uid {} is no role's", peer.uid));
        };
        if !self.admitted.contains(&config.role) {
            return reject(format!("gate-{} does not call this socket", config.role));
        }
        match &peer.cgroup {
            Some(cgroup) if *cgroup == config.cgroup => Ok(Caller::Role(config.role)),
            Some(cgroup) => reject(format!(
                "uid {} is gate-{}'s and the cgroup is \"{cgroup}\"; its cgroup is \"{}\"",
                peer.uid, config.role, config.cgroup
            )),
            None => reject(format!(
                "uid {} is gate-{}'s and the cgroup is outside of cgroup_root; its cgroup is \"{}\"",
                peer.uid, config.role, config.cgroup
            )),
        }
    }

    /// A role's user may be in the operators' group, to give its socket to it; it operates nothing by that.
    fn admit_operator(&self, peer: &Peer, operators: &Operators) -> Result<Caller, Rejection> {
        if operators.uids.contains(&peer.uid) {
            return Ok(Caller::Operator { uid: peer.uid });
        }
        if let Some(config) = self.known.iter().find(|config| config.uid == peer.uid) {
            return reject(format!("uid {} is gate-{}'s; a role is no operator", peer.uid, config.role));
        }
        let mut groups = peer.groups.iter().chain([&peer.gid]);
        if groups.any(|gid| operators.gids.contains(gid)) {
            return Ok(Caller::Operator { uid: peer.uid });
        }
        reject(format!(
            "uid {} is no operator: it is not in operators.uids, none of its groups in operators.gids",
            peer.uid
        ))
    }
}

fn reject(found: String) -> Result<Caller, Rejection> {
    Err(Rejection { found })
}
