//! oauth-ls(1): lists authorizations, clients and sessions, or shows them one by one.

use std::time::Duration;

use crate::api::page;
use crate::api::{Api, Object};
use crate::base::error::{Class, Error, FAILED, NOTHING_GETS_THROUGH, Tally};
use crate::base::id;
use crate::base::time::{self, Unix};
use crate::change::guard::alias;
use crate::change::targets::refuse_terminal;
use crate::cli::operands::Operands;
use crate::cli::{Args, Opt, Takes, Tool, opts};
use crate::input::bad_lines::BadLines;
use crate::input::entry::{Need, Origin};
use crate::input::reader::Lines;
use crate::input::sniffer::Sniffer;
use crate::output::{Format, Output, Style};
use crate::record::columns::{cell, columns};
use crate::record::kind::{Kind, check_id};
use crate::record::{Expiry, Record};
use crate::session::Session;
use crate::sys::streams::Io;

const STATUS: Opt = Opt::value(None, "status", "STATUS", "only active or only expired objects");
const WITHIN: Opt = Opt::value(None, "expires-within", "SPAN", "only those that expire within SPAN");
const OLDER: Opt = Opt::value(None, "older-than", "SPAN", "only those created longer than SPAN ago");
const CLIENT: Opt = Opt::value(None, "client", "CLIENT", "only those of a client (its id or name, or none)");
const SORT: Opt = Opt::value(None, "sort", "FIELD", "sort by a column");
const MARKS: Opt = Opt::flag(None, "marks", "also look up the default API key and the session in use");
const SECRETS: Opt = Opt::flag(None, "secrets", "show what the API shows of secrets");

/// The command line of oauth-ls.
pub static TOOL: Tool = Tool {
    name: "oauth-ls",
    about: "List authorizations, clients and sessions, or show them one by one.",
    usage: &["[options] [KIND [ID...]]", "[options] [KIND] - < RECORDS"],
    opts: &[
        &[&STATUS, &WITHIN, &OLDER, &opts::SCOPE, &CLIENT, &opts::TEAM, &SORT, &MARKS, &SECRETS],
        &opts::PRINT_SECRETS,
        &opts::CALLS,
    ],
    kinds: &Kind::LISTED,
    takes: Takes::Ids,
    read_only: true,
    formats: &Format::ALL,
};

/// The options that select records. Each looks at one record only, so a list is printed page by page.
struct Filter {
    status: Option<&'static str>,
    within: Option<Duration>,
    older: Option<Duration>,
    scope: Vec<String>,
    client: Option<String>,
}

impl Filter {
    fn read(args: &Args) -> Result<Filter, Error> {
        Ok(Filter {
            status: args.word(&STATUS, &[("active", "active"), ("expired", "expired")])?,
            within: args.span(&WITHIN)?,
            older: args.span(&OLDER)?,
            scope: args.scopes()?.unwrap_or_default(),
            client: args.get(&CLIENT)?.map(str::to_owned),
        })
    }

    fn takes(&self, record: &Record<'_>, now: Unix) -> bool {
        let seconds = |span: Duration| span.as_secs() as Unix;
        self.status.is_none_or(|status| record.status == status)
            && self.within.is_none_or(
                |span| matches!(record.expiry, Expiry::At(at) if at > now && at <= now + seconds(span)),
            )
            && self.older.is_none_or(|span| {
                let born = time::parse_rfc3339(&record.text(&["created_at"]));
                born.is_some_and(|born| born < now - seconds(span))
            })
            && (self.scope.is_empty() || {
                let has = record.text(&["scope"]);
                self.scope.iter().all(|wanted| has.split(' ').any(|s| s == wanted))
            })
            && self.client.as_ref().is_none_or(|client| {
                let (id, name) = (record.text(&["client", "id"]), record.text(&["client", "name"]));
                if client == "none" { id.is_empty() } else { *client == id || *client == name }
            })
    }
}

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
    let sort = args.get(&SORT)?;
    style.sorted = sort.is_some();
    if let Some(field) = sort
        && !Kind::LISTED.iter().any(|k| columns(*k).iter().any(|(name, _)| *name == field))
    {
        let names = columns(Kind::Authz).iter().chain(columns(Kind::Client)).map(|(name, _)| *name);
        let near = crate::base::text::nearest(field, names);
        let hint = near.map_or("see oauth-record(5)".to_owned(), |near| format!("did you mean '{near}'?"));
        return Err(Error::usage(format!("--sort: unknown column '{field}'; {hint}")));
    }
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
    session.plan_calls(args, 2)?;
    let (io, api) = session.connect()?;
    let marks = if args.has(&MARKS) {
        let id = |kind| Ok::<_, Error>(alias(api, kind)?.map(|record| record.id.into_owned()));
        Marks { default: id(Kind::Authz)?, session: id(Kind::Session)? }
    } else {
        Marks::default()
    };
    let list = List { api, filter, team, sort, marks };
    match asked {
        Some(asked) => list.show(io, style, &asked),
        None => {
            let kinds = match (kind, team) {
                (Some(kind), _) => vec![kind],
                (None, Some(_)) => vec![Kind::Authz],
                (None, None) => Kind::LISTED.to_vec(),
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
    sort: Option<&'a str>,
    marks: Marks,
}

impl List<'_> {
    /// Prints whole collections, page by page.
    fn all(&self, io: &mut Io, style: Style, kinds: &[Kind]) -> Result<(), Error> {
        let messages = io.messages.clone();
        let mut output = Output::new(io, style);
        let mut tally = Tally::default();
        for &kind in kinds {
            let mut count = 0;
            let mut sorted = Vec::new();
            let listed = self.api.list(kind, self.team, &mut |page, date| {
                for object in page.objects() {
                    let record = match from_api(kind, object, date) {
                        Ok(record) => self.marked(record),
                        // One unusable object must not hide the rest of the page.
                        Err(e) => {
                            // The message quotes an id that cannot be used.
                            let id = page::id(object);
                            let id = if check_id(&id).is_ok() { &*id } else { "" };
                            messages.error(&kind.label(id), &e);
                            tally.count(&e);
                            continue;
                        }
                    };
                    if !self.filter.takes(&record, date) {
                        continue;
                    }
                    count += 1;
                    match self.sort {
                        Some(field) => sorted.push((self.key(&record, field), object.to_owned(), date)),
                        None => one(&mut output, &messages, &record)?,
                    }
                }
                output.flush()
            });
            sorted.sort_by(|(a, ..), (b, ..): &(String, String, Unix)| a.cmp(b));
            for (_, json, date) in &sorted {
                one(&mut output, &messages, &self.marked(from_api(kind, json, *date)?))?;
            }
            if let Err(e) = listed {
                if e.is_stdout() || e.class() == Class::Usage {
                    return Err(e);
                }
                // What came is printed, and what comes from other lists. A failure of all lists is reported without
                // the name of one.
                let stops = e.stops_the_run();
                messages.error(&if stops { String::new() } else { format!("{}s", kind.noun()) }, &e);
                tally.count(&e);
                if stops {
                    break;
                }
            } else if count == 0 && style.format == Format::Table {
                messages.say(&format!("no {}s", kind.noun()));
            }
        }
        output.finish()?;
        tally.result(None, false)?;
        if messages.has_failed() { Err(Error::reported(FAILED)) } else { Ok(()) }
    }

    /// Prints objects one by one. One that fails does not hide the others.
    fn show(&self, io: &mut Io, style: Style, asked: &[Asked]) -> Result<(), Error> {
        let messages = io.messages.clone();
        let single = matches!(asked, [(Origin::Operand, ..)]);
        let mut output = Output::new(io, Style { single, ..style });
        let mut tally = Tally::default();
        for (origin, kind, id) in asked {
            let shown = self.api.get(*kind, id).and_then(|Object { record, date, .. }| {
                let mut record = self.marked(record);
                if id == "~" {
                    *(if *kind == Kind::Authz { &mut record.default } else { &mut record.current }) = true;
                }
                if self.filter.takes(&record, date) { output.record(&record) } else { Ok(()) }
            });
            match shown {
                Ok(()) => tally.got_through(),
                Err(e) if e.is_stdout() => return Err(e),
                Err(e) => {
                    let line =
                        if let Origin::Line(_) = origin { format!("{origin}: ") } else { String::new() };
                    messages.error(&format!("{line}{}", kind.label(id)), &e);
                    tally.count(&e);
                    if tally.is_stuck() {
                        messages.say(NOTHING_GETS_THROUGH);
                    }
                    if e.stops_the_run() || tally.is_stuck() {
                        break;
                    }
                }
            }
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

    fn key(&self, record: &Record<'_>, field: &str) -> String {
        let column = columns(record.kind).iter().find(|(name, _)| *name == field);
        column.map_or_else(String::new, |column| cell(record, *column, false))
    }
}

fn from_api(kind: Kind, json: &str, date: Unix) -> Result<Record<'_>, Error> {
    Record::from_api(kind, json, date)
        .map_err(|what| Error::permanent(format!("unusable {} in the response: {what}", kind.noun())))
}

/// Prints a record. If its secret cannot be printed, that is reported and the others are printed.
fn one(
    output: &mut Output<'_>,
    messages: &crate::sys::messages::Messages,
    record: &Record<'_>,
) -> Result<(), Error> {
    match output.record(record) {
        Err(e) if e.class() == Class::Failed => {
            messages.error(&record.kind.label(&record.id), &e);
            Ok(())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
