//! Requests of clients, made by curl.

use crate::{Host, Output};

/// What curl got.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status; `None`: there was no answer.
    pub status: Option<u16>,
    /// The body.
    pub body: String,
    /// The address and port that curl's socket is connected to.
    pub remote: String,
    /// The request id that the answer carries; empty for none.
    pub request_id: String,
    /// Everything curl said.
    pub output: Output,
}

impl Answer {
    /// On one line, for reports.
    #[must_use]
    pub fn text(&self) -> String {
        match self.status {
            Some(status) => format!("{status} from {}: {}", self.remote, self.body.trim()),
            None => self.output.text(),
        }
    }
}

impl Host {
    /// One request of a service.
    ///
    /// # Errors
    /// When curl cannot be started.
    pub fn request(&mut self, service: &str, method: &str, url: &str) -> anyhow::Result<Answer> {
        self.curl(service, &["-X", method, url])
    }

    /// curl, in a service's place.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn curl(&mut self, service: &str, further: &[&str]) -> anyhow::Result<Answer> {
        let format = "\n%{http_code} %{remote_ip} %{remote_port} %header{x-request-id}";
        let mut words = vec!["curl", "-sS", "--noproxy", "*", "--max-time", "10", "-w", format];
        words.extend(further);
        let output = self.run(service, &words)?;
        let (body, facts) = output.out.rsplit_once('\n').unwrap_or(("", &output.out));
        let mut facts = facts.split(' ');
        let mut fact = || facts.next().unwrap_or_default().to_owned();
        let (status, ip, port, request_id) = (fact(), fact(), fact(), fact());
        let remote = if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") };
        let status = status.parse().ok().filter(|status| *status != 0);
        Ok(Answer { status, body: body.to_owned(), remote, request_id, output })
    }
}
