//! Prints the completion script of all tools for a shell: `cargo run --example completions -- bash`.

use std::io::Write;
use std::process::ExitCode;

use oauth_tools::parts::Shell;
use oauth_tools::tools::completions as script;

fn main() -> ExitCode {
    let shell = match std::env::args().nth(1).as_deref() {
        Some("bash") => Shell::Bash,
        Some("zsh") => Shell::Zsh,
        Some("fish") => Shell::Fish,
        _ => return ExitCode::from(2),
    };
    match std::io::stdout().write_all(script(shell).as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
