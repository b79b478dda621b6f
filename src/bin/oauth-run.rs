//! oauth-run: see oauth-run(1).

fn main() -> std::process::ExitCode {
    oauth_tools::main(&oauth_tools::tools::run::TOOL, oauth_tools::tools::run::run)
}
