//! Work that was begun in order, goes on at the same time, and ends in order.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

enum Begun<'f, T> {
    Going(Pin<Box<dyn Future<Output = T> + 'f>>),
    Done(T),
}

/// Futures of one task.
pub(crate) struct InOrder<'f, T>(VecDeque<Begun<'f, T>>);

impl<'f, T> InOrder<'f, T> {
    pub(crate) fn new() -> Self {
        Self(VecDeque::new())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds a future, and runs it as far as it gets without waiting.
    pub(crate) async fn begin(&mut self, future: impl Future<Output = T> + 'f) {
        let mut begun = Begun::Going(Box::pin(future));
        poll_fn(|context| {
            begun.go_on(context);
            Poll::Ready(())
        })
        .await;
        self.0.push_back(begun);
    }

    /// What the oldest has come to, once it has; never, where there is none. All go on meanwhile. Cancel-safe.
    pub(crate) async fn next(&mut self) -> T {
        poll_fn(|context| {
            self.0.iter_mut().for_each(|begun| begun.go_on(context));
            match self.0.pop_front_if(|begun| matches!(begun, Begun::Done(_))) {
                Some(Begun::Done(done)) => Poll::Ready(done),
                _ => Poll::Pending,
            }
        })
        .await
    }
}

impl<T> Begun<'_, T> {
    fn go_on(&mut self, context: &mut Context<'_>) {
        if let Self::Going(future) = self
            && let Poll::Ready(done) = future.as_mut().poll(context)
        {
            *self = Self::Done(done);
        }
    }
}
