//! Finds tokens in netrc files, with the parser of the tools: reads a JSON object a line, with the members `host`, `port`
//! (a number or null) and `text`, and prints for each the token as JSON, or null. `conformance/netrc.sh` compares it with
//! other parsers.

use std::io::{self, BufRead, Write};

use oauth_tools::parts::password;
use serde_json::Value;

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line?)?;
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let port = case["port"].as_u64().and_then(|port| port.try_into().ok());
        let found = password(text("text"), text("host"), port);
        writeln!(out, "{}", Value::from(found))?;
    }
    out.flush()
}
