//! Tries one thing, inside a role's sandbox or outside any, and prints what came of it: `ok …` or `errno N`.
//!
//! `sandbox-probe ROLE|none PLACE ATTEMPT [ARGUMENT…]`, where PLACE is a directory that the role may write in, or a
//! `gate.toml`. The one TCP port that it may bind is in `PROBE_PORT`.

mod attempts;
mod system;
mod work;

use gate_host::{HostConfig, Role};
use gate_sandbox::{Confined, Sandbox};
use std::error::Error;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What an attempt may need that had to be made before the sandbox.
pub(crate) struct Before {
    /// A process of the same user.
    pub(crate) child: Child,
    /// What serves would take this.
    pub(crate) confined: Option<Confined>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [role, place, attempt, rest @ ..] = arguments.as_slice() else {
        return Err("usage: sandbox-probe ROLE|none PLACE ATTEMPT [ARGUMENT…]".into());
    };
    if attempt == "threads-first" {
        std::thread::spawn(std::thread::park);
    }
    // Ends by itself: the sandbox may not let it be killed.
    let child = Command::new("sleep").arg("2").stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let confined = match role.as_str() {
        "none" => None,
        role => match confine(role, Path::new(place)) {
            Ok(confined) => Some(confined),
            Err(error) => {
                println!("refused {error}");
                return Ok(());
            }
        },
    };
    let mut before = Before { child, confined };
    match attempts::attempt(attempt, rest, Path::new(place), &mut before)? {
        Ok(shown) => println!("ok {shown}"),
        Err(error) => println!("errno {}", error.raw_os_error().unwrap_or(-1)),
    }
    Ok(())
}

fn confine(role: &str, place: &Path) -> Result<Confined, Box<dyn Error>> {
    let role = Role::from_name(role).ok_or("no such role")?;
    let sandbox = Sandbox::for_role(role, &[])?;
    if place.extension().is_some_and(|extension| extension == "toml") {
        let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(place)?);
        return Ok(sandbox.for_host(&HostConfig::load_owned_by(place, owner)?).apply()?);
    }
    let port = std::env::var("PROBE_PORT").ok().map(|port| port.parse()).transpose()?;
    let sandbox = sandbox.read("/proc").read_write(place).sockets(place);
    Ok(port.into_iter().fold(sandbox, Sandbox::bind_tcp).apply()?)
}
