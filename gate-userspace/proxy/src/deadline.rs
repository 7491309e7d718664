//! A deadline that costs nothing while it is far away: its timer is registered once and moved only when it fires early.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// How long something may take.
#[derive(Debug, Default)]
pub struct Deadline {
    /// When it is over, and which kind of waiting it is for.
    at: Option<(Instant, Duration)>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Begins to wait, unless it waits for the same time already.
    pub fn start(&mut self, time: Duration) {
        if self.at.is_none_or(|(_, running)| running != time) {
            self.at = Some((Instant::now() + time, time));
        }
    }

    /// No longer waits.
    pub fn stop(&mut self) {
        self.at = None;
    }

    /// Whether the time is over; if not, the task is woken when it is.
    pub fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((at, _)) = self.at else { return false };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        loop {
            if timer.deadline() > at {
                timer.as_mut().reset(at);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return false;
            }
            if Instant::now() >= at {
                return true;
            }
            timer.as_mut().reset(at);
        }
    }
}
