//! oauth-rot: see oauth-rot(1).

fn main() -> std::process::ExitCode {
    oauth_tools::main(&oauth_tools::tools::rot::TOOL, oauth_tools::tools::rot::run)
}
