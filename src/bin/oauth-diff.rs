//! oauth-diff: see oauth-diff(1).

fn main() -> std::process::ExitCode {
    oauth_tools::main(&oauth_tools::tools::diff::TOOL, oauth_tools::tools::diff::run)
}
