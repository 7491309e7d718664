//! Asking gate-authz. Questions that come up while a frame is under way travel together in the next one.

use gate_ipc::messages::{Answer, AuthzReply, AuthzRequest, Question, Refused};
use gate_ipc::{Client, MAX_BATCH, MAX_FRAME};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use tokio::sync::oneshot;

/// Most bytes of text in one batch, with room for lengths and signatures.
const MAX_TEXT: usize = MAX_FRAME / 2;

/// What a question has besides text, roughly: the assertion, numbers, lengths.
const OVERHEAD: usize = 512;

/// gate-authz, as one worker asks it.
pub type Authz = Client<AuthzRequest, AuthzReply>;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// gate-authz refuses the whole frame: another bundle is in force there.
    #[error("{0}")]
    Refused(Refused),
    /// It cannot be asked.
    #[error("gate-authz cannot be asked: {0}")]
    Unavailable(Rc<str>),
}

type Waiter = oneshot::Sender<Result<Answer, NoAnswer>>;

struct Waiting {
    version: u64,
    question: Question,
    waiter: Waiter,
}

/// One worker's line to gate-authz.
pub struct Judge {
    authz: Authz,
    waiting: RefCell<VecDeque<Waiting>>,
    asking: Cell<bool>,
    asked: Cell<u64>,
    frames: Cell<u64>,
}

impl Judge {
    /// Asks over this client.
    #[must_use]
    pub fn new(authz: Authz) -> Rc<Self> {
        Rc::new(Self {
            authz,
            waiting: RefCell::default(),
            asking: Cell::new(false),
            asked: Cell::new(0),
            frames: Cell::new(0),
        })
    }

    /// Asks one question, under the bundle version that it was routed by. Inside a `LocalSet` only.
    ///
    /// # Errors
    /// [`NoAnswer`]: nothing is allowed.
    pub async fn ask(self: &Rc<Self>, version: u64, question: Question) -> Result<Answer, NoAnswer> {
        let (waiter, answer) = oneshot::channel();
        self.waiting.borrow_mut().push_back(Waiting { version, question, waiter });
        if !self.asking.replace(true) {
            tokio::task::spawn_local(Rc::clone(self).run());
        }
        answer.await.unwrap_or_else(|_| Err(NoAnswer::Unavailable("the worker stops".into())))
    }

    /// How many questions travelled in how many frames.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.asked.get(), self.frames.get())
    }

    async fn run(self: Rc<Self>) {
        while let Some((request, waiters)) = self.next_batch() {
            self.asked.set(self.asked.get() + waiters.len() as u64);
            self.frames.set(self.frames.get() + 1);
            match self.authz.call(&request, &[]).await {
                Ok(AuthzReply::Decided(answers)) if answers.len() == waiters.len() => {
                    for (waiter, answer) in waiters.into_iter().zip(answers) {
                        // Whoever gave up no longer listens.
                        let _ = waiter.send(Ok(answer));
                    }
                }
                Ok(AuthzReply::Decided(answers)) => {
                    let why = format!("{} answers to {} questions", answers.len(), waiters.len());
                    fail(waiters, &NoAnswer::Unavailable(why.into()));
                }
                Ok(AuthzReply::Refused(refused)) => fail(waiters, &NoAnswer::Refused(refused)),
                Err(error) => fail(waiters, &NoAnswer::Unavailable(error.to_string().into())),
            }
        }
        self.asking.set(false);
    }

    /// The questions that wait for the same version, as many as fit into a frame.
    fn next_batch(&self) -> Option<(AuthzRequest, Vec<Waiter>)> {
        let mut waiting = self.waiting.borrow_mut();
        let version = waiting.front()?.version;
        let (mut questions, mut waiters, mut text) = (Vec::new(), Vec::new(), 0);
        while questions.len() < MAX_BATCH {
            let fits = |next: &mut Waiting| {
                next.version == version && (questions.is_empty() || text + size(&next.question) <= MAX_TEXT)
            };
            let Some(next) = waiting.pop_front_if(fits) else { break };
            text += size(&next.question);
            questions.push(next.question);
            waiters.push(next.waiter);
        }
        Some((AuthzRequest { version, questions }, waiters))
    }
}

fn size(question: &Question) -> usize {
    let values = [&question.parameters, &question.headers, &question.query].into_iter().flatten();
    let values = values.map(|(name, value)| match value {
        gate_tables::Value::Text(text) => name.len() + text.len(),
        gate_tables::Value::Int(_) => name.len() + 10,
    });
    OVERHEAD + question.path.len() + question.action.len() + question.host.len() + values.sum::<usize>()
}

fn fail(waiters: Vec<Waiter>, why: &NoAnswer) {
    for waiter in waiters {
        let _ = waiter.send(Err(why.clone()));
    }
}
