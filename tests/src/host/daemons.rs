//! The roles' processes.

use super::{Host, Output, Process, Stand, programs};
use crate::{at, wait};
use anyhow::Context as _;
use gate_host::Role;
use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

/// A role's cgroup, relative to the tree.
#[must_use]
pub fn cgroup(role: Role) -> String {
    format!("gate.slice/gate-{role}.service")
}

impl Host {
    /// Where and as whom a role runs: what packaging gives it.
    #[must_use]
    pub fn stand(&self, role: Role) -> Stand {
        let uid = self.users().role(role);
        let (gid, groups, capabilities): (_, _, &[&str]) = match role {
            // In gate-net's group, which its maps are given to.
            Role::Loader => (self.users().role(Role::Net), vec![], &["bpf", "net_admin", "perfmon"]),
            Role::Net => (uid, vec![self.users().roles_group()], &["net_admin"]),
            _ => (uid, vec![self.users().roles_group()], &[]),
        };
        Stand {
            cgroup: self.cgroups().join(cgroup(role)),
            netns: self.place.netns(),
            uid,
            gid,
            groups,
            capabilities,
            private_network: matches!(role, Role::Authz | Role::Audit),
        }
    }

    /// A program where every user may run it, wherever it was built.
    ///
    /// # Errors
    /// When it was not built or cannot be copied.
    pub fn installed(&self, name: &str) -> anyhow::Result<PathBuf> {
        let installed = self.path("bin").join(name);
        if !installed.exists() {
            let built = programs::built(name)?;
            if fs::hard_link(&built, &installed).is_err() {
                fs::copy(&built, &installed).with_context(|| format!("copying {}", built.display()))?;
            }
            fs::set_permissions(&installed, fs::Permissions::from_mode(0o755))?;
        }
        Ok(installed)
    }

    /// Makes the signing roles' keys, each as its own user, and enrols the public halves.
    pub(super) fn enrol(&self) -> anyhow::Result<()> {
        for role in Role::SIGNING {
            let config = self.config().display().to_string();
            let arguments = ["--config", &config, "init-key"].map(String::from);
            let program = self.installed(&format!("gate-{role}"))?.display().to_string();
            let made = Output::of(&mut self.stand(role).command(program, &arguments)?)?;
            anyhow::ensure!(made.succeeded(), "gate-{role} init-key: {}", made.text());
            fs::write(self.path("keys").join(format!("{role}.pub")), made.out)?;
        }
        Ok(())
    }

    /// Starts roles and waits until each answers. The loader runs to its end first.
    ///
    /// # Errors
    /// What a role said that did not start.
    pub fn start_roles(&mut self, roles: &[Role]) -> anyhow::Result<()> {
        for role in roles {
            let process = self.spawn_role(*role)?;
            if *role == Role::Loader {
                process.wait()?;
            } else {
                self.daemons.insert(*role, process);
            }
        }
        roles.iter().filter(|role| **role != Role::Loader).try_for_each(|role| self.wait_for_role(*role))
    }

    /// Waits until a role answers; gate-proxy, until the kernel has its listener too.
    ///
    /// # Errors
    /// What it said when it ended instead.
    pub fn wait_for_role(&mut self, role: Role) -> anyhow::Result<()> {
        let operator = self.operator();
        let process = self.daemons.get_mut(&role).with_context(|| format!("gate-{role} is not running"))?;
        let ready = wait::until(&format!("gate-{role} to answer"), || {
            process.check()?;
            let answers = operator.status(role).is_ok();
            let listens = role != Role::Proxy || *at(&operator.status(Role::Net)?, "/duty/listener") == true;
            Ok((answers && listens).then_some(()))
        });
        ready.with_context(|| self.logs())
    }

    fn spawn_role(&self, role: Role) -> anyhow::Result<Process> {
        let name = format!("gate-{role}");
        let program = self.installed(&name)?.display().to_string();
        let arguments = ["--config".to_owned(), self.config().display().to_string()];
        let mut command = self.stand(role).command(program, &arguments)?;
        Process::start(&name, &mut command, &self.path("logs").join(format!("{name}.log")))
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When it is not running.
    pub fn kill_role(&mut self, role: Role) -> anyhow::Result<()> {
        self.daemons.remove(&role).with_context(|| format!("gate-{role} is not running"))?.kill()
    }

    /// Stops a role where it is, or lets it go on.
    ///
    /// # Errors
    /// When it is not running.
    pub fn signal_role(&self, role: Role, signal: rustix::process::Signal) -> anyhow::Result<()> {
        let pid = self.pid_of(role).and_then(|pid| rustix::process::Pid::from_raw(i32::try_from(pid).ok()?));
        let pid = pid.with_context(|| format!("gate-{role} is not running"))?;
        Ok(rustix::process::kill_process(pid, signal)?)
    }

    /// Waits for the end of a role that somebody else ends.
    ///
    /// # Errors
    /// When it does not end.
    pub fn wait_for_end(&mut self, role: Role) -> anyhow::Result<()> {
        let process = self.daemons.get_mut(&role).with_context(|| format!("gate-{role} is not running"))?;
        wait::until(&format!("gate-{role} to end"), || Ok(process.check().is_err().then_some(())))?;
        self.daemons.remove(&role);
        Ok(())
    }

    /// The process number of a role.
    #[must_use]
    pub fn pid_of(&self, role: Role) -> Option<u32> {
        self.daemons.get(&role).map(Process::pid)
    }
}
