//! Every operation against every fault, judged by the account in the end, the exit status and both streams.
//!
//! No cell has an expectation of its own: all follow from the rules in [`rules`].

mod judge;
mod ops;
mod rules;

use std::io::Write;

use crate::common::{faulty, objects, side_by_side, start};
use oauth_tools::sandbox::Settings;
use ops::{OPS, Op};
use rules::{FAULTS, Fault, Mode};

/// One cell, and what is wrong with it.
struct Cell {
    op: &'static Op,
    fault: &'static Fault,
    mode: Mode,
}

impl Cell {
    fn check(&self) -> Result<(), String> {
        let spec = match self.mode {
            Mode::Once => format!(
                "{}@{}{}:count=1:after={}",
                self.fault.what, self.op.at, self.fault.options, self.op.after
            ),
            Mode::ForEver => format!("{}@{}{}", self.fault.what, self.op.at, self.fault.options),
            Mode::Everywhere => format!("{}{}", self.fault.what, self.fault.options),
        };
        let server = start(Settings { authz: self.op.more, seed: 7, ..faulty(&[&spec]) });
        let before = objects(&server);
        let target = self.op.target(&before);
        // What passes has time to pass; what does not is soon given up.
        let retry_for = if self.mode == Mode::Once { "30" } else { "1" };
        let ran = self.op.run(&server, &target, retry_for);
        let cell =
            judge::Judged { op: self.op, target: &target, before: &before, server: &server, ran: &ran };
        let mut verdict = cell.judge(&rules::expect(self.op, self.fault, self.mode));
        if server.stats().fired(&spec) == 0 {
            verdict = Err("the fault never fired".to_owned());
        }
        verdict.map_err(|what| {
            format!(
                "{what}\n    status {:?}\n    stdout {:.300}\n    stderr {}",
                ran.status, ran.out, ran.err
            )
        })
    }
}

#[test]
fn every_operation_survives_every_fault() {
    let mut cells = Vec::new();
    for mode in [Mode::Once, Mode::ForEver, Mode::Everywhere] {
        for op in OPS {
            cells.extend(FAULTS.iter().map(|fault| Cell { op, fault, mode }));
        }
    }
    // Most cells do little but wait.
    let verdicts = side_by_side(&cells, 48, Cell::check);
    let wrong: Vec<String> = cells
        .iter()
        .zip(&verdicts)
        .filter_map(|(cell, verdict)| {
            let what = verdict.as_ref().err()?;
            Some(format!(
                "{} × {}{}, {:?}: {what}",
                cell.op.name, cell.fault.what, cell.fault.options, cell.mode
            ))
        })
        .collect();
    let score = format!("score: {} of {} cells right", cells.len() - wrong.len(), cells.len());
    // Not by println, which is only shown where a test fails.
    let _ = writeln!(std::io::stderr(), "{score}");
    assert!(wrong.is_empty(), "{score}\n{}", wrong.join("\n"));
}
