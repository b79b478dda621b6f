//! The tools: each has a table for its command line and a `run` function. Tools do not use each other.

pub mod diff;
pub mod ls;
pub mod mk;
pub mod patch;
pub mod rm;
pub mod rot;
pub mod run;
pub mod sandbox;
mod secret_option;
pub mod set;

use crate::cli::Tool;
use crate::cli::completions::{self, Shell};
use crate::record::kind::Kind;

/// Checks that a kind is one of those that a tool works on.
///
/// # Errors
/// A text that says what cannot be done to it: `a session cannot be rotated`.
fn only(kind: Kind, kinds: &[Kind], verb: &str) -> Result<(), String> {
    if kinds.contains(&kind) { Ok(()) } else { Err(format!("a {} cannot be {verb}", kind.noun())) }
}

/// The tables of all tools, in the order of their names.
pub const ALL: [&Tool; 9] = [
    &diff::TOOL,
    &ls::TOOL,
    &mk::TOOL,
    &patch::TOOL,
    &rm::TOOL,
    &rot::TOOL,
    &run::TOOL,
    &sandbox::TOOL,
    &set::TOOL,
];

/// Returns the completions of all tools for a shell.
pub fn completions(shell: Shell) -> String {
    completions::script(shell, &ALL)
}

#[cfg(test)]
mod tests {
    use super::{ALL, completions};
    use crate::cli::Opt;
    use crate::cli::completions::Shell;

    #[test]
    fn an_option_means_the_same_in_every_tool() {
        let mut known: Vec<&Opt> = Vec::new();
        for tool in ALL {
            let mut here: Vec<&str> = tool.all_opts().map(|o| o.long).collect();
            here.sort_unstable();
            here.dedup();
            assert_eq!(here.len(), tool.all_opts().count(), "{}: two options have the same name", tool.name);
            for opt in tool.all_opts() {
                for other in &known {
                    if other.long == opt.long {
                        assert_eq!(*other, opt, "{}", tool.name);
                    } else if opt.short.is_some() {
                        assert_ne!(
                            other.short, opt.short,
                            "{}: --{} and --{}",
                            tool.name, opt.long, other.long
                        );
                    }
                }
                known.push(opt);
            }
        }
    }

    #[test]
    fn completions_have_every_option_of_every_tool() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let text = completions(shell);
            for tool in ALL {
                assert!(text.contains(tool.name), "{shell:?}");
                for opt in tool.all_opts() {
                    let dashes = if shell == Shell::Fish { "-l " } else { "--" };
                    assert!(text.contains(&format!("{dashes}{}", opt.long)), "{shell:?} {}", opt.long);
                }
            }
        }
    }
}
