//! The shop's services and their clients.

use super::{Host, Output, Process, Stand, give};
use crate::wait;
use anyhow::Context as _;
use std::{ffi::OsStr, fs, process::Command};

/// Where orders listens: gate-proxy's, for everybody but it.
pub const ORDERS_PORT: u16 = 8080;
/// Where the ledger listens.
pub const LEDGER_PORT: u16 = 9000;

/// Processes of no service run here: below the attached programs, declared nowhere.
pub const OUTSIDE: &str = "outside.scope";

impl Host {
    /// Where and as whom a service runs: `web` in `web.service`. [`OUTSIDE`] is a place of no service.
    pub fn stand_of(&mut self, service: &str) -> Stand {
        let next = self.numbers.len() as u32;
        let uid = self.users().service(*self.numbers.entry(service.into()).or_insert(next));
        let cgroup = if service.contains('.') { service.to_owned() } else { format!("{service}.service") };
        Stand {
            cgroup: self.cgroups().join(cgroup),
            netns: self.place.netns(),
            uid,
            gid: uid,
            groups: vec![],
            capabilities: &[],
            private_network: false,
        }
    }

    /// A command in a service's place.
    ///
    /// # Errors
    /// When gate-launch is not built.
    pub fn command<S: AsRef<OsStr>>(&mut self, service: &str, words: &[S]) -> anyhow::Result<Command> {
        let (program, arguments) = words.split_first().context("an empty command")?;
        let words: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
        self.stand_of(service).command(program.as_ref(), &words)
    }

    /// Runs a command in a service's place, to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run<S: AsRef<OsStr>>(&mut self, service: &str, words: &[S]) -> anyhow::Result<Output> {
        Output::of(&mut self.command(service, words)?)
    }

    /// Starts a command that stays.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_service<S: AsRef<OsStr>>(&mut self, service: &str, words: &[S]) -> anyhow::Result<()> {
        let log = self.path("logs").join(format!("{service}.log"));
        let mut command = self.command(service, words)?;
        let process = Process::start(service, &mut command, &log)?;
        self.services.insert(service.into(), process);
        Ok(())
    }

    /// Ends a service that was started.
    ///
    /// # Errors
    /// When it is not running.
    pub fn stop_service(&mut self, service: &str) -> anyhow::Result<()> {
        self.services.remove(service).with_context(|| format!("{service} is not running"))?.kill()?;
        // nginx's workers.
        super::place::remove_cgroups(&self.stand_of(service).cgroup);
        Ok(())
    }

    /// Removes a service's cgroup, so that the next process makes it anew.
    ///
    /// # Errors
    /// When it is still there.
    pub fn remove_cgroup(&mut self, service: &str) -> anyhow::Result<()> {
        let cgroup = self.stand_of(service).cgroup;
        super::place::remove_cgroups(&cgroup);
        anyhow::ensure!(!cgroup.exists(), "{} is still there", cgroup.display());
        Ok(())
    }

    /// nginx as orders, and the ledger.
    ///
    /// # Errors
    /// What they said when they did not start.
    pub fn start_services(&mut self) -> anyhow::Result<()> {
        self.start_orders()?;
        self.start_ledger()?;
        self.wait_for_listener("orders", ORDERS_PORT)
    }

    /// The ledger.
    ///
    /// # Errors
    /// What it said when it did not start.
    pub fn start_ledger(&mut self) -> anyhow::Result<()> {
        let ledger = self.installed("gate-ledger")?;
        self.start_service("ledger", &[ledger.as_os_str(), OsStr::new(&LEDGER_PORT.to_string())])?;
        self.wait_for_listener("ledger", LEDGER_PORT)
    }

    /// nginx, with a configuration of its own.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_orders(&mut self) -> anyhow::Result<()> {
        let stand = self.stand_of("orders");
        let directory = self.path("services/orders");
        give(&directory, Some(stand.uid), Some(stand.gid), 0o755)?;
        let (prefix, config) = (directory.display().to_string(), directory.join("nginx.conf"));
        fs::write(&config, nginx(&prefix))?;
        let (config, log) = (config.display().to_string(), format!("{prefix}/error.log"));
        self.start_service("orders", &["/usr/sbin/nginx", "-p", &prefix, "-e", &log, "-c", &config])
    }

    /// Waits until a service's port is listened on, as the kernel's own list says.
    ///
    /// # Errors
    /// What the service said when it ended instead.
    pub fn wait_for_listener(&mut self, service: &str, port: u16) -> anyhow::Result<()> {
        let process = self.services.get_mut(service).with_context(|| format!("{service} is not running"))?;
        let pid = process.pid();
        let wanted = format!(":{port:04X}");
        wait::until(&format!("{service} to listen on {port}"), || {
            process.check()?;
            // The namespace is the process's own.
            let listed = ["tcp", "tcp6"].map(|file| fs::read_to_string(format!("/proc/{pid}/net/{file}")));
            let listens = |line: &str| {
                let mut words = line.split_whitespace().skip(1);
                words.next().is_some_and(|local| local.ends_with(&wanted)) && words.nth(1) == Some("0A")
            };
            Ok(listed.iter().flatten().any(|text| text.lines().any(listens)).then_some(()))
        })
    }
}

fn nginx(prefix: &str) -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("  {name}_temp_path {prefix}/{name};\n"))
        .concat();
    format!(
        "daemon off;\nworker_processes 1;\npid {prefix}/nginx.pid;\nerror_log {prefix}/error.log;\nevents {{}}\n\
         http {{\n  access_log {prefix}/access.log;\n{temporary}  server {{\n    \
         listen [::]:{ORDERS_PORT} ipv6only=off;\n    default_type text/plain;\n    keepalive_requests 1000000;\n    \
         location / {{ return 200 \"orders answers $request_method $request_uri\\n\"; }}\n  }}\n}}\n"
    )
}
