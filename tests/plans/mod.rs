//! What a script does to a copy of an account, a plan does to the account: for random accounts and random scripts of
//! our own tools, the account ends in the state that the rehearsal ended in, secrets aside, and the plan applied a
//! second time changes nothing.
//!
//! `OAUTH_TOOLS_PLANS=1000` sets how many, `OAUTH_TOOLS_PLAN=17` runs one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use oauth_tools::sandbox::Settings;
use serde_json::Value;

use crate::common::{Account, Ran, side_by_side, text_at};

/// How many plans are tried without a wish for more.
const PLANS: u64 = 60;
/// How far apart an expiry may be, in seconds: the lifetime is counted from the moment of the request.
const LATE: i64 = 120;

/// A small random sequence: splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn one<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }
}

/// Names, some of which are dangerous in formats, and of which few are different: many objects look the same.
const NAMES: [&str; 6] = ["ci", "terraform", "a \"b\", c", "=1+1", "\u{591c}\u{9593}", "two\nlines"];
const SCOPES: [&str; 4] = ["global", "read", "write,read", "identity"];

/// A line of a script: one change, to an object that is chosen by its place in the list.
fn line(dice: &mut Dice) -> String {
    let word = |text: &str| format!("'{text}'");
    let (name, scope) = (word(dice.one(&NAMES)), dice.one(&SCOPES));
    let url = format!("https://{}.example/cb", dice.one(&["a", "b", "c"]));
    let nth = 1 + dice.below(24);
    let id = |kind: &str| format!("$(oauth-ls {kind} -o id | sed -n {nth}p)");
    let client = format!("$(oauth-ls client -o id | sed -n {}p)", 1 + dice.below(6));
    match dice.below(15) {
        0 => format!("oauth-mk authz -d {name} -s {scope}"),
        1 => format!("oauth-mk authz -d {name} -s {scope} -e 30d"),
        2 => format!("oauth-mk client {name} {url}"),
        3 => format!("oauth-mk authz -d {name} -s {scope} --client-id {client}"),
        4 | 5 => format!("oauth-rm authz {}", id("authz")),
        6 => format!("oauth-rm client {client}"),
        7 => format!("oauth-rm session $(oauth-ls session -o id | sed -n {}p)", 1 + dice.below(4)),
        8 => format!("oauth-set authz -d {name} {}", id("authz")),
        9 => format!("oauth-set client --name {name} --url {url} {client}"),
        10 => format!("oauth-rot authz {}", id("authz")),
        11 => format!("oauth-rot --replace authz {}", id("authz")),
        12 | 13 => {
            let new = format!("id=$(oauth-mk client {name} {url} -o id)");
            format!("{new} && oauth-mk authz -d {name} -s {scope} --client-id $id")
        }
        _ => format!("oauth-rot --replace --exec true authz {}", id("authz")),
    }
}

/// What is compared of an object: everything but its secrets, its dates, the seconds left, and the id of a client that is
/// not an old one.
fn essence(record: &Value, old: &BTreeSet<String>) -> String {
    let texts = |member: &str| -> BTreeSet<String> {
        let items = record[member].as_array().into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let kind = text_at(record, "/kind");
    let client = &record["client"];
    let client_id = client["id"].as_str().filter(|id| old.contains(*id));
    format!(
        "{kind} {} {} {} {} {:?} {client_id:?} {} {} {}",
        record["status"],
        record["description"],
        record["name"],
        record["redirect_uri"],
        texts("scope"),
        client["name"],
        client["redirect_uri"],
        record["access_token"].is_null(),
    )
}

/// When an object expires, in seconds since 1970. An unused code expires soon after it is made, whenever that is, and the
/// API does not tell when an object expired.
fn expiry(record: &Value) -> Option<i64> {
    let is_code = record["access_token"].is_null() && !record["client"].is_null();
    let at = oauth_tools::parts::parse_rfc3339(&text_at(record, "/expires_at"));
    at.filter(|_| !is_code && record["status"] != "expired")
}

fn parsed(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Says how two states differ, if they do. Objects from before have their ids; others may have any.
fn difference(before: &[Value], wanted: &[Value], found: &[Value]) -> Result<(), String> {
    let old: BTreeSet<String> = before.iter().map(|r| text_at(r, "/id")).collect();
    let sorted = |records: &[Value]| {
        let mut map: BTreeMap<(String, String), Vec<Option<i64>>> = BTreeMap::new();
        for record in records.iter().filter(|r| r["team"].is_null()) {
            let id = Some(text_at(record, "/id")).filter(|id| old.contains(id)).unwrap_or_default();
            map.entry((id, essence(record, &old))).or_default().push(expiry(record));
        }
        map.values_mut().for_each(|ends| ends.sort_unstable());
        map
    };
    let (wanted, found) = (sorted(wanted), sorted(found));
    for key in wanted.keys().chain(found.keys()) {
        let (a, b) =
            (wanted.get(key).cloned().unwrap_or_default(), found.get(key).cloned().unwrap_or_default());
        let close = |(a, b): (&Option<i64>, &Option<i64>)| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() <= LATE,
            _ => a == b,
        };
        if a.len() != b.len() || !a.iter().zip(&b).all(close) {
            return Err(format!("{key:?}: {a:?} in the rehearsal, {b:?} in the account"));
        }
    }
    Ok(())
}

/// The numbers of lines of all plans, by their changes.
type Counts = BTreeMap<String, usize>;

fn ended(ran: &Ran, statuses: &[i32]) -> Result<(), String> {
    match statuses.contains(&ran.status) {
        true => Ok(()),
        false => Err(format!("{ran}")),
    }
}

fn rehearse(seed: u64) -> Result<Counts, String> {
    let mut dice = Dice(seed);
    let account = Account::with(Settings { authz: dice.below(12) as usize, seed, ..Settings::default() });
    let lines: Vec<String> = (0..1 + dice.below(9)).map(|_| line(&mut dice)).collect();
    let script = lines.join(" -o id || :\n") + " -o id || :\n";
    account.write("script", &script);
    // Objects that look the same are there from the beginning too.
    account.write(
        "first",
        (0..dice.below(4)).map(|_| "oauth-mk authz -d ci -s read -o id\n").collect::<String>(),
    );
    account.sh("sh ./first").succeeds();
    account.sh("oauth-ls --marks > account").succeeds();
    account.sh("oauth-sandbox --load account --dump after sh ./script 2>/dev/null");
    ended(&account.sh("oauth-diff account after > plan"), &[0, 1])?;
    let (before, wanted) = (parsed(&account.read("account")), parsed(&account.read("after")));
    let told =
        |what: String| format!("plan {seed}: {what}\nscript:\n{script}plan:\n{}", account.read("plan"));
    let dry = account.sh("oauth-patch -n --remove < plan");
    difference(&before, &before, &account.holds()).map_err(told)?;
    if dry.status == 1 && dry.err.contains("several lines make its client") {
        // Two new clients look the same, and an authorization is for one of them.
        return Ok(Counts::from([("refused".to_owned(), 1)]));
    }
    ended(&dry, &[0]).map_err(told)?;
    ended(&account.sh("oauth-patch --remove -P 4 < plan"), &[0]).map_err(told)?;
    difference(&before, &wanted, &account.holds()).map_err(told)?;
    let (state, applied) = (account.state(), account.server.stats().applied);
    ended(&account.sh("oauth-patch --remove < plan"), &[0]).map_err(told)?;
    if account.state() != state || account.server.stats().applied != applied {
        return Err(told("the second run changed something".to_owned()));
    }
    let mut counts = Counts::new();
    let plan = parsed(&account.read("plan"));
    let new: BTreeSet<String> = plan
        .iter()
        .filter(|r| r["kind"] == "client" && r["change"] == "added")
        .map(|r| text_at(r, "/id"))
        .collect();
    for record in plan {
        let is_for_new =
            record["change"] == "added" && record["client"]["id"].as_str().is_some_and(|id| new.contains(id));
        if is_for_new {
            *counts.entry("for a new client".to_owned()).or_default() += 1;
        }
        *counts.entry(text_at(&record, "/change")).or_default() += 1;
    }
    Ok(counts)
}

#[test]
fn a_plan_does_to_the_account_what_a_script_did_to_its_copy() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let seeds: Vec<u64> = match number("OAUTH_TOOLS_PLAN") {
        Some(seed) => vec![seed],
        None => (0..number("OAUTH_TOOLS_PLANS").unwrap_or(PLANS)).collect(),
    };
    let results = side_by_side(&seeds, 4, |seed| rehearse(*seed));
    let (mut counts, mut wrong) = (Counts::new(), Vec::new());
    for result in results {
        match result {
            Ok(found) => found.into_iter().for_each(|(change, n)| *counts.entry(change).or_default() += n),
            Err(what) => wrong.push(what),
        }
    }
    let line = format!("plans: {}, {} wrong; lines: {counts:?}\n", seeds.len(), wrong.len());
    // Directly: the test harness hides the output of passing tests.
    let _ = std::io::stderr().write_all(line.as_bytes());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), seeds.len(), wrong.join("\n"));
    assert!(seeds.len() == 1 || counts.get("for a new client").is_some_and(|n| *n > 0), "{line}");
}
