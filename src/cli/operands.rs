//! Parses the operands `[KIND] [ID...] [-]`.

use crate::base::error::Error;
use crate::base::text;
use crate::cli::Args;
use crate::record::kind::Kind;

/// The operands of a tool that works on objects.
#[derive(Debug, Default)]
pub(crate) struct Operands {
    /// The kind that the first operand names, if it does.
    pub(crate) kind: Option<Kind>,
    /// The other operands.
    pub(crate) others: Vec<String>,
    /// True if the last operand is `-`: records come from standard input.
    pub(crate) stdin: bool,
}

impl Operands {
    /// Parses operands of which the first may be a kind.
    ///
    /// # Errors
    /// A usage error if the first operand is a misspelled kind, or ids are given as well as `-`.
    pub(crate) fn read(args: &Args) -> Result<Operands, Error> {
        let operands = Operands::split(args)?;
        match operands.others.first() {
            Some(first) if operands.kind.is_none() => {
                let words = Kind::ALL.iter().flat_map(|k| k.words()).copied();
                match text::nearest(first, words) {
                    Some(near) => {
                        Err(Error::usage(format!("unknown kind '{first}'; did you mean '{near}'?")))
                    }
                    None => operands.checked(),
                }
            }
            _ => operands.checked(),
        }
    }

    /// Parses operands of which the first, if there is one, must be a kind.
    ///
    /// # Errors
    /// A usage error if the first operand is not a kind, or ids are given as well as `-`.
    pub(crate) fn read_kind_first(args: &Args) -> Result<Operands, Error> {
        let operands = Operands::split(args)?;
        match operands.others.first() {
            Some(first) if operands.kind.is_none() => Err(Kind::parse(first)
                .map_or_else(Error::usage, |_| Error::usage(format!("unexpected argument '{first}'")))),
            _ => operands.checked(),
        }
    }

    fn split(args: &Args) -> Result<Operands, Error> {
        let mut others = args.texts()?;
        let stdin = others.pop_if(|last| last == "-").is_some();
        let kind = others.first().and_then(|first| Kind::named(first));
        if kind.is_some() {
            others.remove(0);
        }
        Ok(Operands { kind, others, stdin })
    }

    fn checked(self) -> Result<Operands, Error> {
        match self.stdin && !self.others.is_empty() {
            true => Err(Error::usage("with -, everything comes from standard input")),
            false => Ok(self),
        }
    }
}
