//! The threads of a run: items out to them in order, results back in the same order, and what the run comes to.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::api::Api;
use crate::base::error::{Error, FAILED, TEMPORARY};
use crate::base::sync::lock;
use crate::base::text;
use crate::change::guard::Guard;
use crate::change::log::{self, Audit};
use crate::change::outcome::Done;
use crate::change::progress::Progress;
use crate::change::rest::Rest;
use crate::change::targets::{Item, Sourced};
use crate::output::{Output, Style};
use crate::session::World;
use crate::sys::messages::Messages;
use crate::sys::signals::Stop;
use crate::sys::streams::Watch;

/// What need not be done to an item any more.
pub(crate) type Known<'a> = dyn Fn(&Item<'_>) -> Option<Done> + Sync + 'a;

/// Does what a tool does to one item. The log that it gets is for what it does to others on the way.
pub(crate) type Act<'a> = dyn Fn(&Api, &Item<'_>, Option<&Audit>) -> Result<Done, Error> + Sync + 'a;

/// What came of an item, on its way to the output.
struct Finished<'t> {
    item: Sourced<'t>,
    result: Result<Done, Error>,
}

/// Where a run keeps account of itself.
pub(crate) struct Books<'a> {
    pub(crate) rest: Option<&'a Mutex<Rest>>,
    pub(crate) audit: Option<&'a Audit>,
    /// How many items there are; not known of a stream.
    pub(crate) total: Option<usize>,
}

/// The threads of a run, and the one place where their results come together.
pub(crate) struct Crew<'a> {
    progress: Option<Progress>,
    api: &'a Api,
    audit: Option<&'a Audit>,
    guard: &'a Guard,
    /// Results hold new secrets.
    secrets: bool,
    known: &'a Known<'a>,
    act: &'a Act<'a>,
    stop: Stop,
    watch: Watch,
    messages: Messages,
    pub(crate) output: Output<'a>,
    rest: Option<&'a Mutex<Rest>>,
    tally: Tally,
}

/// How a run is going.
#[derive(Default)]
struct Tally {
    /// Items that were dealt with, well or not.
    finished: usize,
    failed: usize,
    /// Of the failed, those that may go better another time.
    temporary: usize,
    /// The status of the error that stopped the run.
    stopper: Option<u8>,
    /// Standard output takes no more.
    deaf: bool,
}

/// What the threads share.
struct Queue<'t> {
    started: usize,
    delivered: usize,
    waiting: VecDeque<Option<Finished<'t>>>,
    working: usize,
    closed: bool,
}

/// How many results may wait for their turn, for each request in flight. A result with a new secret waits for none:
/// were its turn never to come, the secret would be lost.
const fn window(secrets: bool) -> usize {
    if secrets { 1 } else { 4 }
}

impl<'a> Crew<'a> {
    pub(crate) fn new(
        world: &'a mut World,
        style: Style,
        api: &'a Api,
        guard: &'a Guard,
        (known, act): (&'a Known<'a>, &'a Act<'a>),
        books: Books<'a>,
    ) -> Crew<'a> {
        let Books { rest, audit, total } = books;
        Crew {
            progress: world.progress_columns().map(|columns| Progress::new(total, columns)),
            audit,
            api,
            guard,
            secrets: style.reveal,
            known,
            act,
            stop: world.stop.clone(),
            watch: world.io.watch(),
            messages: world.io.messages.clone(),
            output: Output::new(&mut world.io, style),
            rest,
            tally: Tally::default(),
        }
    }

    /// Works on what the source gives, `parallel` items at a time, and delivers the results in its order.
    pub(crate) fn drive<'t>(
        &mut self,
        source: &mut (dyn Iterator<Item = Sourced<'t>> + Send),
        parallel: usize,
    ) {
        let queue = Mutex::new(Queue {
            started: 0,
            delivered: 0,
            waiting: VecDeque::new(),
            working: parallel,
            closed: false,
        });
        let (ready, room) = (Condvar::new(), Condvar::new());
        let worker = Worker {
            api: self.api,
            audit: self.audit,
            guard: self.guard,
            known: self.known,
            act: self.act,
            stop: self.stop.clone(),
            watch: &self.watch,
            source: Mutex::new(source),
            queue: &queue,
            ready: &ready,
            room: &room,
            window: parallel * window(self.secrets),
        };
        let (output, rest, tally) = (&mut self.output, self.rest, &mut self.tally);
        let (stop, messages, progress) = (&self.stop, &self.messages, self.progress.take());
        let mut delivery = Delivery { output, rest, tally, stop, messages, progress };
        std::thread::scope(|scope| {
            for _ in 0..parallel {
                scope.spawn(|| worker.work());
            }
            let mut state = lock(&queue);
            loop {
                if let Some(finished) = state.waiting.front_mut().and_then(Option::take) {
                    drop(state);
                    delivery.take(finished);
                    state = lock(&queue);
                    // Not before it is on its way: a reader that does not read makes it wait.
                    state.waiting.pop_front();
                    state.delivered += 1;
                    room.notify_all();
                } else if state.working == 0 {
                    break;
                } else {
                    state = wait(&ready, state);
                }
            }
        });
        self.progress = delivery.progress;
    }

    /// Ends the output, and finds the run's exit status; `total` is how many items there were.
    pub(crate) fn settle(self, total: Option<usize>) -> Result<(), Error> {
        self.messages.wipe();
        let Tally { finished, failed, temporary, stopper, deaf } = self.tally;
        if !deaf {
            self.output.finish()?;
        }
        let left = total.map(|total| total - finished);
        if let Some(n) = left.filter(|n| *n > 0) {
            let what = text::count(n, "record was", "records were");
            self.messages.fail(&format!("stopped: {what} not attempted"));
        }
        match (self.stop.signal(), stopper) {
            // It kept records from being tried, or from being tried again.
            (Some(signal), _) if left != Some(0) || temporary > 0 => Err(Error::Signal(signal)),
            (_, Some(code)) => Err(Error::Reported(code)),
            _ if failed > 0 && failed == temporary => Err(Error::Reported(TEMPORARY)),
            _ if failed > 0 => Err(Error::Reported(FAILED)),
            _ => Ok(()),
        }
    }
}

/// What each thread needs.
struct Worker<'s, 't> {
    api: &'s Api,
    audit: Option<&'s Audit>,
    guard: &'s Guard,
    known: &'s Known<'s>,
    act: &'s Act<'s>,
    stop: Stop,
    watch: &'s Watch,
    source: Mutex<&'s mut (dyn Iterator<Item = Sourced<'t>> + Send)>,
    queue: &'s Mutex<Queue<'t>>,
    ready: &'s Condvar,
    room: &'s Condvar,
    window: usize,
}

impl<'t> Worker<'_, 't> {
    fn work(&self) {
        while let Some((place, item)) = self.next() {
            let result = match &item {
                // Where there is nothing to do, there is nothing to spare.
                Ok(item) => match (self.known)(item) {
                    Some(done) => Ok(done),
                    None => self.guard.check(item).and_then(|()| {
                        let act = || (self.act)(self.api, item, self.audit);
                        log::around(self.audit, item.kind, &item.id, act)
                    }),
                },
                Err(what) => Err(Error::Left { what: what.clone(), hint: "" }),
            };
            if result.as_ref().is_err_and(Error::stops_the_run) {
                self.stop.ask();
            }
            let mut queue = lock(self.queue);
            let at = place - queue.delivered;
            if let Some(slot) = queue.waiting.get_mut(at) {
                *slot = Some(Finished { item, result });
            }
            self.ready.notify_one();
        }
        lock(self.queue).working -= 1;
        self.ready.notify_one();
    }

    /// The next item and its place in the order; `None` where nothing more shall be started.
    fn next(&self) -> Option<(usize, Sourced<'t>)> {
        // One waits for room, and the others for it: those that saw the same room would all take it.
        let mut source = lock(&self.source);
        let mut queue = lock(self.queue);
        while !queue.closed && queue.started - queue.delivered >= self.window {
            queue = wait(self.room, queue);
        }
        if queue.closed {
            return None;
        }
        // The source may block (a slow pipe), so the queue is not locked meanwhile.
        drop(queue);
        if self.watch.is_gone() {
            self.stop.ask();
        }
        let next = if self.stop.is_set() { None } else { source.next() };
        let mut queue = lock(self.queue);
        let Some(item) = next else {
            queue.closed = true;
            self.room.notify_all();
            return None;
        };
        queue.waiting.push_back(None);
        queue.started += 1;
        Some((queue.started - 1, item))
    }
}

/// What to do where a new secret has reached nobody.
const LOST: &str = "its secret is lost: give it a new one with oauth-rot, or remove it with oauth-rm";

/// Results in their order: to the output, to `--rest`, to the messages.
struct Delivery<'s, 'o> {
    progress: Option<Progress>,
    output: &'s mut Output<'o>,
    rest: Option<&'s Mutex<Rest>>,
    tally: &'s mut Tally,
    stop: &'s Stop,
    messages: &'s Messages,
}

impl Delivery<'_, '_> {
    fn take(&mut self, finished: Finished<'_>) {
        let Finished { item, result } = finished;
        self.messages.wipe();
        self.tally.finished += 1;
        match (item, result) {
            (Ok(item), Ok(done)) => self.print(&item, &done),
            (Ok(item), Err(e)) => self.failed(&item.place(), &e),
            (Err(_), Err(e)) => self.failed("", &e),
            (Err(what), Ok(_)) => self.failed("", &Error::Left { what, hint: "" }),
        }
        if let Some(text) = self.progress.as_mut().and_then(|p| p.line(self.tally.finished)) {
            self.messages.progress(&text);
        }
    }

    fn print(&mut self, item: &Item<'_>, done: &Done) {
        let printed = if self.tally.deaf { Ok(()) } else { done.print(item, self.output) };
        // That its secret is not known is said once.
        if let Err(e) = &printed
            && (done.failed.is_none() || matches!(e, Error::Stdout(_)))
        {
            // What was just made has its id from the answer.
            let item = Item { id: done.id(item).into(), ..item.clone() };
            self.failed(&item.place(), e);
        }
        if matches!(printed, Err(Error::Stdout(_))) {
            self.tally.deaf = true;
            self.stop.ask();
        }
        if self.tally.deaf {
            let id = done.id(item);
            let what = format!("{}, but its record could not be delivered", done.status);
            let hint = if done.has_news(item.kind) { LOST } else { "" };
            self.messages.error(&item.kind.place(&id), &Error::Left { what, hint });
            self.tally.stopper.get_or_insert(FAILED);
            return;
        }
        if let Some(e) = &done.failed {
            self.failed(&item.place(), e);
            if done.has_news(item.kind) && !self.output.shows_secrets() {
                let what = "its new secret is neither handed over nor printed".to_owned();
                self.messages.error(&item.kind.place(&done.id(item)), &Error::Left { what, hint: LOST });
            }
            return;
        }
        if let Some(rest) = self.rest
            && let Err(e) = lock(rest).done(item.index)
        {
            self.failed("--rest", &e);
            self.stop.ask();
            self.tally.stopper.get_or_insert(FAILED);
        }
    }

    fn failed(&mut self, place: &str, error: &Error) {
        self.tally.failed += 1;
        if error.code() == TEMPORARY {
            self.tally.temporary += 1;
        }
        // What stops the run would be said once for each request in flight. Of a passing fault it is: each of those
        // may have been done, or not.
        let passing = matches!(error, Error::Temporary { .. });
        if passing || !error.stops_the_run() || self.tally.stopper.is_none() {
            self.messages.error(place, error);
        }
        if error.stops_the_run() {
            self.tally.stopper.get_or_insert(error.code());
        }
    }
}

fn wait<'g, T>(condition: &Condvar, guard: MutexGuard<'g, T>) -> MutexGuard<'g, T> {
    condition.wait(guard).unwrap_or_else(PoisonError::into_inner)
}
