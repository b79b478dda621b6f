//! A map over items on several threads: in order, bounded, and interruptible. Knows nothing about its items.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::base::sync::lock;

/// How much may be in progress at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The number of threads.
    pub(crate) threads: usize,
    /// How many items may be started and not delivered; at least `threads`, or threads wait for room.
    pub(crate) window: usize,
}

/// Does `work` on each item of `source` and passes the results to `deliver` in the order of the items, on the calling
/// thread. `may_start` is called before each item; once it returns false, nothing more is started, and the items in
/// progress are finished and delivered.
///
/// A result counts towards `bounds.window` until `deliver` has returned. If the system has no room for all threads,
/// fewer are used; if for none, the calling thread does the work.
pub(crate) fn map<I: Send, O: Send>(
    source: &mut (dyn Iterator<Item = I> + Send),
    bounds: Bounds,
    may_start: &(dyn Fn() -> bool + Sync),
    work: &(dyn Fn(&I) -> O + Sync),
    deliver: &mut dyn FnMut(I, O),
) {
    let queue = Queue {
        state: Mutex::new(State {
            started: 0,
            delivered: 0,
            waiting: VecDeque::new(),
            threads: 0,
            closed: false,
        }),
        ready: Condvar::new(),
        room: Condvar::new(),
    };
    let source = Mutex::new(source);
    let spawned = thread::scope(|scope| {
        let mut spawned = 0;
        while spawned < bounds.threads {
            lock(&queue.state).threads += 1;
            let thread = thread::Builder::new().spawn_scoped(scope, || {
                while let Some((place, item)) = queue.next(&source, bounds.window, may_start) {
                    let result = work(&item);
                    queue.put(place, item, result);
                }
                queue.leave();
            });
            if thread.is_err() {
                lock(&queue.state).threads -= 1;
                break;
            }
            spawned += 1;
        }
        queue.deliver(deliver);
        spawned
    });
    if spawned == 0
        && let Ok(source) = source.into_inner()
    {
        while may_start()
            && let Some(item) = source.next()
        {
            let result = work(&item);
            deliver(item, result);
        }
    }
}

/// The state that the threads share.
struct Queue<I, O> {
    state: Mutex<State<I, O>>,
    /// Signalled when a result is ready or a thread ends.
    ready: Condvar,
    /// Signalled when a result is delivered or the source ends.
    room: Condvar,
}

struct State<I, O> {
    started: usize,
    delivered: usize,
    /// A slot for each item that is started and not delivered, in their order; `None` until the result is ready.
    waiting: VecDeque<Option<(I, O)>>,
    threads: usize,
    closed: bool,
}

impl<I, O> Queue<I, O> {
    /// Returns the next item and its place in the order; `None` if nothing more is to be started.
    fn next(
        &self,
        source: &Mutex<&mut (dyn Iterator<Item = I> + Send)>,
        window: usize,
        may_start: &(dyn Fn() -> bool + Sync),
    ) -> Option<(usize, I)> {
        // Only the thread that holds the source waits for a slot; otherwise several could claim the same one.
        let mut source = lock(source);
        let mut state = lock(&self.state);
        while !state.closed && state.started - state.delivered >= window {
            state = wait(&self.room, state);
        }
        if state.closed {
            return None;
        }
        // The source may block (a slow pipe); results must still be delivered meanwhile.
        drop(state);
        let item = if may_start() { source.next() } else { None };
        let mut state = lock(&self.state);
        let Some(item) = item else {
            state.closed = true;
            self.room.notify_all();
            return None;
        };
        state.waiting.push_back(None);
        state.started += 1;
        Some((state.started - 1, item))
    }

    fn put(&self, place: usize, item: I, result: O) {
        let mut state = lock(&self.state);
        let at = place - state.delivered;
        if let Some(slot) = state.waiting.get_mut(at) {
            *slot = Some((item, result));
        }
        self.ready.notify_one();
    }

    fn leave(&self) {
        lock(&self.state).threads -= 1;
        self.ready.notify_one();
    }

    /// Delivers results in order until no thread is left.
    fn deliver(&self, deliver: &mut dyn FnMut(I, O)) {
        let mut state = lock(&self.state);
        loop {
            if let Some((item, result)) = state.waiting.front_mut().and_then(Option::take) {
                drop(state);
                deliver(item, result);
                state = lock(&self.state);
                // Only now: if the reader of the output is slow, no more items are started.
                state.waiting.pop_front();
                state.delivered += 1;
                self.room.notify_all();
            } else if state.threads == 0 {
                return;
            } else {
                state = wait(&self.ready, state);
            }
        }
    }
}

fn wait<'g, T>(condition: &Condvar, guard: MutexGuard<'g, T>) -> MutexGuard<'g, T> {
    condition.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;

    const BOUNDS: Bounds = Bounds { threads: 4, window: 8 };

    #[test]
    fn results_are_delivered_in_the_order_of_the_items() {
        let mut out = Vec::new();
        let turns = AtomicUsize::new(0);
        // Each even item waits for the next one, so results are ready in another order.
        let work = |n: &usize| {
            while n.is_multiple_of(2) && turns.load(Ordering::SeqCst) <= n / 2 {
                thread::yield_now();
            }
            if n % 2 == 1 {
                turns.fetch_add(1, Ordering::SeqCst);
            }
            n * 10
        };
        map(&mut (0..100), BOUNDS, &|| true, &work, &mut |item, result| out.push((item, result)));
        assert_eq!(out, (0..100).map(|n| (n, n * 10)).collect::<Vec<_>>());
    }

    #[test]
    fn all_threads_work_at_once() {
        let four = Barrier::new(4);
        // Fewer than four at once would wait forever.
        let work = |_: &usize| {
            four.wait();
        };
        let mut count = 0;
        map(&mut (0..40), BOUNDS, &|| true, &work, &mut |_, ()| count += 1);
        assert_eq!(count, 40);
    }

    #[test]
    fn the_window_bounds_the_undelivered_results() {
        let (begun, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let delivered = AtomicUsize::new(0);
        let work = |_: &usize| {
            let waiting = begun.fetch_add(1, Ordering::SeqCst) + 1 - delivered.load(Ordering::SeqCst);
            most.fetch_max(waiting, Ordering::SeqCst);
        };
        let mut deliver = |_: usize, (): ()| {
            for _ in 0..50 {
                thread::yield_now();
            }
            delivered.fetch_add(1, Ordering::SeqCst);
        };
        for window in [1, 4, 8] {
            most.store(0, Ordering::SeqCst);
            map(&mut (0..200), Bounds { threads: 4, window }, &|| true, &work, &mut deliver);
            // Deliveries are counted a moment before their slot is free, so this cannot be too large by chance.
            assert!(
                most.load(Ordering::SeqCst) <= window,
                "{} in a window of {window}",
                most.load(Ordering::SeqCst)
            );
        }
    }

    #[test]
    fn a_stop_lets_items_in_progress_finish_and_starts_no_more() {
        let (stop, worked) = (AtomicBool::new(false), AtomicUsize::new(0));
        let mut delivered = 0;
        let work = |n: &usize| {
            if *n == 10 {
                stop.store(true, Ordering::SeqCst);
            }
            worked.fetch_add(1, Ordering::SeqCst);
        };
        map(&mut (0..), BOUNDS, &|| !stop.load(Ordering::SeqCst), &work, &mut |_, ()| delivered += 1);
        assert!(delivered >= 11, "{delivered}");
        assert_eq!(delivered, worked.load(Ordering::SeqCst), "every result reaches the caller");
        assert!(delivered <= 10 + BOUNDS.window + BOUNDS.threads, "{delivered} were started");
    }

    #[test]
    fn a_stop_before_the_start_takes_nothing_from_the_source() {
        let mut source = 0..10;
        map(&mut source, BOUNDS, &|| false, &|_| (), &mut |_, ()| panic!("nothing was to be started"));
        assert_eq!(source, 0..10);
    }

    #[test]
    fn results_are_delivered_while_the_source_blocks() {
        let (sender, receiver) = std::sync::mpsc::channel();
        sender.send(1).expect("open");
        let mut sender = Some(sender);
        let mut seen = Vec::new();
        // The second item is sent by the delivery of the first, and the end by that of the second.
        map(&mut receiver.into_iter(), BOUNDS, &|| true, &|n: &i32| *n, &mut |_, n| {
            seen.push(n);
            match n {
                1 => sender.as_ref().map_or((), |s| s.send(2).expect("open")),
                _ => drop(sender.take()),
            }
        });
        assert_eq!(seen, [1, 2]);
    }

    #[test]
    fn the_caller_does_the_work_if_there_are_no_threads() {
        let caller = thread::current().id();
        let mut out = Vec::new();
        let bounds = Bounds { threads: 0, window: 1 };
        map(&mut (0..3), bounds, &|| true, &|n| (*n, thread::current().id()), &mut |_, r| out.push(r));
        assert_eq!(out, [(0, caller), (1, caller), (2, caller)]);
    }
}
