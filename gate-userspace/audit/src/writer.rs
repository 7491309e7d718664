//! The one thread that writes the log.
//!
//! What all roles report is committed together: at once when somebody waits (`strict` rules, an orderly stop), else a
//! [`WINDOW`] after the first entry came, or earlier when there is much of it. A commit costs the same few fsyncs for one
//! entry and for thousands, so it is the window that says how many of them a busy host makes. Entries are acknowledged
//! when they are on disk. When that fails, they are refused (whoever reported them keeps them), the log is opened anew,
//! and the gap is recorded as soon as it can be written.

use ed25519_dalek::SigningKey;
use gate_audit_log::{Log, LogError};
use gate_record::Event;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long an entry that nobody waits for may wait for others. Whoever watches the log sees a denial that much later.
pub const WINDOW: Duration = Duration::from_millis(100);
/// Bytes of entries that are committed without waiting for more: beyond, a commit costs by what it writes.
const GROUP: usize = 4 << 20;
/// How often a log that failed is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// How the log is opened, the first time and after a failure.
pub struct Opener {
    /// Its directory.
    pub directory: PathBuf,
    /// Its origin.
    pub origin: String,
    /// The key that signs its checkpoints.
    pub key: SigningKey,
}

/// The log as status shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterState {
    /// The log's name.
    pub origin: String,
    /// The key for anybody's tools.
    pub verifier_key: String,
    /// Entries on disk.
    pub size: u64,
    /// The root over them.
    pub root: String,
    /// How often something was put on disk since the start.
    pub commits: u64,
    /// Why it cannot be written now.
    pub failed: Option<String>,
}

/// Hands entries to the thread. Clones hand them to the same one.
#[derive(Clone)]
pub struct Writer {
    jobs: Sender<Job>,
    window: Duration,
    state: Arc<Mutex<WriterState>>,
}

struct Job {
    entries: Vec<Vec<u8>>,
    /// When the thread has to have begun to commit it.
    due: Instant,
    done: oneshot::Sender<Result<u64, String>>,
}

impl Opener {
    fn open(&self) -> Result<Log, LogError> {
        Log::open(&self.directory, &self.origin, self.key.clone(), None)
    }
}

impl Writer {
    /// Opens the log and starts the thread, which ends with the last clone. Entries that nobody waits for are committed
    /// within `window`, see [`WINDOW`]. What the thread itself has to say goes to `report`.
    ///
    /// # Errors
    /// [`LogError`]: a log that is damaged, or another's, is not written to.
    pub fn start(opener: Opener, window: Duration, report: impl Fn(Event) + Send + 'static) -> Result<Self, LogError> {
        let log = opener.open()?;
        let state = Arc::new(Mutex::new(WriterState {
            origin: opener.origin.clone(),
            verifier_key: log.verifier_key().to_string(),
            size: log.checkpoint().size,
            root: log.checkpoint().root.to_string(),
            commits: 0,
            failed: None,
        }));
        let (jobs, queue) = channel();
        let report = Box::new(report);
        let thread =
            Thread { opener, log: Some(log), gap: None, tried: Instant::now(), report, state: Arc::clone(&state) };
        std::thread::spawn(move || thread.run(&queue));
        Ok(Self { jobs, window, state })
    }

    /// Writes entries; returns the log's size once they are on disk. What is urgent is committed at once, together with
    /// everything that came before it.
    ///
    /// # Errors
    /// Why they are not, or why that is not known.
    pub async fn write(&self, entries: Vec<Vec<u8>>, urgent: bool) -> Result<u64, String> {
        if let (true, WriterState { failed: None, size, .. }) = (entries.is_empty(), self.state()) {
            return Ok(size);
        }
        let now = Instant::now();
        let due = if urgent { now } else { now + self.window };
        let (done, written) = oneshot::channel();
        let ended = || "the writer of the log has ended".to_owned();
        self.jobs.send(Job { entries, due, done }).map_err(|_| ended())?;
        written.await.unwrap_or_else(|_| Err(ended()))
    }

    /// The log as it is now.
    #[must_use]
    pub fn state(&self) -> WriterState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Thread {
    opener: Opener,
    /// `None`: it failed and has to be opened anew.
    log: Option<Log>,
    gap: Option<Gap>,
    tried: Instant,
    report: Box<dyn Fn(Event) + Send>,
    state: Arc<Mutex<WriterState>>,
}

/// A time in which nothing could be written.
struct Gap {
    began: Instant,
    why: String,
    refused: u64,
}

impl Thread {
    fn run(mut self, queue: &Receiver<Job>) {
        while let Ok(first) = queue.recv() {
            let (group, open) = gather(first, queue);
            let entries: Vec<&[u8]> = group.iter().flat_map(|job| &job.entries).map(Vec::as_slice).collect();
            let written = self.write(&entries);
            for job in group {
                // Whoever gave up no longer listens.
                let _ = job.done.send(written.clone());
            }
            if !open {
                return;
            }
        }
    }

    fn write(&mut self, entries: &[&[u8]]) -> Result<u64, String> {
        let written = self.log().and_then(|log| {
            log.append(entries)?;
            let checkpoint = log.commit()?;
            Ok((checkpoint.size, checkpoint.root.to_string()))
        });
        match written {
            Ok((size, root)) => {
                self.show(|state| {
                    (state.size, state.root, state.failed) = (size, root, None);
                    state.commits += 1;
                });
                self.close_gap();
                Ok(size)
            }
            Err(error) => Err(self.fail(&error, entries.len() as u64)),
        }
    }

    /// The log, opened anew if it failed and has not just been tried.
    fn log(&mut self) -> Result<&mut Log, LogError> {
        let log = match self.log.take() {
            Some(log) => log,
            None if self.tried.elapsed() < RETRY => return Err(LogError::Failed),
            None => {
                self.tried = Instant::now();
                self.opener.open()?
            }
        };
        Ok(self.log.insert(log))
    }

    /// After an error only opening the log anew tells what is on disk.
    fn fail(&mut self, error: &LogError, entries: u64) -> String {
        if self.log.take().is_some() {
            self.tried = Instant::now();
        }
        let gap = self.gap.get_or_insert_with(|| Gap { began: Instant::now(), why: error.to_string(), refused: 0 });
        gap.refused += entries;
        let why = format!("the log cannot be written: {}", gap.why);
        self.show(|state| state.failed = Some(why.clone()));
        why
    }

    fn close_gap(&mut self) {
        if let Some(Gap { began, why, refused }) = self.gap.take() {
            let what = format!(
                "log for {} ms ({why}); refused entries, which may have been reported again",
                began.elapsed().as_millis()
            );
            (self.report)(Event::Loss { what, source: String::new(), count: refused });
        }
    }

    fn show(&self, change: impl FnOnce(&mut WriterState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What is committed together, and whether more can come.
fn gather(first: Job, queue: &Receiver<Job>) -> (Vec<Job>, bool) {
    let bytes = |job: &Job| job.entries.iter().map(Vec::len).sum::<usize>();
    let (mut size, mut due) = (bytes(&first), first.due);
    let mut group = vec![first];
    while size < GROUP {
        // What has arrived already goes along in any case.
        match queue.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(job) => {
                size += bytes(&job);
                due = due.min(job.due);
                group.push(job);
            }
            Err(RecvTimeoutError::Timeout) => return (group, true),
            Err(RecvTimeoutError::Disconnected) => return (group, false),
        }
    }
    (group, true)
}
