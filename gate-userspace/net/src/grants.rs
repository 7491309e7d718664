//! Whether a grant may open the kernel: two signatures by two roles, both fresh, both under the bundle in force, and
//! this role's own table.

use ed25519_dalek::VerifyingKey;
use gate_statements::{Assertion, Grant, Signed, StatementError};
use gate_tables::{Port, Service, Tables, Via};

/// Everything that a grant is judged by.
pub struct GrantCheck<'a> {
    /// gate-authn's enrolled key.
    pub authn: &'a VerifyingKey,
    /// gate-authz's enrolled key.
    pub authz: &'a VerifyingKey,
    /// The host's environment.
    pub environment: &'a str,
    /// The version in force.
    pub version: u64,
    /// This role's own copy of the policy, as far as it is for this host.
    pub tables: &'a Tables,
    /// Unix milliseconds.
    pub now_ms: u64,
}

/// Why a grant is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantRefusal {
    /// A signature, an encoding or a time.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Another environment's.
    #[error("the {statement} is of environment {found:?}, this host is {right:?}")]
    Environment {
        /// `assertion` or `grant`.
        statement: &'static str,
        /// Its environment.
        found: String,
        /// The host's.
        right: String,
    },
    /// Another bundle's.
    #[error("the {statement} is of bundle version {found}, in force is {right}")]
    Version {
        /// `assertion` or `grant`.
        statement: &'static str,
        /// Its version.
        found: u64,
        /// The version in force.
        right: u64,
    },
    /// The two do not belong together.
    #[error("the grant is not for the session, source and destination of the assertion")]
    Apart,
    /// The policy does not allow it.
    #[error("no rule lets {source_name} reach port {port} through gate-proxy")]
    Unreachable {
        /// The source.
        source_name: String,
        /// The port.
        port: u16,
    },
}

impl GrantCheck<'_> {
    /// The grant, if it may open the kernel.
    ///
    /// # Errors
    /// [`GrantRefusal`]; nothing was changed.
    pub fn check(
        &self,
        assertion: &Signed<Assertion>,
        grant: &Signed<Grant>,
    ) -> Result<(Assertion, Grant), GrantRefusal> {
        let assertion = assertion.verify(self.authn)?;
        let grant = grant.verify(self.authz)?;
        assertion.check_time(self.now_ms)?;
        grant.check_time(self.now_ms)?;
        self.same_environment("assertion", &assertion.environment)?;
        self.same_environment("grant", &grant.environment)?;
        self.same_version("assertion", assertion.version)?;
        self.same_version("grant", grant.version)?;
        let port = assertion.destination.port();
        let (owner, declared) = self.owner(port).ok_or(GrantRefusal::Apart)?;
        if grant.session != assertion.session || grant.source != assertion.source || owner.id != grant.destination {
            return Err(GrantRefusal::Apart);
        }
        match self.tables.reach(grant.source, grant.destination, declared.id) {
            // On a port that gate-proxy does not serve it has nothing to connect for.
            Some(line) if line.via == Via::Proxy && declared.is_served() => Ok((assertion, grant)),
            _ => Err(GrantRefusal::Unreachable { source_name: assertion.source_name, port }),
        }
    }

    fn owner(&self, number: u16) -> Option<(&Service, &Port)> {
        self.tables.services.iter().find_map(|service| {
            let port = service.ports.iter().find(|port| port.number == number)?;
            Some((service, port))
        })
    }

    fn same_environment(&self, statement: &'static str, found: &str) -> Result<(), GrantRefusal> {
        if found == self.environment {
            return Ok(());
        }
        Err(GrantRefusal::Environment { statement, found: found.into(), right: self.environment.into() })
    }

    fn same_version(&self, statement: &'static str, found: u64) -> Result<(), GrantRefusal> {
        if found == self.version {
            return Ok(());
        }
        Err(GrantRefusal::Version { statement, found, right: self.version })
    }
}

#[cfg(test)]
mod tests;
