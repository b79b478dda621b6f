//! oauth-rm: see oauth-rm(1).

fn main() -> std::process::ExitCode {
    oauth_tools::main(&oauth_tools::tools::rm::TOOL, oauth_tools::tools::rm::run)
}
