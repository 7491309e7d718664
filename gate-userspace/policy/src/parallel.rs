//! Work on many items by a few threads.

use std::panic::resume_unwind;
use std::thread::{self, Builder};

/// Threads at most. More than there are processors cost little, and their number is not asked
/// for: a sandboxed process may not know it, and the same policy compiles in the same way everywhere.
const THREADS: usize = 4;

/// Stack of each, of which little is ever touched. Cedar recurses over expressions, and callers may have 2 MiB, which are
/// too few for an unoptimized build and the longest rule that is admitted.
const STACK: usize = 16 << 20;

/// The results in the order of the items. A thread takes at least `least` items; fewer are not worth one.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], least: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let all = |items: &[T]| items.iter().map(&work).collect::<Vec<R>>();
    let all = &all;
    let shares = items.chunks(items.len().div_ceil(THREADS).max(least).max(1));
    thread::scope(|scope| {
        let spawn = |share| (share, Builder::new().stack_size(STACK).spawn_scoped(scope, move || all(share)));
        let threads: Vec<_> = shares.map(spawn).collect();
        let mut results = Vec::with_capacity(items.len());
        for (share, thread) in threads {
            results.extend(match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                // Where no thread can be had, the work is done without.
                Err(_) => all(share),
            });
        }
        results
    })
}

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn results_are_in_the_order_of_items() {
        for count in [0, 1, 2, 3, 4, 5, 63, 1000] {
            let items: Vec<usize> = (0..count).collect();
            for least in [0, 1, 7, 2000] {
                assert_eq!(map(&items, least, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
            }
        }
    }
}
