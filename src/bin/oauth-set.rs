//! oauth-set: see oauth-set(1).

fn main() -> std::process::ExitCode {
    oauth_tools::main(&oauth_tools::tools::set::TOOL, oauth_tools::tools::set::run)
}
