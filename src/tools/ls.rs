//! oauth-ls(1): lists authorizations, clients and sessions, or shows them one by one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::api::page::{self, Page};
use crate::api::{Api, Object};
use crate::base::error::{Class, Error, FAILED, NOTHING_GETS_THROUGH, Tally};
use crate::base::id;
use crate::base::ordered::{self, Bounds};
use crate::base::sync::ahead;
use crate::base::time::Unix;
use crate::change::guard::alias;
use crate::change::targets::refuse_terminal;
use crate::cli::operands::Operands;
use crate::cli::{Args, Opt, Takes, Tool, opts};
use crate::input::bad_lines::BadLines;
use crate::input::entry::{Need, Origin};
use crate::input::reader::Lines;
use crate::input::sniffer::Sniffer;
use crate::output::{Format, Output, Style};
use crate::record::Record;
use crate::record::kind::{Kind, check_id};
use crate::session::{PARALLEL, Session};
use crate::sys::messages::Messages;
use crate::sys::streams::Io;
use crate::tools::ls::select::{Filter, Order, Tokens};
use crate::tools::secret_option;

const STATUS: Opt = Opt::value(None, "status", "STATUS", "only active or only expired objects");
const WITHIN: Opt =
    Opt::value(None, "expires-within", "SPAN", "only those that expire within SPAN, by a date, or never");
const OLDER: Opt =
    Opt::value(None, "older-than", "SPAN", "only those created longer than SPAN ago, or before a date");
const CLIENT: Opt = Opt::value(None, "client", "CLIENT", "only those of a client (its id or name, or none)");
const MATCH: Opt =
    Opt::value(None, "match", "TEXT", "only those whose description or name contains TEXT, in any case");
const TOKEN: Opt =
    Opt::value(None, "token", "FROM", "only the authorizations of tokens: -, @FILE or env:NAME");
const SORT: Opt = Opt::value(None, "sort", "FIELD", "sort by a column, or with -FIELD in descending order");
const MARKS: Opt = Opt::flag(None, "marks", "also look up the default API key and the session in use");
const SECRETS: Opt = Opt::flag(None, "secrets", "show what the API shows of secrets");

/// The command line of oauth-ls.
pub static TOOL: Tool = Tool {
    name: "oauth-ls",
    about: "List authorizations, clients and sessions, or show them one by one.",
    usage: &["[options] [KIND [ID...]]", "[options] [KIND] - < RECORDS"],
    opts: &[
        &[
            &STATUS,
            &WITHIN,
            &OLDER,
            &opts::SCOPE,
            &CLIENT,
            &MATCH,
            &TOKEN,
            &opts::TEAM,
            &SORT,
            &opts::PARALLEL,
            &MARKS,
            &SECRETS,
        ],
        &opts::PRINT_SECRETS,
        &opts::CALLS,
    ],
    kinds: &Kind::LISTED,
    takes: Takes::Ids,
    read_only: true,
    formats: &Format::ALL,
};

/// The ids of the objects to mark.
#[derive(Default)]
struct Marks {
    default: Option<String>,
    session: Option<String>,
}

/// Runs oauth-ls: prints lists, or single objects if ids are given.
///
/// # Errors
/// Those of the calls and of the output.
pub fn run(args: &Args, session: &mut Session) -> Result<(), Error> {
    let Operands { kind, others, stdin } = Operands::read_kind_first(args)?;
    let mut style = session.style(args, false)?;
    style.reveal |= args.has(&SECRETS);
    let filter = Filter::read(args)?;
    let team = args.team()?;
    if team.is_some() && kind.is_some_and(|k| k != Kind::Authz) {
        return Err(Error::usage("--team is for authorizations"));
    }
    let sort = Order::read(args)?;
    style.sorted = sort.is_some();
    let tokens = match args.get(&TOKEN)? {
        Some(_) if stdin || !others.is_empty() || kind.is_some_and(|kind| kind != Kind::Authz) => {
            return Err(Error::usage(
                "--token selects from the list of authorizations: give no other KIND and no ids",
            ));
        }
        Some(from) => Some(Tokens::new(secret_option::tokens(session, "--token", from)?)),
        None => None,
    };
    let asked = match (kind, stdin) {
        (kind, true) => Some(read(session, kind)?),
        (Some(kind), false) if !others.is_empty() => {
            for id in others.iter().filter(|id| *id != "~") {
                check_id(id).map_err(Error::usage)?;
            }
            Some(others.into_iter().map(|id| (Origin::Operand, kind, id)).collect())
        }
        _ => None,
    };
    if asked.is_some() && (sort.is_some() || team.is_some()) {
        let what = "--sort and --team cannot be combined with ids";
        return Err(Error::usage(what.to_owned()));
    }
    let mut kinds = kind.into_iter().chain(asked.iter().flatten().map(|(_, kind, _)| *kind));
    if kinds.any(|kind| !TOOL.kinds.contains(&kind)) {
        return Err(Error::usage("the API does not list or show tokens"));
    }
    style.check_count(asked.as_ref().map_or(1, Vec::len))?;
    let parallel = args.number(&opts::PARALLEL, 1..=64)?.unwrap_or(PARALLEL);
    session.plan_calls(args, asked.as_ref().map_or(2, |asked| asked.len().clamp(2, parallel.max(2))))?;
    if tokens.as_ref().is_some_and(Tokens::is_empty) {
        // Without a token, nothing is selected, and nothing is asked for.
        return Output::new(&mut session.io, style).finish();
    }
    let (io, api) = session.connect()?;
    let marks = if args.has(&MARKS) {
        let id = |kind| Ok::<_, Error>(alias(api, kind)?.map(|record| record.id.into_owned()));
        Marks { default: id(Kind::Authz)?, session: id(Kind::Session)? }
    } else {
        Marks::default()
    };
    let is_for_authz = team.is_some() || tokens.is_some();
    let mut list = List { api, filter, team, sort, marks, tokens };
    match asked {
        Some(asked) => list.show(io, style, asked, parallel),
        None => {
            let kinds = match (kind, is_for_authz) {
                (Some(kind), _) => vec![kind],
                (None, true) => vec![Kind::Authz],
                (None, false) => Kind::LISTED.to_vec(),
            };
            list.all(io, style, &kinds)
        }
    }
}

type Asked = (Origin, Kind, String);

/// Reads the ids on standard input and checks all of them.
fn read(session: &mut Session, kind: Option<Kind>) -> Result<Vec<Asked>, Error> {
    refuse_terminal(session)?;
    let messages = session.io.messages.clone();
    let mut bad_lines = BadLines::new(&messages);
    let (mut sniffer, mut lines) = (Sniffer::new(Need::Identity), Lines::new(&mut session.io.input));
    let mut asked = Vec::new();
    while let Some((number, line)) = lines.next_line()? {
        let origin = Origin::Line(number);
        let found = sniffer
            .line(line)
            .and_then(|entry| entry.map(|e| Ok((origin, e.kind(kind)?, e.id()?.to_owned()))).transpose());
        match found {
            Ok(one) => {
                bad_lines.good();
                asked.extend(one);
            }
            Err(what) => bad_lines.add(origin, &what),
        }
    }
    bad_lines.finish()?;
    Ok(asked)
}

struct List<'a> {
    api: &'a Api,
    filter: Filter,
    team: Option<&'a str>,
    sort: Option<Order<'a>>,
    marks: Marks,
    tokens: Option<Tokens>,
}

/// Where lists go.
struct Printed<'o> {
    output: Output<'o>,
    messages: Messages,
    tally: Tally,
}

impl Printed<'_> {
    /// Prints a record. If its secret cannot be printed, that is reported and the others are printed.
    fn one(&mut self, record: &Record<'_>) -> Result<(), Error> {
        match self.output.record(record) {
            Err(e) if e.class() == Class::Failed => {
                self.messages.error(&record.kind.label(&record.id), &e);
                Ok(())
            }
            other => other,
        }
    }
}

impl List<'_> {
    /// Prints whole collections, page by page. Several are asked for at the same time.
    fn all(&mut self, io: &mut Io, style: Style, kinds: &[Kind]) -> Result<(), Error> {
        let messages = io.messages.clone();
        let mut to = Printed { output: Output::new(io, style), messages, tally: Tally::default() };
        let api = self.api;
        thread::scope(|scope| {
            let pages = |kind: &Kind| api.pages(*kind, self.team);
            let lists: Vec<Box<dyn Iterator<Item = _>>> = match kinds {
                // Not ahead of a reader such as head, which may want no further page.
                [kind] => vec![Box::new(pages(kind))],
                kinds => kinds.iter().map(|kind| ahead(scope, pages(kind))).collect(),
            };
            for (kind, pages) in kinds.iter().zip(lists) {
                let goes_on = self.list(*kind, pages, &mut to);
                if !matches!(goes_on, Ok(true)) {
                    // The other lists are not waited for.
                    api.stop().abandon();
                    return goes_on.map(drop);
                }
            }
            Ok(())
        })?;
        let Printed { output, messages, tally } = to;
        output.finish()?;
        tally.result(None, false)?;
        if messages.has_failed() { Err(Error::reported(FAILED)) } else { Ok(()) }
    }

    /// Prints one list. Returns false if the other lists would fail like this one, which has been reported.
    ///
    /// # Errors
    /// Those of the output.
    fn list(
        &mut self,
        kind: Kind,
        mut pages: impl Iterator<Item = Result<(Page, Unix), Error>>,
        to: &mut Printed<'_>,
    ) -> Result<bool, Error> {
        let mut count = 0;
        let mut held = Vec::new();
        let mut tokens = self.tokens.take();
        let is_table = to.output.format() == Format::Table;
        let mut page = |page: &Page, date: Unix| {
            for object in page.objects() {
                let record = match from_api(kind, object, date) {
                    Ok(record) => self.marked(record),
                    // One unusable object must not hide the rest of the page.
                    Err(e) => {
                        // The message quotes an id that cannot be used.
                        let id = page::id(object);
                        let id = if check_id(&id).is_ok() { &*id } else { "" };
                        to.messages.error(&kind.label(id), &e);
                        to.tally.count(&e);
                        continue;
                    }
                };
                if !self.filter.takes(&record, date) {
                    continue;
                }
                if tokens.as_mut().is_some_and(|tokens| !tokens.compare(&record)) {
                    continue;
                }
                count += 1;
                match &self.sort {
                    None if tokens.is_none() => to.one(&record)?,
                    sort => {
                        let key = sort.as_ref().map(|order| order.key(&record)).unwrap_or_default();
                        held.push((key, record.id.to_string(), object.to_owned(), date));
                    }
                }
            }
            to.output.flush()
        };
        let listed = pages.try_for_each(|listed| listed.and_then(|(objects, date)| page(&objects, date)));
        if let Some(order) = &self.sort {
            held.sort_by(|(a, ..), (b, ..)| order.compare(a, b));
        }
        if let Some(tokens) = &tokens {
            // Only the whole list tells whether a token fits one authorization.
            let ids = if listed.is_ok() { tokens.finish(&to.messages) } else { Vec::new() };
            held.retain(|(_, id, ..)| ids.contains(&id.as_str()));
        }
        for (_, _, json, date) in &held {
            to.one(&self.marked(from_api(kind, json, *date)?))?;
        }
        match listed {
            Err(e) if e.is_stdout() || e.class() == Class::Usage => return Err(e),
            // What came is printed, and what comes from other lists. A failure of all lists is reported without the name
            // of one.
            Err(e) => {
                // A server that lacks one list may have the others.
                let stops = e.stops_the_run() && e.class() != Class::Unsupported;
                let place = if stops { String::new() } else { format!("{}s", kind.noun()) };
                to.messages.error(&place, &e);
                to.tally.count(&e);
                return Ok(!stops);
            }
            Ok(()) if count == 0 && is_table => {
                to.messages.say(&format!("no {}s", kind.noun()));
            }
            Ok(()) => {}
        }
        Ok(true)
    }

    /// Prints objects in the order in which they are named, `parallel` calls at a time. One that fails does not hide the
    /// others.
    fn show(&self, io: &mut Io, style: Style, asked: Vec<Asked>, parallel: usize) -> Result<(), Error> {
        let messages = io.messages.clone();
        let single = matches!(asked[..], [(Origin::Operand, ..)]);
        let mut output = Output::new(io, Style { single, ..style });
        let (mut tally, mut broken, stopped) = (Tally::default(), None, AtomicBool::new(false));
        let bounds = Bounds { threads: parallel.min(asked.len()), window: parallel * 4 };
        let may_start = || !stopped.load(Ordering::Relaxed);
        let get = |(_, kind, id): &Asked| self.api.get(*kind, id);
        ordered::map(&mut asked.into_iter(), bounds, &may_start, &get, &mut |(origin, kind, id), object| {
            if broken.is_some() || (tally.is_stopped() && object.is_err()) {
                return;
            }
            let shown = object.and_then(|Object { record, date, .. }| {
                let mut record = self.marked(record);
                if id == "~" {
                    *(if kind == Kind::Authz { &mut record.default } else { &mut record.current }) = true;
                }
                if self.filter.takes(&record, date) { output.record(&record) } else { Ok(()) }
            });
            match shown.and_then(|()| output.flush()) {
                Ok(()) => tally.got_through(),
                Err(e) if e.is_stdout() || e.class() == Class::Usage => {
                    stopped.store(true, Ordering::Relaxed);
                    broken = Some(e);
                }
                Err(e) => {
                    let line =
                        if let Origin::Line(_) = origin { format!("{origin}: ") } else { String::new() };
                    messages.error(&format!("{line}{}", kind.label(&id)), &e);
                    tally.count(&e);
                    if tally.is_stuck() && may_start() {
                        messages.say(NOTHING_GETS_THROUGH);
                    }
                    if e.stops_the_run() || tally.is_stuck() {
                        stopped.store(true, Ordering::Relaxed);
                    }
                }
            }
        });
        if let Some(e) = broken {
            return Err(e);
        }
        output.finish()?;
        tally.result(None, false)
    }

    fn marked<'r>(&self, mut record: Record<'r>) -> Record<'r> {
        let is = |marked: &Option<String>| marked.as_ref().is_some_and(|marked| id::same(marked, &record.id));
        match record.kind {
            Kind::Authz => {
                record.default = is(&self.marks.default);
                record.current = self.api.token().may_be(&record.text(&["access_token", "token"]));
            }
            Kind::Session => record.current = is(&self.marks.session),
            Kind::Client | Kind::Token => {}
        }
        record
    }
}

fn from_api(kind: Kind, json: &str, date: Unix) -> Result<Record<'_>, Error> {
    Record::from_api(kind, json, date)
        .map_err(|what| Error::permanent(format!("unusable {} in the response: {what}", kind.noun())))
}

mod select;
#[cfg(test)]
mod tests;
