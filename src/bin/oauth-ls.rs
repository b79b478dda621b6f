//! oauth-ls: see oauth-ls(1).

fn main() -> std::process::ExitCode {
    oauth_tools::main(&oauth_tools::tools::ls::TOOL, oauth_tools::tools::ls::run)
}
