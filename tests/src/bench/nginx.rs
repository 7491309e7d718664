//! What Gate is compared with: nginx as a plain reverse proxy before the same backend, where nothing is attached.

use crate::Host;
use anyhow::Context as _;
use std::fs;

/// Where it listens.
pub const PORT: u16 = 8081;
/// The service that it is.
pub const SERVICE: &str = "proxy";

/// Starts it.
///
/// # Errors
/// What it said when it did not start.
pub fn start(host: &mut Host) -> anyhow::Result<()> {
    let stand = host.stand_of(SERVICE);
    let directory = host.path("services/proxy");
    fs::create_dir_all(&directory)?;
    std::os::unix::fs::chown(&directory, Some(stand.uid), Some(stand.gid)).context("giving nginx its directory")?;
    let (prefix, config) = (directory.display().to_string(), directory.join("nginx.conf"));
    fs::write(&config, configuration(&prefix))?;
    let (config, log) = (config.display().to_string(), format!("{prefix}/error.log"));
    host.start_service(SERVICE, &["/usr/sbin/nginx", "-p", &prefix, "-e", &log, "-c", &config])?;
    host.wait_for_listener(SERVICE, PORT)
}

/// One worker, connections to the backend kept, no log: nothing that a plain reverse proxy need not do.
fn configuration(prefix: &str) -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("  {name}_temp_path {prefix}/{name};\n"))
        .concat();
    format!(
        "daemon off;\nworker_processes 1;\npid {prefix}/nginx.pid;\nerror_log {prefix}/error.log;\nevents {{}}\n\
         http {{\n  access_log off;\n  keepalive_requests 1000000;\n{temporary}  \
         upstream orders {{ server 127.0.0.1:{}; keepalive 64; keepalive_requests 1000000; }}\n  \
         server {{\n    listen [::]:{PORT} ipv6only=off;\n    \
         location / {{ proxy_pass http://orders; proxy_http_version 1.1; proxy_set_header Connection \"\"; }}\n  }}\n}}\n",
        crate::ORDERS_PORT
    )
}
