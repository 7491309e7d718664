//! What a host of a test occupies on the machine, and how it is given back: a directory, a cgroup tree, a network
//! namespace, a bpffs mount.
//!
//! Everything is named after the process that made it, and a reaper process of its own removes it all when that
//! process ends, however it ends. What even a killed reaper left is removed by the next start.

use crate::wait;
use anyhow::Context as _;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

/// Where hosts live. Not below a user's directory: other users run what is in it.
const BASE: &str = "/tmp";
const PREFIX: &str = "gate-tests-";

/// What this process has taken.
static TAKEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From here on SIGINT, SIGTERM and SIGHUP give everything back before they end this process. (Were it killed, its
/// reapers would.)
///
/// # Errors
/// When signals cannot be caught.
pub fn give_back_on_signals() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let caught = {
        let _inside = runtime.enter();
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal)
    };
    let [interrupt, terminate, hangup] = caught;
    let (mut interrupt, mut terminate, mut hangup) = (interrupt?, terminate?, hangup?);
    std::thread::spawn(move || {
        let number = runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => 2,
                _ = terminate.recv() => 15,
                _ = hangup.recv() => 1,
            }
        });
        eprintln!("\ninterrupted: giving everything back");
        TAKEN.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|name| remove(name));
        std::process::exit(128 + number);
    });
    Ok(())
}

/// One host's part of the machine.
pub struct Place {
    directory: PathBuf,
    cgroups: PathBuf,
    reaper: Option<Child>,
}

impl Place {
    /// Takes a part of the machine, after removing what ended tests left.
    ///
    /// # Errors
    /// Without root, cgroup2 or the right to mount.
    pub fn take() -> anyhow::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        sweep();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        let started = start_time(pid).context("reading /proc/self/stat")?;
        let name = format!("{PREFIX}{pid}-{started}-{number}");
        let directory = Path::new(BASE).join(&name);
        let cgroups = cgroup_mount()?.join(&name);
        TAKEN.lock().unwrap_or_else(PoisonError::into_inner).push(name.clone());
        let mut place = Self { directory, cgroups, reaper: None };
        place.reaper = Some(reaper(&name)?);
        place.make().with_context(|| format!("preparing {}", place.directory.display()))?;
        Ok(place)
    }

    /// The directory of everything that is a file.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The root of the cgroup tree.
    #[must_use]
    pub fn cgroups(&self) -> &Path {
        &self.cgroups
    }

    /// The network namespace.
    #[must_use]
    pub fn netns(&self) -> PathBuf {
        self.directory.join("netns")
    }

    fn make(&self) -> anyhow::Result<()> {
        directory(&self.directory, 0o755)?;
        fs::create_dir(&self.cgroups).context("making a cgroup needs root")?;
        let bpffs = self.directory.join("run/bpf");
        fs::create_dir_all(&bpffs)?;
        mount(c"bpf", &bpffs, c"bpf", MountFlags::empty(), None::<&std::ffi::CStr>).context("mounting a bpffs")?;
        // gate-net passes through to its maps; the loader restricts what is below.
        fs::set_permissions(&bpffs, fs::Permissions::from_mode(0o755))?;
        fs::write(self.netns(), "")?;
        namespace(&self.netns())
    }

    /// Gives everything back, and waits until it is gone.
    pub fn give_back(&mut self) {
        if let Some(mut reaper) = self.reaper.take() {
            drop(reaper.stdin.take());
            let _ = reaper.wait();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// A directory of root's with this mode.
///
/// # Errors
/// What the system says.
pub fn directory(path: &Path, mode: u32) -> anyhow::Result<()> {
    fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}

/// A new network namespace with nothing but loopback, kept by a file.
fn namespace(file: &Path) -> anyhow::Result<()> {
    let mut up = Command::new("unshare");
    // The namespace is kept from inside: it ends with its last process otherwise.
    up.args(["--net", "sh", "-c", "ip link set lo up && mount --bind /proc/self/ns/net \"$1\"", "sh"]).arg(file);
    let made = up.output().context("running unshare")?;
    anyhow::ensure!(made.status.success(), "making a network namespace: {}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}

/// Where the unified hierarchy is mounted; on hybrid hosts not at `/sys/fs/cgroup`.
///
/// # Errors
/// When it is not mounted.
pub fn cgroup_mount() -> anyhow::Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let point = mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        kind.starts_with("cgroup2 ").then(|| mount.split(' ').nth(4).map(PathBuf::from)).flatten()
    });
    point.context("no cgroup2 mount in /proc/self/mountinfo")
}

/// Starts the process that removes everything once this process has ended.
fn reaper(name: &str) -> anyhow::Result<Child> {
    let mut reaper = Command::new(super::programs::built("gate-launch")?);
    // A process group of its own: the terminal's Ctrl-C is for the test, not for who cleans up behind it.
    reaper.args(["--reap", name]).process_group(0);
    reaper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    reaper.spawn().context("starting the reaper")
}

/// Removes what `name` has, whatever of it is there. For the reaper.
pub fn remove(name: &str) {
    if !name.starts_with(PREFIX) || name.contains('/') {
        return;
    }
    if let Ok(mount) = cgroup_mount() {
        remove_cgroups(&mount.join(name));
    }
    let directory = Path::new(BASE).join(name);
    for point in mounts_below(&directory) {
        let _ = unmount(&point, UnmountFlags::DETACH);
    }
    let _ = fs::remove_dir_all(&directory);
}

/// Kills what is in a cgroup tree and removes it.
pub fn remove_cgroups(root: &Path) {
    let _ = wait::until("the processes of the cgroup to end", || {
        // Again and again: a process that was on its way in when the first kill came is in it now.
        let _ = fs::write(root.join("cgroup.kill"), "1");
        remove_tree(root);
        Ok((!root.exists()).then_some(()))
    });
}

fn remove_tree(directory: &Path) {
    let children = fs::read_dir(directory).into_iter().flatten().flatten();
    children.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).for_each(|entry| {
        remove_tree(&entry.path());
    });
    let _ = fs::remove_dir(directory);
}

/// Innermost first.
fn mounts_below(directory: &Path) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut points: Vec<PathBuf> =
        mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from).collect();
    points.retain(|point| point.starts_with(directory));
    points.sort_by_key(|point| std::cmp::Reverse(point.as_os_str().len()));
    points
}

/// Removes what processes that are gone left behind.
fn sweep() {
    let bases = [Some(PathBuf::from(BASE)), cgroup_mount().ok()];
    for base in bases.into_iter().flatten() {
        let names = fs::read_dir(base).into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.filter_map(|name| name.into_string().ok()).filter(|name| is_left(name)).for_each(|name| remove(&name));
    }
}

/// Whether it is a host's, and that one's process is gone.
fn is_left(name: &str) -> bool {
    let Some(owner) = name.strip_prefix(PREFIX) else { return false };
    let mut parts = owner.split('-').map(str::parse::<u64>);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(pid)), Some(Ok(started)), Some(Ok(_))) => {
            u32::try_from(pid).ok().and_then(start_time) != Some(started)
        }
        _ => false,
    }
}

/// When a process started, in ticks: a number alone may be another process by now.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()
}
