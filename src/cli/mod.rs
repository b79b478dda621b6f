//! The command line: each tool has a table of options, and one loop parses the arguments by it.
//!
//! - `opts` has the options that tools share, `operands` parses `[KIND] [ID...]`;
//! - `completions` writes the completions of the shells from the tables.

pub(crate) mod completions;
pub(crate) mod operands;
pub(crate) mod opts;

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::Write;
use std::time::Duration;

use lexopt::Arg;

use crate::base::error::Error;
use crate::base::text;
use crate::base::time;
use crate::config::scopes::Scopes;
use crate::input::entry::split_scopes;
use crate::output::{Format, Style};
use crate::record::kind::{Kind, check_id};

/// An option.
#[derive(Debug, PartialEq, Eq)]
pub struct Opt {
    /// The letter of its short form.
    pub short: Option<char>,
    /// The long form, without the dashes.
    pub long: &'static str,
    /// The name of its argument in the help; `None` for a flag.
    pub arg: Option<&'static str>,
    /// The help text, in a few words.
    pub help: &'static str,
    /// True if it may be given more than once.
    pub repeat: bool,
}

impl Opt {
    /// Returns an option without an argument.
    pub const fn flag(short: Option<char>, long: &'static str, help: &'static str) -> Opt {
        Opt { short, long, arg: None, help, repeat: false }
    }

    /// Returns an option with an argument.
    pub const fn value(
        short: Option<char>,
        long: &'static str,
        arg: &'static str,
        help: &'static str,
    ) -> Opt {
        Opt { short, long, arg: Some(arg), help, repeat: false }
    }
}

/// The description of a tool, for its command line, help and completions.
#[derive(Debug)]
pub struct Tool {
    /// The program's name.
    pub name: &'static str,
    /// Its purpose, in one line.
    pub about: &'static str,
    /// The lines of its usage, without the program's name.
    pub usage: &'static [&'static str],
    /// Its options in groups, without [`COMMON`].
    pub opts: &'static [&'static [&'static Opt]],
    /// The kinds that its KIND operand may name; empty if it has no such operand.
    pub kinds: &'static [Kind],
    /// The form of its operands.
    pub takes: Takes,
    /// True if it changes nothing: a reader that closes the pipe early is then not an error.
    pub read_only: bool,
    /// The formats that `-o` takes.
    pub formats: &'static [Format],
}

/// The form of a tool's operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A kind and ids of that kind.
    Ids,
    /// A kind and, for some kinds, other words.
    Words,
    /// Files.
    Files,
    /// A command with its arguments, as for env(1).
    Command,
}

/// The options that every tool has.
pub(crate) const COMMON: [&Opt; 3] = [&opts::VERBOSE, &opts::HELP, &opts::VERSION];

impl Tool {
    /// A tool that changes objects given by id or as records. The tables of such tools say only what differs.
    pub(crate) const CHANGES: Tool = Tool {
        name: "",
        about: "",
        usage: &["[options] [KIND] ID...", "[options] [KIND] < RECORDS"],
        opts: &[],
        kinds: &Kind::ALL,
        takes: Takes::Ids,
        read_only: false,
        formats: &Format::ALL,
    };

    /// Returns all options, in the order of `--help`.
    pub fn all_opts(&self) -> impl Iterator<Item = &'static Opt> {
        self.opts.iter().copied().flatten().copied().chain(COMMON)
    }

    /// Returns the text of `--help`, for a window of 80 columns.
    pub fn help(&self) -> String {
        const WIDTH: usize = 80;
        const LEFT: usize = 28;
        let mut text = self.short_help();
        text.push('\n');
        for opt in self.all_opts() {
            let letter = opt.short.map_or("   ".to_owned(), |c| format!("-{c},"));
            let arg = opt.arg.map_or(String::new(), |a| format!(" {a}"));
            let mut line = format!("  {letter} --{}{arg}", opt.long);
            line = format!("{line:<LEFT$}");
            for word in self.help_for(opt).split(' ') {
                if line.len() + 1 + word.len() > WIDTH {
                    let _ = writeln!(text, "{line}");
                    line = " ".repeat(LEFT);
                }
                line.push(' ');
                line.push_str(word);
            }
            let _ = writeln!(text, "{line}");
        }
        let _ = writeln!(text, "\nSee {}(1) and oauth-tools(7).", self.name);
        text
    }

    /// Returns the help text of an option. That of `-o` names the formats that the tool prints.
    pub(crate) fn help_for(&self, opt: &'static Opt) -> Cow<'static, str> {
        if *opt != opts::FORMAT || self.formats.len() == Format::ALL.len() {
            return Cow::Borrowed(opt.help);
        }
        let words: Vec<&str> = self.format_words().collect();
        match words.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")).into(),
            _ => words.concat().into(),
        }
    }

    /// Returns the words for the formats that the tool prints.
    pub(crate) fn format_words(&self) -> impl Iterator<Item = &'static str> {
        self.formats
            .iter()
            .flat_map(|format| Format::WORDS.iter().filter(move |(_, known)| known == format))
            .map(|(word, _)| *word)
    }

    /// Returns the text of `-h`.
    pub fn short_help(&self) -> String {
        let mut text = String::new();
        for (i, usage) in self.usage.iter().enumerate() {
            let _ = writeln!(text, "{} {} {usage}", if i == 0 { "usage:" } else { "      " }, self.name);
        }
        let _ = writeln!(text, "{}", self.about);
        text
    }
}

/// The request that a command line makes.
#[derive(Debug)]
pub(crate) enum Invocation {
    /// `-h`
    ShortHelp,
    /// `--help`
    Help,
    /// `--version`
    Version,
    /// Run the tool.
    Run(Args),
}

/// The parsed options and operands of a command line.
#[derive(Debug, Default)]
pub struct Args {
    options: Vec<(&'static Opt, OsString)>,
    /// The operands.
    pub operands: Vec<OsString>,
    /// The formats that the tool prints.
    formats: &'static [Format],
}

/// Parses a command line by the tool's table.
///
/// # Errors
/// A usage error for an option that is unknown, lacks its argument, or is given twice.
pub(crate) fn parse(
    tool: &Tool,
    command_line: impl IntoIterator<Item = OsString>,
) -> Result<Invocation, Error> {
    let mut parser = lexopt::Parser::from_args(command_line);
    let mut args = Args { formats: tool.formats, ..Args::default() };
    let mut ended = false;
    loop {
        // A variable that is not set must not make a command work on its standard input, or on everything.
        if !ended && let Some(rest) = parser.try_raw_args() {
            let rest = rest.as_slice();
            ended = rest.first().is_some_and(|arg| arg == "--");
            if ended && rest.len() == 1 {
                return Err(Error::usage("nothing follows --: a variable may be empty"));
            }
        }
        let Some(arg) = parser.next().map_err(|e| Error::usage(e.to_string()))? else { break };
        let opt = match arg {
            Arg::Value(operand) => {
                if operand.is_empty() {
                    let number = args.operands.len() + 1;
                    return Err(Error::usage(format!("operand {number} is empty: a variable may be empty")));
                }
                args.operands.push(operand);
                if tool.takes == Takes::Command {
                    args.operands.extend(parser.raw_args().map_err(|e| Error::usage(e.to_string()))?);
                    break;
                }
                continue;
            }
            Arg::Short(letter) => tool.all_opts().find(|o| o.short == Some(letter)),
            Arg::Long(name) => tool.all_opts().find(|o| o.long == name),
        };
        let Some(opt) = opt else { return Err(unknown(tool, &arg)) };
        if *opt == opts::HELP {
            return Ok(if arg == Arg::Short('h') { Invocation::ShortHelp } else { Invocation::Help });
        }
        if *opt == opts::VERSION {
            return Ok(Invocation::Version);
        }
        if !opt.repeat && args.options.iter().any(|(o, _)| *o == opt) {
            return Err(Error::usage(format!("--{} is given twice", opt.long)));
        }
        let value = match opt.arg {
            Some(arg) => parser
                .value()
                .map_err(|_| Error::usage(format!("--{} requires an argument: {arg}", opt.long)))?,
            None => OsString::new(),
        };
        // An empty argument is usually a shell variable that is not set; only a TEXT may be empty on purpose.
        if opt.arg.is_some_and(|arg| arg != "TEXT") && value.is_empty() {
            return Err(Error::usage(format!("--{} is empty", opt.long)));
        }
        args.options.push((opt, value));
    }
    Ok(Invocation::Run(args))
}

fn unknown(tool: &Tool, arg: &Arg<'_>) -> Error {
    let near = match arg {
        Arg::Long(name) => text::nearest(name, tool.all_opts().map(|o| o.long)),
        _ => None,
    };
    let what = match arg {
        Arg::Short(letter) => format!("unknown option -{letter}"),
        Arg::Long(name) => format!("unknown option --{name}"),
        Arg::Value(value) => format!("unexpected argument '{}'", value.to_string_lossy()),
    };
    match near {
        Some(near) => Error::usage(format!("{what}; did you mean --{near}?")),
        None => Error::usage(what),
    }
}

impl Args {
    /// Returns whether an option is given.
    pub fn has(&self, opt: &Opt) -> bool {
        self.options.iter().any(|(o, _)| *o == opt)
    }

    /// Returns the values of an option that may be repeated.
    ///
    /// # Errors
    /// A usage error if one is not UTF-8.
    pub fn all(&self, opt: &Opt) -> Result<Vec<&str>, Error> {
        self.options
            .iter()
            .filter(|(o, _)| *o == opt)
            .map(|(o, v)| {
                v.to_str().ok_or_else(|| Error::usage(format!("--{}: the argument is not UTF-8", o.long)))
            })
            .collect()
    }

    /// Returns the value of an option.
    ///
    /// # Errors
    /// A usage error if it is not UTF-8.
    pub fn get(&self, opt: &Opt) -> Result<Option<&str>, Error> {
        Ok(self.all(opt)?.pop())
    }

    /// Returns the value of `--team`.
    ///
    /// # Errors
    /// A usage error if it cannot be part of a path.
    pub fn team(&self) -> Result<Option<&str>, Error> {
        let team = self.get(&opts::TEAM)?;
        let checked = team.map_or(Ok(()), check_id);
        checked.map(|()| team).map_err(|e| Error::usage(format!("--{}: {e}", opts::TEAM.long)))
    }

    /// Returns the scopes of `--scope`. An empty scope is usually a shell variable that is not set. It must not be
    /// ignored: as a filter, no scope at all would match everything
    /// (docs/architecture.md, Rules, "Least privilege").
    ///
    /// # Errors
    /// A usage error if a scope is empty.
    pub fn scopes(&self) -> Result<Option<Vec<String>>, Error> {
        let values = self.all(&opts::SCOPE)?;
        if values.iter().any(|value| value.split(',').any(|part| part.trim().is_empty())) {
            return Err(Error::usage(format!("--{}: a scope is empty", opts::SCOPE.long)));
        }
        let scopes: Vec<String> = values.into_iter().flat_map(split_scopes).collect();
        Ok(self.has(&opts::SCOPE).then_some(scopes))
    }

    /// Returns the scopes of `--scope` for a new authorization.
    ///
    /// # Errors
    /// A usage error if a scope is empty or unknown.
    pub(crate) fn new_scopes(&self, known: &Scopes) -> Result<Option<Vec<String>>, Error> {
        let scopes = self.scopes()?;
        scopes
            .as_deref()
            .map_or(Ok(()), |scopes| known.check(scopes))
            .map_err(|e| Error::usage(format!("--{}: {e}", opts::SCOPE.long)))?;
        Ok(scopes)
    }

    /// Returns the value of an option that names a file.
    pub fn path(&self, opt: &Opt) -> Option<std::path::PathBuf> {
        self.options.iter().find(|(o, _)| *o == opt).map(|(_, v)| v.into())
    }

    /// Returns the value of an option as a duration.
    ///
    /// # Errors
    /// A usage error if it is not one.
    pub fn span(&self, opt: &Opt) -> Result<Option<Duration>, Error> {
        self.get(opt)?
            .map(|v| time::parse_span(v).map_err(|e| Error::usage(format!("--{}: {e}", opt.long))))
            .transpose()
    }

    /// Returns the value of an option as a point in time.
    ///
    /// # Errors
    /// A usage error if it is not one.
    pub fn when(&self, opt: &Opt) -> Result<Option<time::When>, Error> {
        self.get(opt)?
            .map(|v| time::parse_when(v).map_err(|e| Error::usage(format!("--{}: {e}", opt.long))))
            .transpose()
    }

    /// Returns the value of an option as a number in a range.
    ///
    /// # Errors
    /// A usage error if it is not one.
    pub fn number(&self, opt: &Opt, range: std::ops::RangeInclusive<usize>) -> Result<Option<usize>, Error> {
        self.get(opt)?
            .map(|v| {
                v.parse().ok().filter(|n| range.contains(n)).ok_or_else(|| {
                    let (from, to) = (range.start(), range.end());
                    Error::usage(format!("--{}: '{v}' is not a number from {from} to {to}", opt.long))
                })
            })
            .transpose()
    }

    /// Returns the meaning of an option's value, which must be one of `words`.
    ///
    /// # Errors
    /// A usage error that suggests the nearest word.
    pub fn word<T: Copy>(&self, opt: &Opt, words: &[(&str, T)]) -> Result<Option<T>, Error> {
        let Some(value) = self.get(opt)? else { return Ok(None) };
        if let Some((_, found)) = words.iter().find(|(word, _)| *word == value) {
            return Ok(Some(*found));
        }
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let hint = match text::nearest(value, all.iter().copied()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("use one of {}", all.join(", ")),
        };
        Err(Error::usage(format!("--{}: unknown value '{value}'; {hint}", opt.long)))
    }

    /// Returns the operands as text.
    ///
    /// # Errors
    /// A usage error if one is not UTF-8.
    pub fn texts(&self) -> Result<Vec<String>, Error> {
        self.operands
            .iter()
            .enumerate()
            .map(|(i, operand)| match operand.to_str() {
                Some(text) => Ok(text.to_owned()),
                None => Err(Error::usage(format!("operand {} is not UTF-8", i + 1))),
            })
            .collect()
    }

    /// Returns the style of output that `-o`, `-j`, `--shell`, `-S` and `--color` select.
    ///
    /// # Errors
    /// A usage error if they contradict each other.
    pub fn style(&self, on_terminal: bool, may_color: bool, change: bool) -> Result<Style, Error> {
        let words: Vec<(&str, Format)> =
            Format::WORDS.into_iter().filter(|(_, format)| self.formats.contains(format)).collect();
        let mut selected: Vec<Format> = self.word(&opts::FORMAT, &words)?.into_iter().collect();
        for (opt, format) in
            [(&opts::JSON, Format::Json), (&opts::SHELL, Format::Env), (&opts::SHORT, Format::Secret)]
        {
            if self.has(opt) && !selected.contains(&format) {
                selected.push(format);
            }
        }
        let default = if on_terminal { Format::Table } else { Format::Ndjson };
        let format = match selected[..] {
            [] => default,
            [format] => format,
            _ => return Err(Error::usage("more than one output format is given")),
        };
        if self.has(&opts::DRY_RUN) && matches!(format, Format::Secret | Format::Env) {
            return Err(Error::usage("-n creates no secrets: omit -S and --shell"));
        }
        let when =
            self.word(&opts::COLOR, &[("auto", None), ("always", Some(true)), ("never", Some(false))])?;
        let color = when.flatten().unwrap_or(may_color);
        Ok(Style {
            format,
            reveal: matches!(format, Format::Env | Format::Secret),
            single: false,
            change,
            eager: change,
            color,
            sorted: false,
        })
    }
}

#[cfg(test)]
mod tests;
