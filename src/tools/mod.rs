//! The tools: each a table of options and a `run`. Tools never import each other.

pub mod diff;
pub mod ls;
pub mod mk;
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

/// Every tool's table, in the order of their names.
pub const ALL: [&Tool; 8] =
    [&diff::TOOL, &ls::TOOL, &mk::TOOL, &rm::TOOL, &rot::TOOL, &run::TOOL, &sandbox::TOOL, &set::TOOL];

/// The completions of the whole suite for a shell.
pub fn completions(shell: Shell) -> String {
    completions::script(shell, &ALL)
}

#[cfg(test)]
mod tests {
    use super::{ALL, completions};
    use crate::cli::Opt;
    use crate::cli::completions::Shell;

    #[test]
    fn one_letter_and_one_name_mean_one_thing_in_the_whole_suite() {
        let mut known: Vec<&Opt> = Vec::new();
        for tool in ALL {
            let mut here: Vec<&str> = tool.all_opts().map(|o| o.long).collect();
            here.sort_unstable();
            here.dedup();
            assert_eq!(here.len(), tool.all_opts().count(), "{}: a name stands twice", tool.name);
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
    fn every_option_of_every_tool_is_in_every_shells_script() {
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
