//! The engine of the changing tools: runs a change over the whole input.
//!
//! A tool is a [`Change`]: it plans a step for each item and applies it. [`run`] does everything else, in this order:
//! read and check the whole input, ask for confirmation, look up what must be protected, prepare the change; then, for
//! each item: plan, check the protection, begin the log line, apply, deliver the result.
//!
//! - `options`: `-n`, `-P`, `--rest`, `--stream`, `--log`, `--include-…`
//! - `targets`, `stream`: the items, read as a whole or line by line
//! - `guard`: protects the objects in use and the default API key
//! - `confirm`: asks before several objects are removed at a terminal
//! - `delivery`: results to the output, to `--rest`, to the messages, and to the exit status
//! - `outcome`: the plan and the result for one item
//! - `create`: creates objects, and never a duplicate
//! - `exec`: passes a new secret to a command
//! - `rehearsal`: prints the plans and changes nothing (`-n`)
//! - `rest`, `log`: the files of `--rest` and `--log`

use std::collections::HashMap;
use std::sync::Mutex;

use crate::api::Api;
use crate::base::error::Error;
use crate::base::ordered::{self, Bounds};
use crate::change::delivery::{Delivery, Summary};
use crate::change::exec::Exec;
use crate::change::guard::Guard;
use crate::change::log::{Log, OpenLog};
use crate::change::options::Options;
use crate::change::outcome::Outcome;
pub(crate) use crate::change::outcome::{Plan, Step};
use crate::change::rehearsal::rehearse;
use crate::change::rest::Rest;
use crate::change::stream::Stream;
use crate::change::targets::{Input, Item, Sourced, Targets, refuse_terminal};
use crate::cli::Args;
use crate::input::entry::Need;
use crate::output::{Output, Style};
use crate::record::kind::Kind;
use crate::session::Session;
use crate::sys::signals::Stop;
use crate::sys::streams::Watch;

pub(crate) mod confirm;
pub(crate) mod create;
pub(crate) mod delivery;
pub(crate) mod exec;
pub(crate) mod guard;
pub(crate) mod log;
pub(crate) mod options;
pub(crate) mod outcome;
mod rehearsal;
pub(crate) mod rest;
pub(crate) mod stream;
pub(crate) mod targets;

/// The effect of a change on its objects. It decides which objects are protected and whether to ask for confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Creates objects; existing access goes on.
    Creates,
    /// Changes objects; an old secret may stop working.
    Alters,
    /// Removes objects. Removing a client also revokes the authorizations that were created through it.
    Removes,
}

/// The work of a changing tool. The dry run prints the same plan that the run applies.
pub(crate) trait Change: Sync {
    /// The result of [`Change::prepare`].
    type Ready: Sync;

    /// Returns the effect on the objects.
    fn effect(&self) -> Effect;

    /// Checks that the tool can work on an item. All items are checked before the first change.
    ///
    /// # Errors
    /// The reason, for the message about the item.
    fn accept(&self, _item: &Item<'_>) -> Result<(), String> {
        Ok(())
    }

    /// Looks up what [`Change::plan`] needs, once before the first change, also with `-n`. `targets` holds all items;
    /// it is `None` with `--stream`.
    ///
    /// # Errors
    /// Those of the calls.
    fn prepare(&self, session: &mut Session, targets: Option<&Targets>) -> Result<Self::Ready, Error>;

    /// Plans the work on an item without a call to the API.
    ///
    /// # Errors
    /// The reason why the item cannot be changed.
    fn plan(&self, ready: &Self::Ready, item: &Item<'_>) -> Result<Plan, Error>;

    /// Returns whether an object that does not exist is as the user wants it. Its status is then `absent`.
    fn accepts_absence(&self) -> bool {
        false
    }

    /// Returns the verb of the question before several objects are changed, and its participle; `None` if none is asked.
    fn asks(&self, _kind: Kind) -> Option<(&'static str, &'static str)> {
        None
    }

    /// Returns whether [`Change::apply`] compares an authorization with what it was before.
    fn compares(&self) -> bool {
        false
    }

    /// Returns the place of the item without which an item cannot be done.
    fn needs(&self, _ready: &Self::Ready, _item: &Item<'_>) -> Option<usize> {
        None
    }

    /// Returns whether an item waits until all others are done, and is not attempted if one of them failed.
    fn waits(&self, _item: &Item<'_>) -> bool {
        false
    }

    /// Applies a planned step.
    ///
    /// # Errors
    /// Those of the calls.
    fn apply(
        &self,
        ready: &Self::Ready,
        run: &Run<'_>,
        item: &Item<'_>,
        step: &Step,
    ) -> Result<Outcome, Error>;
}

/// The means of a run, for [`Change::apply`].
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    /// The API.
    pub(crate) api: &'a Api,
    /// The log, for further changes that a step makes: the step itself is logged by the engine.
    pub(crate) log: Option<&'a Log>,
    /// The command that new secrets are passed to.
    pub(crate) exec: Option<&'a Exec>,
    /// The `--rest` file, for a step that is more than one change.
    pub(crate) rest: Option<&'a Mutex<Rest>>,
    /// What the look-ups have shown.
    pub(crate) guard: Option<&'a Guard>,
}

/// Runs a change over its input.
///
/// # Errors
/// The error that stopped the run; [`Class::Reported`](crate::base::error::Class::Reported) if all errors have been
/// reported.
pub(crate) fn run<C: Change>(
    session: &mut Session,
    args: &Args,
    style: Style,
    input: &Input<'_>,
    change: &C,
) -> Result<(), Error> {
    let options = Options::read(args, &session.config)?;
    session.plan_calls(args, options.parallel.max(guard::LOOK_UPS))?;
    let streams = options.stream && input.is_read();
    options.refuse_clashes(session, streams)?;
    let keeps = options.rest.as_ref().filter(|_| !options.dry_run);
    if input.is_read() && keeps.is_some() {
        // First, because a signal would leave the draft of the file behind.
        session.stop_on_signals()?;
    }
    let rest = keeps.map(|path| Rest::start(path, input.need)).transpose()?;
    let log = options.open_log()?;
    match streams {
        true => run_stream(session, &options, style, input, change, rest, log),
        false => run_whole(session, &options, style, input, change, rest, log),
    }
}

/// Reads and checks the whole input before the first change.
fn run_whole<C: Change>(
    session: &mut Session,
    options: &Options,
    style: Style,
    input: &Input<'_>,
    change: &C,
    mut rest: Option<Rest>,
    log: Option<OpenLog>,
) -> Result<(), Error> {
    let mut guard = Guard::new(options, change.effect());
    if input.is_read() && guard.protects() {
        // While the input is still coming.
        session.connect_ahead(guard::CALLS);
    }
    let targets = Targets::read(session, input, &|item| change.accept(item), rest.as_mut())?;
    style.check_count(targets.len())?;
    if let Some(rest) = &mut rest {
        rest.publish()?;
    }
    if targets.is_empty() {
        Output::new(&mut session.io, style).finish()?;
        Summary::default().say(&session.io.messages, options.summarizes(false));
        return rest.map_or(Ok(()), Rest::finish);
    }
    let may_ask = !options.yes && !options.dry_run && confirm::asks(session, targets.len());
    let words = change.asks(targets.get(0).kind).filter(|_| may_ask);
    if !options.dry_run {
        session.stop_on_signals()?;
    }
    if change.compares() {
        guard.watch(targets.iter());
    }
    let rehearses = options.dry_run && matches!(input.need, Need::Identity | Need::Plan);
    let look_ups = guard.look_ups_for(targets.iter()).with_names(targets.iter(), words.is_some(), rehearses);
    if !guard.is_idle() && !options.dry_run {
        // While the look-ups are on their way. Their connections are used again.
        session.connect_ahead(options.parallel.min(targets.len()).saturating_sub(guard::CALLS));
    }
    let guard = guard.look_up(session, look_ups)?;
    if let Some(words) = words {
        confirm::confirm(session, words, &targets, &guard)?;
    }
    let repeats = guard.repeats(targets.iter())?;
    let items = || targets.iter().filter(|item| !repeats.contains(&item.index));
    let ready = change.prepare(session, Some(&targets))?;
    let needs: HashMap<usize, usize> =
        items().filter_map(|item| Some((item.index, change.needs(&ready, &item)?))).collect();
    if options.dry_run {
        let style = Style { eager: false, ..style };
        return rehearse(session, options, style, &mut items().map(Ok), (&guard, change, &ready));
    }
    if let Some(rest) = &mut rest {
        rest.hold(&needs);
        repeats.iter().try_for_each(|index| rest.done(*index))?;
    }
    let log = log.map(|file| Log::start(file, session)).transpose()?;
    let rest = rest.map(Mutex::new);
    let messages = session.io.messages.clone();
    let files = Files { rest: rest.as_ref(), log: log.as_ref() };
    let total = Some(targets.len() - repeats.len());
    let mut work = Work::new(session, options, style, (change, &ready), &guard, files, total)?;
    work.delivery.announce(targets.get(0).kind)?;
    work.delivery.watch(needs.values().copied());
    let first = |item: &Item<'_>| !guard.goes_last(item) && !change.waits(item);
    work.drive(&mut items().filter(|i| first(i) && !needs.contains_key(&i.index)).map(Ok), options.parallel);
    let undone = work.delivery.undone();
    let can_be_done = |item: &Item<'_>| needs.get(&item.index).is_some_and(|i| !undone.contains(i));
    let second: Vec<Item<'_>> = items().filter(|item| first(item) && can_be_done(item)).collect();
    work.drive(&mut second.into_iter().map(Ok), options.parallel);
    let waiting = |item: &Item<'_>| !guard.goes_last(item) && change.waits(item);
    let goes_on = !work.delivery.has_failed();
    work.drive(&mut items().filter(|item| goes_on && waiting(item)).map(Ok), options.parallel);
    // Changes that may end our own access come after all others, the authorization in use as the very last.
    let goes_on = |item: &Item<'_>| !(work.delivery.has_failed() && change.waits(item));
    let mut last: Vec<Item<'_>> = items().filter(|item| guard.goes_last(item) && goes_on(item)).collect();
    last.sort_by_key(|item| guard.is_own(item));
    work.drive(&mut last.into_iter().map(Ok), 1);
    let ended = work.delivery.finish();
    Rest::close(rest, &messages).and(ended)
}

/// Works on lines as they arrive, without reading the whole input first.
fn run_stream<C: Change>(
    session: &mut Session,
    options: &Options,
    style: Style,
    input: &Input<'_>,
    change: &C,
    mut rest: Option<Rest>,
    log: Option<OpenLog>,
) -> Result<(), Error> {
    // Nobody knows how many records will come.
    style.check_count(usize::MAX)?;
    refuse_terminal(session)?;
    session.stop_on_signals()?;
    if !options.dry_run {
        // Fails without a token, before the --rest file of an earlier run is replaced.
        session.api()?;
    }
    let guard = Guard::new(options, change.effect());
    let look_ups = guard.all_look_ups();
    let guard = guard.look_up(session, look_ups)?;
    let ready = change.prepare(session, None)?;
    let accept = |item: &Item<'_>| change.accept(item);
    if options.dry_run {
        let style = Style { eager: true, ..style };
        let mut source = Stream::new(session, input, &accept, None);
        return rehearse(session, options, style, &mut source, (&guard, change, &ready));
    }
    let log = log.map(|file| Log::start(file, session)).transpose()?;
    // Replaces the file of an earlier run, so it comes as late as possible.
    if let Some(rest) = &mut rest {
        rest.publish()?;
    }
    let rest = rest.map(Mutex::new);
    let messages = session.io.messages.clone();
    let mut source = Stream::new(session, input, &accept, rest.as_ref());
    let files = Files { rest: rest.as_ref(), log: log.as_ref() };
    let mut work = Work::new(session, options, style, (change, &ready), &guard, files, None)?;
    work.drive(&mut source, options.parallel);
    let ended = work.delivery.finish();
    source.keep_unread()?;
    Rest::close(rest, &messages).and(ended)
}

/// The files that a run writes.
struct Files<'a> {
    rest: Option<&'a Mutex<Rest>>,
    log: Option<&'a Log>,
}

/// A run in progress.
struct Work<'a, C: Change> {
    change: &'a C,
    ready: &'a C::Ready,
    guard: &'a Guard,
    run: Run<'a>,
    stop: Stop,
    watch: Watch,
    delivery: Delivery<'a>,
    /// How many results may wait for their turn, for each thread.
    waiting: usize,
}

impl<'a, C: Change> Work<'a, C> {
    fn new(
        session: &'a mut Session,
        options: &'a Options,
        style: Style,
        (change, ready): (&'a C, &'a C::Ready),
        guard: &'a Guard,
        files: Files<'a>,
        total: Option<usize>,
    ) -> Result<Work<'a, C>, Error> {
        let (stop, columns) = (session.stop.clone(), session.progress_columns());
        let (io, api) = session.connect()?;
        let watch = io.watch();
        let run =
            Run { api, log: files.log, exec: options.exec.as_ref(), rest: files.rest, guard: Some(guard) };
        // A new secret that waits would be lost if the process were killed (docs/architecture.md, Rules: Delivered).
        let waiting = if style.reveal { 1 } else { 4 };
        let summary = options.summarizes(io.terminal.stderr);
        let delivery = Delivery::new(io, style, stop.clone(), columns, files.rest, total);
        let delivery = delivery.with_summary(summary);
        Ok(Work { change, ready, guard, run, stop, watch, delivery, waiting })
    }

    /// Works on the items of `source`, `threads` at a time, and delivers the results in their order.
    fn drive<'t>(&mut self, source: &mut (dyn Iterator<Item = Sourced<'t>> + Send), threads: usize) {
        let Work { change, ready, guard, run, stop, watch, delivery, waiting } = self;
        let may_start = || {
            if watch.is_gone() {
                stop.ask();
            }
            !stop.is_set()
        };
        let work = |item: &Sourced<'t>| {
            let result = match item {
                Ok(item) => change_one(*change, *ready, guard, run, item),
                Err(reason) => Err(Error::failed(reason.clone())),
            };
            let failure = result.as_ref().map_or_else(Some, |outcome| outcome.failure.as_ref());
            if failure.is_some_and(Error::stops_the_run) {
                stop.ask();
            }
            result
        };
        let bounds = Bounds { threads, window: threads * *waiting };
        ordered::map(source, bounds, &may_start, &work, &mut |item, result| delivery.take(&item, result));
    }
}

fn change_one<C: Change>(
    change: &C,
    ready: &C::Ready,
    guard: &Guard,
    run: &Run<'_>,
    item: &Item<'_>,
) -> Result<Outcome, Error> {
    match change.plan(ready, item)? {
        Plan::Skip(outcome) => Ok(outcome),
        Plan::Do(step) => {
            guard.check(item)?;
            match guard.prove(run.api, item) {
                Err(e) if e.is_gone() && change.accepts_absence() => return Ok(Outcome::bare("absent")),
                proved => proved?,
            }
            log::around(run.log, item.kind, &item.id, || change.apply(ready, run, item, &step))
        }
    }
}
