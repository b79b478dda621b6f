//! Bounded, ordered, interruptible work over items: guards, `-n`, `-P`, `--rest`, `--stream`, and the exit status.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::api::{Answer, Api};
use crate::audit::{Audit, Outcome};
use crate::cli::{Args, opts};
use crate::config::Config;
use crate::error::{Error, FAILED, TEMPORARY};
use crate::guard::Guard;
use crate::handover;
use crate::io::{Messages, Stop, Watch, lock};
use crate::kind::Kind;
use crate::output::{Output, Style};
use crate::progress::Progress;
use crate::question;
use crate::record::Record;
use crate::rest::Rest;
use crate::stream::Stream;
use crate::targets::{Item, Targets, Wanted, refuse_terminal};
use crate::world::{PARALLEL, World};

/// What a changing tool does, told once for all of them.
pub struct Work<'a> {
    /// What `-n` says instead of doing it: `would-revoke`, `would-rotate`, ….
    pub would: &'a dyn Fn(Kind) -> &'static str,
    /// Removing a client takes its authorizations along.
    pub removes: bool,
    /// The objects exist already, so guards have something to guard.
    pub guarded: bool,
    /// What must be known before the first change; the targets, unless they come as a stream.
    pub prepare: &'a Prepare<'a>,
    /// What would be done to an item, as JSON members, for `-n`.
    pub draft: &'a (dyn Fn(&Item<'_>) -> Option<String> + Sync),
    /// Does it.
    pub act: &'a (dyn Fn(&Api, &Item<'_>) -> Result<Done, Error> + Sync),
}

/// See [`Work::prepare`].
pub type Prepare<'a> = dyn Fn(&Api, Option<&Targets>) -> Result<(), Error> + 'a;

/// What came of one item.
pub struct Done {
    /// The answer, if there was one to print.
    pub answer: Option<Answer>,
    /// The news: `created`, `revoked`, ….
    pub status: &'static str,
    /// Members to add behind the record's lead.
    pub added: Vec<(&'static str, String)>,
    /// What failed after the change: its record is printed all the same, and the item is not done.
    pub failed: Option<Error>,
}

impl Done {
    /// An answer and its news.
    pub fn new(answer: Answer, status: &'static str) -> Done {
        Done { answer: Some(answer), ..Done::bare(status) }
    }

    /// News without an answer.
    pub fn bare(status: &'static str) -> Done {
        Done { answer: None, status, added: Vec::new(), failed: None }
    }

    /// Hands the new secret to a command, if there is one.
    pub fn hand_over(mut self, kind: Kind, command: Option<&str>) -> Done {
        if let (Some(command), Some(answer)) = (command, &self.answer) {
            let record = answer.record(kind).map_err(|what| Error::Left { what, hint: "" });
            self.failed = record.and_then(|record| handover::run(command, &record)).err();
        }
        self
    }

    /// Prints the record.
    fn print(&self, item: &Item<'_>, output: &mut Output<'_>) -> Result<(), Error> {
        let mut record = match &self.answer {
            Some(answer) => answer.record(item.kind).map_err(|what| Error::Temporary {
                what: format!("unusable answer: {what}"),
                unreachable: false,
            })?,
            None => Record::bare(item.kind, &item.id, self.status),
        };
        record.status = self.status.into();
        record.added.clone_from(&self.added);
        output.record(&record)
    }

    /// The id of the object that was made or changed.
    fn id<'a>(&'a self, item: &'a Item<'_>) -> String {
        let record = self.answer.as_ref().and_then(|a| a.record(item.kind).ok());
        record.map_or(item.id.to_string(), |r| r.id.into_owned())
    }
}

/// The options of all changing tools.
#[derive(Debug, Clone)]
pub struct Settings {
    dry_run: bool,
    stream: bool,
    parallel: usize,
    rest: Option<PathBuf>,
    include_self: bool,
    include_default: bool,
    log: Option<PathBuf>,
}

impl Settings {
    /// Reads them from a command line.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub fn read(args: &Args, config: &Config) -> Result<Settings, Error> {
        // With a command for each secret, one after the other is what a person expects.
        let parallel = if args.has(&opts::EXEC) { 1 } else { PARALLEL };
        Ok(Settings {
            dry_run: args.has(&opts::DRY_RUN),
            stream: args.has(&opts::STREAM),
            parallel: args.number(&opts::PARALLEL, 1..=64)?.unwrap_or(parallel),
            rest: args.path(&opts::REST),
            include_self: args.has(&opts::INCLUDE_SELF),
            include_default: args.has(&opts::INCLUDE_DEFAULT),
            log: args.path(&opts::LOG).or_else(|| config.path("OAUTH_LOG")),
        })
    }

    fn audit(&self, world: &World, api: &Api) -> Result<Option<Audit>, Error> {
        let program = world.io.messages.program();
        self.log.as_deref().map(|path| Audit::open(path, program, api)).transpose()
    }

    /// What is spared; nothing, where the work ends nobody's access.
    fn guard(&self, work: &Work<'_>) -> Guard {
        Guard::new(self.include_self || !work.guarded, self.include_default || !work.guarded)
    }
}

/// Works on all input.
///
/// # Errors
/// What stops the run; [`Error::Reported`] where all was told on the way.
pub fn run(
    world: &mut World,
    args: &Args,
    style: Style,
    wanted: &Wanted<'_>,
    work: &Work<'_>,
) -> Result<(), Error> {
    let settings = Settings::read(args, &world.config)?;
    let single = wanted.operands.len() == 1 || wanted.given.is_some();
    let style = Style { single, ..style };
    let mut rest = match &settings.rest {
        Some(path) if !settings.dry_run => Some(Rest::start(path)?),
        _ => None,
    };
    if settings.stream && wanted.operands.is_empty() && wanted.given.is_none() {
        return run_stream(world, args, style, wanted, work, &settings, rest);
    }
    let targets = Targets::read(world, wanted, rest.as_mut())?;
    if let Some(rest) = &mut rest {
        rest.publish()?;
    }
    if targets.is_empty() {
        Output::new(&mut world.io, style).finish()?;
        return rest.map_or(Ok(()), Rest::finish);
    }
    let guard = settings.guard(work);
    let unknown = guard.unknown_of(targets.iter(), work.removes);
    if settings.dry_run {
        let guard = if work.guarded { guard.look_up(&world.api(args, 3)?, unknown)? } else { guard };
        return rehearse(world, style, &mut targets.iter().map(Ok), &guard, work);
    }
    let seen = world.io.terminal.stdin && world.io.terminal.stderr;
    if work.removes && targets.len() > ASK_ABOVE && seen && !args.has(&opts::YES) {
        question::confirm(world, targets.get(0).kind, targets.len())?;
    }
    world.heed_signals()?;
    let api = world.api(args, settings.parallel.max(3))?;
    let guard = guard.look_up(&api, unknown)?;
    (work.prepare)(&api, Some(&targets))?;
    let audit = settings.audit(world, &api)?;
    let rest = rest.map(Mutex::new);
    let messages = world.io.messages.clone();
    let books = Books { rest: rest.as_ref(), audit: audit.as_ref(), total: Some(targets.len()) };
    let mut crew = Crew::new(world, style, &api, &guard, work, books);
    crew.output.announce(targets.get(0).kind)?;
    crew.drive(&mut targets.iter().filter(|item| !guard.goes_last(item)).map(Ok), settings.parallel);
    // What may end our own access waits until all else is done; the authorization in use is the very last.
    let mut last: Vec<Item<'_>> = targets.iter().filter(|item| guard.goes_last(item)).collect();
    last.sort_by_key(|item| guard.is_own(item));
    crew.drive(&mut last.into_iter().map(Ok), 1);
    let ended = crew.settle(Some(targets.len()));
    finish(rest, &messages).and(ended)
}

/// How many operands are removed from a terminal without a question, as rm -I has it; in a pipeline none is asked.
const ASK_ABOVE: usize = 3;

/// Cleans the file of `--rest` up, and says what is in it.
fn finish(rest: Option<Mutex<Rest>>, messages: &Messages) -> Result<(), Error> {
    let Some(rest) = rest else { return Ok(()) };
    let rest = rest.into_inner().unwrap_or_else(PoisonError::into_inner);
    if rest.left() > 0 {
        messages.say(&format!(
            "{} input lines are not done: they are in {}",
            rest.left(),
            rest.path().display()
        ));
    }
    rest.finish()
}

/// Works on lines while they come, without a look at the whole input first.
fn run_stream(
    world: &mut World,
    args: &Args,
    style: Style,
    wanted: &Wanted<'_>,
    work: &Work<'_>,
    settings: &Settings,
    mut rest: Option<Rest>,
) -> Result<(), Error> {
    refuse_terminal(world)?;
    if let Some(rest) = &mut rest {
        rest.publish()?;
    }
    world.heed_signals()?;
    let api = world.api(args, settings.parallel.max(3))?;
    let guard = settings.guard(work);
    let unknown = guard.unknown();
    let guard = guard.look_up(&api, unknown)?;
    (work.prepare)(&api, None)?;
    let audit = settings.audit(world, &api)?;
    let rest = rest.map(Mutex::new);
    let mut source = Stream::new(world, wanted, rest.as_ref());
    if settings.dry_run {
        return rehearse(world, style, &mut source, &guard, work);
    }
    let messages = world.io.messages.clone();
    let books = Books { rest: rest.as_ref(), audit: audit.as_ref(), total: None };
    let mut crew = Crew::new(world, style, &api, &guard, work, books);
    crew.drive(&mut source, settings.parallel);
    let ended = crew.settle(None);
    source.keep_unbegun()?;
    finish(rest, &messages).and(ended)
}

/// `-n`: prints what would be done.
fn rehearse<'t>(
    world: &mut World,
    style: Style,
    source: &mut dyn Iterator<Item = Sourced<'t>>,
    guard: &Guard,
    work: &Work<'_>,
) -> Result<(), Error> {
    let messages = world.io.messages.clone();
    let mut output = Output::new(&mut world.io, Style { eager: false, ..style });
    for sourced in source {
        let item = match sourced {
            Ok(item) => item,
            Err(what) => {
                messages.fail(&what);
                continue;
            }
        };
        if let Err(e) = guard.check(&item) {
            messages.error(&item.place(), &e);
            continue;
        }
        let status = (work.would)(item.kind);
        match (work.draft)(&item) {
            Some(json) => output.record(&Record::draft(item.kind, &item.id, status, &json))?,
            None => output.record(&Record::bare(item.kind, &item.id, status))?,
        }
    }
    output.finish()?;
    if messages.has_failed() { Err(Error::Reported(FAILED)) } else { Ok(()) }
}

/// An item, or what is wrong with a line, its place before it.
type Sourced<'t> = Result<Item<'t>, String>;

/// What came of an item, on its way to the output.
struct Finished<'t> {
    item: Sourced<'t>,
    result: Result<Done, Error>,
}

/// Where a run keeps account of itself.
struct Books<'a> {
    rest: Option<&'a Mutex<Rest>>,
    audit: Option<&'a Audit>,
    /// How many items there are; not known of a stream.
    total: Option<usize>,
}

/// The threads of a run, and the one place where their results come together.
struct Crew<'a> {
    progress: Option<Progress>,
    api: &'a Api,
    audit: Option<&'a Audit>,
    guard: &'a Guard,
    work: &'a Work<'a>,
    stop: Stop,
    watch: Watch,
    messages: Messages,
    output: Output<'a>,
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

/// How many results may wait for their turn, for each request in flight.
const WINDOW: usize = 4;

impl<'a> Crew<'a> {
    fn new(
        world: &'a mut World,
        style: Style,
        api: &'a Api,
        guard: &'a Guard,
        work: &'a Work<'a>,
        books: Books<'a>,
    ) -> Crew<'a> {
        let Books { rest, audit, total } = books;
        Crew {
            progress: world.progress_columns().map(|columns| Progress::new(total, columns)),
            audit,
            api,
            guard,
            work,
            stop: world.stop.clone(),
            watch: world.io.watch(),
            messages: world.io.messages.clone(),
            output: Output::new(&mut world.io, style),
            rest,
            tally: Tally::default(),
        }
    }

    /// Works on what the source gives, `parallel` items at a time, and delivers the results in its order.
    fn drive<'t>(&mut self, source: &mut (dyn Iterator<Item = Sourced<'t>> + Send), parallel: usize) {
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
            messages: &self.messages,
            guard: self.guard,
            act: self.work.act,
            stop: self.stop.clone(),
            watch: &self.watch,
            source: Mutex::new(source),
            queue: &queue,
            ready: &ready,
            room: &room,
            window: parallel * WINDOW,
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
                if let Some(Some(_)) = state.waiting.front() {
                    let finished = state.waiting.pop_front().flatten();
                    state.delivered += 1;
                    room.notify_all();
                    drop(state);
                    if let Some(finished) = finished {
                        delivery.take(finished);
                    }
                    state = lock(&queue);
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
    fn settle(self, total: Option<usize>) -> Result<(), Error> {
        self.messages.wipe();
        let Tally { finished, failed, temporary, stopper, deaf } = self.tally;
        if !deaf {
            self.output.finish()?;
        }
        let left = total.map(|total| total - finished);
        if let Some(n) = left.filter(|n| *n > 0) {
            self.messages.fail(&format!("stopped: {n} records were not attempted"));
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
    messages: &'s Messages,
    guard: &'s Guard,
    act: &'s (dyn Fn(&Api, &Item<'_>) -> Result<Done, Error> + Sync),
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
                Ok(item) => self.guard.check(item).and_then(|()| self.act(item)),
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

    /// Makes the change, between the two halves of its record in the log.
    fn act(&self, item: &Item<'_>) -> Result<Done, Error> {
        let Some(audit) = self.audit else { return (self.act)(self.api, item) };
        let begun = audit.begin(item.kind, &item.id).inspect_err(|_| self.stop.ask())?;
        let done = (self.act)(self.api, item);
        let failed = done.as_ref().err().map(|e| format!("failed: {e}"));
        let answer = done.as_ref().ok().and_then(|done| done.answer.as_ref());
        let record = answer.and_then(|answer| answer.record(item.kind).ok());
        let outcome = Outcome {
            id: record.as_ref().map_or(&item.id, |record| &record.id),
            description: &record.as_ref().map(Record::name).unwrap_or_default(),
            result: failed.as_deref().unwrap_or(done.as_ref().map_or("", |done| done.status)),
            request_id: answer.and_then(|answer| answer.request_id.as_deref()).unwrap_or_default(),
        };
        if let Err(e) = audit.end(&begun, item.kind, &outcome) {
            self.messages.error("--log", &e);
        }
        done
    }

    /// The next item and its place in the order; `None` where nothing more shall be started.
    fn next(&self) -> Option<(usize, Sourced<'t>)> {
        let mut queue = lock(self.queue);
        while !queue.closed && queue.started - queue.delivered >= self.window {
            queue = wait(self.room, queue);
        }
        drop(queue);
        // The source may block (a slow pipe), so the queue is not locked meanwhile.
        let mut source = lock(&self.source);
        if lock(self.queue).closed {
            return None;
        }
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
        if let Err(e) = &printed {
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
            let hint = if done.answer.as_ref().is_some_and(|a| a.holds_secret(item.kind)) {
                "its secret is lost: give it a new one with oauth-rot, or remove it with oauth-rm"
            } else {
                ""
            };
            self.messages.error(&format!("{} {id}", item.kind.word()), &Error::Left { what, hint });
            self.tally.stopper.get_or_insert(FAILED);
            return;
        }
        if let Some(e) = &done.failed {
            return self.failed(&item.place(), e);
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
