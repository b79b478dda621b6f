//! Options: each tool's table, and the one loop that reads a command line by it.

pub(crate) mod completions;
pub(crate) mod operands;
pub(crate) mod opts;

use std::ffi::OsString;
use std::fmt::Write;
use std::time::Duration;

use lexopt::Arg;

use crate::base::error::Error;
use crate::base::text;
use crate::base::time;
use crate::input::entry::{check_scopes, split_scopes};
use crate::output::{Format, Style};
use crate::record::kind::{Kind, check_id};

/// An option.
#[derive(Debug, PartialEq, Eq)]
pub struct Opt {
    /// Its letter, if it has one.
    pub short: Option<char>,
    /// Its long name, without the dashes.
    pub long: &'static str,
    /// What its argument is called; `None` for a flag.
    pub arg: Option<&'static str>,
    /// What it does, in a few words.
    pub help: &'static str,
    /// It may be given more than once.
    pub repeat: bool,
}

impl Opt {
    /// An option without an argument.
    pub const fn flag(short: Option<char>, long: &'static str, help: &'static str) -> Opt {
        Opt { short, long, arg: None, help, repeat: false }
    }

    /// An option with an argument.
    pub const fn value(
        short: Option<char>,
        long: &'static str,
        arg: &'static str,
        help: &'static str,
    ) -> Opt {
        Opt { short, long, arg: Some(arg), help, repeat: false }
    }
}

/// A tool: what there is to know about it before it runs.
#[derive(Debug)]
pub struct Tool {
    /// The program's name.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Its forms of use, without the program's name.
    pub usage: &'static [&'static str],
    /// Its options in groups, apart from those that every tool has.
    pub opts: &'static [&'static [&'static Opt]],
    /// The kinds that its KIND operand may name; none where it has no such operand.
    pub kinds: &'static [Kind],
    /// What its operands are.
    pub takes: Takes,
    /// It changes nothing, so a reader of its output that exits early is not a failure.
    pub read_only: bool,
}

/// What the operands of a tool are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A kind and ids of that kind.
    Ids,
    /// A kind and, for some kinds, other words.
    Words,
    /// Files.
    Files,
    /// A command with arguments of its own, as for env(1).
    Command,
}

/// The options that every tool has.
pub(crate) const COMMON: [&Opt; 3] = [&opts::VERBOSE, &opts::HELP, &opts::VERSION];

impl Tool {
    /// A tool that changes the objects whose ids or records it is given. The other tables say only what differs.
    pub(crate) const CHANGES: Tool = Tool {
        name: "",
        about: "",
        usage: &["[options] [KIND] ID...", "[options] [KIND] < RECORDS"],
        opts: &[],
        kinds: &Kind::ALL,
        takes: Takes::Ids,
        read_only: false,
    };

    /// All options, in the order of `-h`.
    pub fn all_opts(&self) -> impl Iterator<Item = &'static Opt> {
        self.opts.iter().copied().flatten().copied().chain(COMMON)
    }

    /// The text of `--help`, for a window of 80 columns.
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
            for word in opt.help.split(' ') {
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

    /// The text of `-h`.
    pub fn short_help(&self) -> String {
        let mut text = String::new();
        for (i, usage) in self.usage.iter().enumerate() {
            let _ = writeln!(text, "{} {} {usage}", if i == 0 { "usage:" } else { "      " }, self.name);
        }
        let _ = writeln!(text, "{}", self.about);
        text
    }
}

/// What a command line asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// `-h`
    Usage,
    /// `--help`
    Help,
    /// `--version`
    Version,
    /// The tool's work.
    Work(Args),
}

/// A command line, read by a tool's table.
#[derive(Debug, Default)]
pub struct Args {
    given: Vec<(&'static Opt, OsString)>,
    /// The operands.
    pub operands: Vec<OsString>,
}

/// Reads a command line.
///
/// # Errors
/// A usage error for an option that the table does not have, lacks its argument, or stands there twice.
pub(crate) fn parse(tool: &Tool, args: impl IntoIterator<Item = OsString>) -> Result<Asked, Error> {
    let mut parser = lexopt::Parser::from_args(args);
    let mut found = Args::default();
    while let Some(arg) = parser.next().map_err(|e| Error::usage(e.to_string()))? {
        let opt = match arg {
            Arg::Value(operand) => {
                found.operands.push(operand);
                if tool.takes == Takes::Command {
                    found.operands.extend(parser.raw_args().map_err(|e| Error::usage(e.to_string()))?);
                    break;
                }
                continue;
            }
            Arg::Short(letter) => tool.all_opts().find(|o| o.short == Some(letter)),
            Arg::Long(name) => tool.all_opts().find(|o| o.long == name),
        };
        let Some(opt) = opt else { return Err(unknown(tool, &arg)) };
        if *opt == opts::HELP {
            return Ok(if arg == Arg::Short('h') { Asked::Usage } else { Asked::Help });
        }
        if *opt == opts::VERSION {
            return Ok(Asked::Version);
        }
        if !opt.repeat && found.given.iter().any(|(o, _)| *o == opt) {
            return Err(Error::usage(format!("--{} is given twice", opt.long)));
        }
        let value = match opt.arg {
            Some(arg) => {
                parser.value().map_err(|_| Error::usage(format!("--{} needs its {arg}", opt.long)))?
            }
            None => OsString::new(),
        };
        // A variable that was meant to be set; only a text may be empty on purpose.
        if opt.arg.is_some_and(|arg| arg != "TEXT") && value.is_empty() {
            return Err(Error::usage(format!("--{} is empty", opt.long)));
        }
        found.given.push((opt, value));
    }
    Ok(Asked::Work(found))
}

fn unknown(tool: &Tool, arg: &Arg<'_>) -> Error {
    let near = match arg {
        Arg::Long(name) => text::nearest(name, tool.all_opts().map(|o| o.long)),
        _ => None,
    };
    let what = match arg {
        Arg::Short(letter) => format!("there is no option -{letter}"),
        Arg::Long(name) => format!("there is no option --{name}"),
        Arg::Value(value) => format!("'{}' is not expected", value.to_string_lossy()),
    };
    match near {
        Some(near) => Error::usage(format!("{what}; did you mean --{near}?")),
        None => Error::usage(what),
    }
}

impl Args {
    /// Whether an option is given.
    pub fn has(&self, opt: &Opt) -> bool {
        self.given.iter().any(|(o, _)| *o == opt)
    }

    /// The values of an option that may be repeated.
    ///
    /// # Errors
    /// A usage error where one is not UTF-8.
    pub fn all(&self, opt: &Opt) -> Result<Vec<&str>, Error> {
        self.given
            .iter()
            .filter(|(o, _)| *o == opt)
            .map(|(o, v)| v.to_str().ok_or_else(|| Error::usage(format!("--{} is not UTF-8", o.long))))
            .collect()
    }

    /// The value of an option.
    ///
    /// # Errors
    /// A usage error where it is not UTF-8.
    pub fn get(&self, opt: &Opt) -> Result<Option<&str>, Error> {
        Ok(self.all(opt)?.pop())
    }

    /// The team of `--team`, checked to be something that can stand in a path.
    ///
    /// # Errors
    /// A usage error.
    pub fn team(&self) -> Result<Option<&str>, Error> {
        let team = self.get(&opts::TEAM)?;
        let checked = team.map_or(Ok(()), check_id);
        checked.map(|()| team).map_err(|e| Error::usage(format!("--{}: {e}", opts::TEAM.long)))
    }

    /// The scopes of `--scope`. A part that names none is most likely a variable that is not set: fewer scopes would be
    /// another wish, and no scope at all, as a filter, would let everything through.
    ///
    /// # Errors
    /// A usage error.
    pub fn scopes(&self) -> Result<Option<Vec<String>>, Error> {
        let values = self.all(&opts::SCOPE)?;
        if values.iter().any(|value| value.split(',').any(|part| part.trim().is_empty())) {
            return Err(Error::usage(format!("--{}: names no scope", opts::SCOPE.long)));
        }
        let scopes: Vec<String> = values.into_iter().flat_map(split_scopes).collect();
        Ok(self.has(&opts::SCOPE).then_some(scopes))
    }

    /// The scopes of `--scope`, which the API must know, where something is made with them.
    ///
    /// # Errors
    /// A usage error.
    pub fn new_scopes(&self) -> Result<Option<Vec<String>>, Error> {
        let scopes = self.scopes()?;
        scopes
            .as_deref()
            .map_or(Ok(()), check_scopes)
            .map_err(|e| Error::usage(format!("--{}: {e}", opts::SCOPE.long)))?;
        Ok(scopes)
    }

    /// The value of an option that names a file.
    pub fn path(&self, opt: &Opt) -> Option<std::path::PathBuf> {
        self.given.iter().find(|(o, _)| *o == opt).map(|(_, v)| v.into())
    }

    /// The value of an option as a span of time.
    ///
    /// # Errors
    /// A usage error where it is none.
    pub fn span(&self, opt: &Opt) -> Result<Option<Duration>, Error> {
        self.get(opt)?
            .map(|v| time::parse_span(v).map_err(|e| Error::usage(format!("--{}: {e}", opt.long))))
            .transpose()
    }

    /// The value of an option as a number in a range.
    ///
    /// # Errors
    /// A usage error where it is none.
    pub fn number(&self, opt: &Opt, range: std::ops::RangeInclusive<usize>) -> Result<Option<usize>, Error> {
        self.get(opt)?
            .map(|v| {
                v.parse().ok().filter(|n| range.contains(n)).ok_or_else(|| {
                    let (from, to) = (range.start(), range.end());
                    Error::usage(format!("--{}: give a number from {from} to {to}", opt.long))
                })
            })
            .transpose()
    }

    /// The value of an option as one of the given words.
    ///
    /// # Errors
    /// A usage error, with the nearest word.
    pub fn word<T: Copy>(&self, opt: &Opt, words: &[(&str, T)]) -> Result<Option<T>, Error> {
        let Some(value) = self.get(opt)? else { return Ok(None) };
        if let Some((_, found)) = words.iter().find(|(word, _)| *word == value) {
            return Ok(Some(*found));
        }
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let hint = match text::nearest(value, all.iter().copied()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("give one of {}", all.join(", ")),
        };
        Err(Error::usage(format!("--{}: '{value}' is not known; {hint}", opt.long)))
    }

    /// The operands as text.
    ///
    /// # Errors
    /// A usage error where one is not UTF-8.
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

    /// The style of the output that `-o`, `-j`, `--shell` and `-S` ask for.
    ///
    /// # Errors
    /// A usage error where they contradict each other.
    pub fn style(&self, on_terminal: bool, may_color: bool, change: bool) -> Result<Style, Error> {
        let mut asked: Vec<Format> = self.word(&opts::FORMAT, &Format::WORDS)?.into_iter().collect();
        for (opt, format) in
            [(&opts::JSON, Format::Json), (&opts::SHELL, Format::Env), (&opts::SHORT, Format::Secret)]
        {
            if self.has(opt) && !asked.contains(&format) {
                asked.push(format);
            }
        }
        let default = if on_terminal { Format::Table } else { Format::Ndjson };
        let format = match asked[..] {
            [] => default,
            [format] => format,
            _ => return Err(Error::usage("more than one format is asked for")),
        };
        if self.has(&opts::DRY_RUN) && matches!(format, Format::Secret | Format::Env) {
            return Err(Error::usage("-n makes no secrets: leave out -S and --shell"));
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
