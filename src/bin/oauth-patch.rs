//! oauth-patch: see oauth-patch(1).

fn main() -> std::process::ExitCode {
    oauth_tools::main(&oauth_tools::tools::patch::TOOL, oauth_tools::tools::patch::run)
}
