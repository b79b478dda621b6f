//! An account in a sandbox, and the folder in which its commands run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use oauth_tools::sandbox::{Server, Settings};
use serde_json::Value;

use super::{Folder, Line, Ran, path, start, text};

/// A sandbox, and a folder in which commands run.
pub(crate) struct Account {
    pub(crate) server: Server,
    pub(crate) folder: Folder,
}

impl Account {
    /// The built-in account of the sandbox.
    pub(crate) fn new() -> Account {
        Account::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Account {
        Account::start(|_| settings)
    }

    fn start(settings: impl FnOnce(&Path) -> Settings) -> Account {
        let folder = Folder::new();
        std::fs::create_dir(folder.join("home")).expect("a home");
        Account { server: start(settings(&folder)), folder }
    }

    /// An account that is saved with its secrets to the file `state` of its folder.
    pub(crate) fn kept(settings: Settings) -> Account {
        Account::start(|folder| Settings { state: Some(folder.join("state")), ..settings })
    }

    /// An account made of records.
    pub(crate) fn of(records: &[&str]) -> Account {
        let load = Some(records.iter().map(|r| (*r).to_owned()).collect());
        Account::with(Settings { load, ..Settings::default() })
    }

    /// Runs a line of sh(1), with nothing on its standard input.
    pub(crate) fn sh(&self, line: &str) -> Ran {
        self.line("sh", line).run(b"")
    }

    /// Runs a line of bash(1) that fails where any part of a pipeline fails.
    pub(crate) fn bash(&self, line: &str) -> Ran {
        self.line("bash", &format!("set -o pipefail; {line}")).run(b"")
    }

    /// Runs a line of sh(1) that reads `input`.
    pub(crate) fn feed(&self, line: &str, input: impl AsRef<[u8]>) -> Ran {
        self.line("sh", line).run(input.as_ref())
    }

    /// A line of a shell, in the account's folder, with nothing but the account in its environment.
    pub(crate) fn line(&self, shell: &str, line: &str) -> Line {
        let mut command = Command::new(shell);
        command
            .args(["-c", line])
            .current_dir(&*self.folder)
            .env_clear()
            .env("PATH", path())
            .env("HOME", self.folder.join("home"))
            .env("HEROKU_HOST", self.server.url())
            .env("HEROKU_API_KEY", self.server.token());
        Line::new(format!("{shell} -c '{line}'"), command)
    }

    /// Everything that the account holds.
    pub(crate) fn holds(&self) -> Vec<Value> {
        self.server.dump().iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The objects of a kind.
    pub(crate) fn kind(&self, kind: &str) -> Vec<Value> {
        self.holds().into_iter().filter(|r| r["kind"] == kind).collect()
    }

    /// The ids of a kind, without a team's authorizations: those have a list of their own.
    pub(crate) fn ids(&self, kind: &str) -> BTreeSet<String> {
        self.kind(kind).iter().filter(|r| r["team"].is_null()).map(|r| text(&r["id"])).collect()
    }

    /// The object with that description or name.
    #[track_caller]
    pub(crate) fn named(&self, name: &str) -> Value {
        let is = |r: &Value| r["description"] == name || r["name"] == name;
        self.holds().into_iter().find(is).unwrap_or_else(|| panic!("the account holds no '{name}'"))
    }

    /// The id of the object with that description or name.
    #[track_caller]
    pub(crate) fn id(&self, name: &str) -> String {
        text(&self.named(name)["id"])
    }

    /// The object with that id, if there is one.
    pub(crate) fn get(&self, id: &str) -> Option<Value> {
        self.holds().into_iter().find(|r| r["id"] == id)
    }

    /// The number of requests of a method and endpoint, such as `GET /oauth/clients`.
    pub(crate) fn asked(&self, endpoint: &str) -> u64 {
        self.server.stats().requests(endpoint)
    }

    /// Every token, client secret and code in an account of [`Account::kept`].
    pub(crate) fn secrets(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for line in self.read("state").lines().skip(1) {
            collect(&serde_json::from_str(line).expect("JSON"), &mut found);
        }
        assert!(found.len() > 20, "there are secrets to be found");
        found
    }

    /// Everything that the account holds, without the seconds until expiry.
    pub(crate) fn state(&self) -> Vec<Value> {
        let mut all = self.holds();
        all.iter_mut().for_each(forget_seconds);
        all
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.folder.join(name), content).expect("written");
    }

    /// The path of a file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Reads a file of the folder.
    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }
}

/// Joins lines; each ends with a newline.
pub(crate) fn joined<'a>(lines: impl IntoIterator<Item = &'a String>) -> String {
    lines.into_iter().map(|line| format!("{line}\n")).collect()
}

fn forget_seconds(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("expires_in");
            members.values_mut().for_each(forget_seconds);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_seconds),
        _ => {}
    }
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(secret) if ["token", "secret", "code"].contains(&name.as_str()) => {
                        found.insert(secret.to_owned());
                    }
                    _ => collect(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}
