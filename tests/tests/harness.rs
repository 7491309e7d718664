//! The harness itself: whatever ends a run, nothing of it stays on the machine.

use anyhow::{Context as _, ensure};
use gate_tests::{Host, built, left_out, until};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

/// The demo, once its host stands.
fn demo() -> anyhow::Result<Child> {
    let mut command = Command::new(built("gate-demo")?);
    let mut demo = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let output = BufReader::new(demo.stdout.take().context("no pipe")?);
    let mut lines = output.lines();
    let standing = lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("Started in")));
    ensure!(standing.is_some(), "the demo did not start");
    // It would stop at a full pipe.
    std::thread::spawn(move || lines.count());
    Ok(demo)
}

/// What a process's hosts still have: directories, cgroups, mounts, processes.
fn left_of(pid: u32) -> Vec<String> {
    let name = format!("gate-tests-{pid}-");
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut found: Vec<String> = mounts.lines().filter(|line| line.contains(&name)).map(str::to_owned).collect();
    let roots = mounts.lines().filter(|line| line.contains(" - cgroup2 ")).filter_map(|line| line.split(' ').nth(4));
    for root in roots.chain(["/tmp"]) {
        let entries =
            fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path().display().to_string());
        found.extend(entries.filter(|path| path.contains(&name)));
    }
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let words = fs::read(process.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&words).contains(&name) {
            found.push(format!("process {}", process.path().display()));
        }
    }
    found
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

#[test]
fn an_interrupted_demo_leaves_nothing() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let mut demo = demo()?;
        let number = demo.id();
        ensure!(left_of(number).len() > 5, "the demo has {:?}", left_of(number));
        kill_process(pid(&demo), signal)?;
        demo.wait()?;
        until("everything to be given back", || Ok(left_of(number).is_empty().then_some(())))
            .with_context(|| format!("{signal:?} left {:?}", left_of(number)))?;
    }
    Ok(())
}

#[test]
fn what_even_the_reaper_left_is_removed_by_the_next_start() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut demo = demo()?;
    let number = demo.id();
    let children = fs::read_to_string(format!("/proc/{number}/task/{number}/children"))?;
    let reaper = children.split_whitespace().find(|child| {
        let words = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).contains("--reap")
    });
    let reaper = reaper.context("the demo has no reaper")?.parse()?;
    kill_process(Pid::from_raw(reaper).context("no process")?, Signal::KILL)?;
    kill_process(pid(&demo), Signal::KILL)?;
    demo.wait()?;
    ensure!(!left_of(number).is_empty(), "there is nothing to remove");
    Host::prepare()?.end();
    ensure!(left_of(number).is_empty(), "the next start left {:?}", left_of(number));
    ensure!(left_of(std::process::id()).is_empty(), "it left {:?} of its own", left_of(std::process::id()));
    Ok(())
}
