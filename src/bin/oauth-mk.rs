//! oauth-mk: see oauth-mk(1).

fn main() -> std::process::ExitCode {
    oauth_tools::main(&oauth_tools::tools::mk::TOOL, oauth_tools::tools::mk::run)
}
