//! Bounded, ordered, interruptible work over items: guards, `-n`, `-P`, `--rest`, `--stream`, and the exit status.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::api::Api;
use crate::base::error::{Error, FAILED};
use crate::base::text;
use crate::change::confirm;
use crate::change::guard::Guard;
use crate::change::log::Audit;
use crate::change::rest::Rest;
use crate::change::stream::Stream;
use crate::change::targets::{Item, Sourced, Targets, Wanted, refuse_terminal};
use crate::change::workers::{Act, Books, Crew, Known};
use crate::cli::{Args, opts};
use crate::config::environment::Config;
use crate::output::{Output, Style};
use crate::record::Record;
use crate::record::kind::Kind;
use crate::session::{PARALLEL, World};
use crate::sys::files;
use crate::sys::messages::Messages;

/// What a changing tool does, told once for all of them.
pub(crate) struct Work<'a> {
    /// What `-n` says instead of doing it: `would-revoke`, `would-rotate`, ….
    pub would: &'a dyn Fn(Kind) -> &'static str,
    /// Removing a client takes its authorizations along.
    pub removes: bool,
    /// The objects exist already, so guards have something to guard.
    pub guarded: bool,
    /// What must be known before the first change; the targets, unless they come as a stream.
    pub prepare: &'a Prepare<'a>,
    /// [`Work::prepare`] is needed for `-n`, too.
    pub looks: bool,
    /// What need not be done to an item any more, once it is prepared.
    pub known: &'a Known<'a>,
    /// What would be done to an item, as JSON members, for `-n`.
    pub draft: &'a (dyn Fn(&Item<'_>) -> Option<String> + Sync),
    /// Does it.
    pub act: &'a Act<'a>,
}

/// See [`Work::prepare`].
pub(crate) type Prepare<'a> = dyn Fn(&Api, Option<&Targets>) -> Result<(), Error> + 'a;

/// The options of all changing tools.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
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
    /// A usage error.
    pub(crate) fn read(args: &Args, config: &Config) -> Result<Settings, Error> {
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

    /// Fails where one file would be written over by another use of it.
    fn refuse_clashes(&self, world: &World, stream: bool) -> Result<(), Error> {
        let clash = |what: &str| Err(Error::usage(format!("{what}: name another file")));
        let (rest, log) = (self.rest.as_deref(), self.log.as_deref());
        if self.dry_run {
            return Ok(());
        }
        if stream && rest.is_some_and(|rest| world.io.reads(rest)) {
            return clash("--rest is the file that is read, of which --stream has seen nothing yet");
        }
        if rest.is_some_and(|rest| world.io.writes(rest)) {
            return clash("--rest is standard output, too");
        }
        if log.is_some_and(|log| world.io.writes(log)) {
            return clash("--log is standard output, too");
        }
        if rest.zip(log).is_some_and(|(rest, log)| files::are_one(rest, log)) {
            return clash("--rest is the file of --log, too");
        }
        Ok(())
    }

    /// What is spared; nothing, where the work ends nobody's access.
    fn guard(&self, work: &Work<'_>) -> Guard {
        let let_go = |included: bool| included || !work.guarded;
        Guard::new(let_go(self.include_self), let_go(self.include_default), work.removes)
    }
}

/// Works on all input.
///
/// # Errors
/// What stops the run; a status where all was told on the way.
pub(crate) fn run(
    world: &mut World,
    args: &Args,
    style: Style,
    wanted: &Wanted<'_>,
    work: &Work<'_>,
) -> Result<(), Error> {
    let settings = Settings::read(args, &world.config)?;
    let single = wanted.operands.len() == 1 || wanted.given.is_some();
    let style = Style { single, ..style };
    let reads = wanted.operands.is_empty() && wanted.given.is_none();
    let (stream, keeps) = (settings.stream && reads, settings.rest.as_ref().filter(|_| !settings.dry_run));
    settings.refuse_clashes(world, stream)?;
    if reads && keeps.is_some() {
        // Before there is a draft of the file, which a signal would leave behind.
        world.heed_signals()?;
    }
    let mut rest = keeps.map(|path| Rest::start(path)).transpose()?;
    if stream {
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
    let unknown = guard.unknown_of(targets.iter());
    if settings.dry_run {
        let api = if work.guarded || work.looks { Some(world.api(args, 3)?) } else { None };
        let guard = match &api {
            Some(api) => guard.look_up(api, unknown)?,
            None => guard,
        };
        if let (true, Some(api)) = (work.looks, &api) {
            (work.prepare)(api, Some(&targets))?;
        }
        let again = guard.again(targets.iter())?;
        let mut items = targets.iter().filter(|item| !again.contains(&item.index));
        let style = Style { eager: false, ..style };
        return rehearse(world, style, &mut items.by_ref().map(Ok), &guard, work);
    }
    let seen = world.io.terminal.stdin && world.io.terminal.stderr;
    if work.removes && targets.len() > ASK_ABOVE && seen && !args.has(&opts::YES) {
        confirm::confirm(&mut world.io, targets.get(0).kind, targets.len())?;
    }
    world.heed_signals()?;
    let api = world.api(args, settings.parallel.max(3))?;
    let guard = guard.look_up(&api, unknown)?;
    let again = guard.again(targets.iter())?;
    if let Some(rest) = &mut rest {
        again.iter().try_for_each(|index| rest.done(*index))?;
    }
    let items = || targets.iter().filter(|item| !again.contains(&item.index));
    let total = Some(targets.len() - again.len());
    (work.prepare)(&api, Some(&targets))?;
    let audit = settings.audit(world, &api)?;
    let rest = rest.map(Mutex::new);
    let messages = world.io.messages.clone();
    let books = Books { rest: rest.as_ref(), audit: audit.as_ref(), total };
    let mut crew = Crew::new(world, style, &api, &guard, (work.known, work.act), books);
    crew.output.announce(targets.get(0).kind)?;
    crew.drive(&mut items().filter(|item| !guard.goes_last(item)).map(Ok), settings.parallel);
    // What may end our own access waits until all else is done; the authorization in use is the very last.
    let mut last: Vec<Item<'_>> = items().filter(|item| guard.goes_last(item)).collect();
    last.sort_by_key(|item| guard.is_own(item));
    crew.drive(&mut last.into_iter().map(Ok), 1);
    let ended = crew.settle(total);
    finish(rest, &messages).and(ended)
}

/// How many operands are removed from a terminal without a question, as rm -I has it; in a pipeline none is asked.
const ASK_ABOVE: usize = 3;

/// Cleans the file of `--rest` up, and says what is in it.
fn finish(rest: Option<Mutex<Rest>>, messages: &Messages) -> Result<(), Error> {
    let Some(rest) = rest else { return Ok(()) };
    let rest = rest.into_inner().unwrap_or_else(PoisonError::into_inner);
    if rest.left() > 0 {
        let what = text::count(rest.left(), "input line is", "input lines are");
        messages.say(&format!("{what} not done, and kept in {}", rest.path().display()));
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
    world.heed_signals()?;
    let api = world.api(args, settings.parallel.max(3))?;
    let guard = settings.guard(work);
    let unknown = guard.unknown();
    let guard = guard.look_up(&api, unknown)?;
    (work.prepare)(&api, None)?;
    let audit = settings.audit(world, &api)?;
    // Not before: what an earlier run left is lost by it.
    if let Some(rest) = &mut rest {
        rest.publish()?;
    }
    let rest = rest.map(Mutex::new);
    let mut source = Stream::new(world, wanted, rest.as_ref());
    if settings.dry_run {
        return rehearse(world, Style { eager: true, ..style }, &mut source, &guard, work);
    }
    let messages = world.io.messages.clone();
    let books = Books { rest: rest.as_ref(), audit: audit.as_ref(), total: None };
    let mut crew = Crew::new(world, style, &api, &guard, (work.known, work.act), books);
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
    let (messages, stop) = (world.io.messages.clone(), world.stop.clone());
    let mut output = Output::new(&mut world.io, style);
    for sourced in source.take_while(|_| !stop.is_set()) {
        let item = match sourced {
            Ok(item) => item,
            Err(what) => {
                messages.fail(&what);
                continue;
            }
        };
        if let Some(done) = (work.known)(&item) {
            done.print(&item, &mut output)?;
            if let Some(e) = &done.failed {
                messages.error(&item.place(), e);
            }
            continue;
        }
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
    match stop.signal() {
        Some(signal) => Err(Error::signal(signal)),
        None if messages.has_failed() => Err(Error::reported(FAILED)),
        None => Ok(()),
    }
}
