//! oauth-sandbox: see oauth-sandbox(1).

fn main() -> std::process::ExitCode {
    oauth_tools::main(&oauth_tools::tools::sandbox::TOOL, oauth_tools::tools::sandbox::run)
}
