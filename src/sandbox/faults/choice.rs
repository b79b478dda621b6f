//! Which fault hits a request.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::sandbox::account::mint::Mint;
use crate::sandbox::faults::spec::{Fault, What};

/// What is to go wrong with one request.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Picked {
    pub(in crate::sandbox) what: Option<What>,
    /// By how much the answer is late.
    pub(in crate::sandbox) late: Duration,
    /// The specifications of the faults that fired.
    pub(in crate::sandbox) specs: Vec<String>,
}

/// The faults of a running server, with what they have seen.
#[derive(Debug)]
pub(in crate::sandbox) struct Faults(Mutex<Vec<Armed>>);

#[derive(Debug)]
struct Armed {
    fault: Fault,
    seen: u64,
    fired: u64,
    dice: Mint,
}

impl Faults {
    pub(in crate::sandbox) fn new(faults: &[Fault], seed: u64) -> Faults {
        let arm = |(n, fault): (usize, &Fault)| Armed {
            fault: fault.clone(),
            seen: 0,
            fired: 0,
            dice: Mint::salted(seed, &format!("fault {n}")),
        };
        Faults(Mutex::new(faults.iter().enumerate().map(arm).collect()))
    }

    /// What goes wrong with a request.
    pub(in crate::sandbox) fn pick(&self, method: &str, path: &str) -> Picked {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut picked = Picked::default();
        for armed in faults.iter_mut().filter(|armed| armed.fault.matches(method, path)) {
            if !armed.fires() {
                continue;
            }
            picked.specs.push(armed.fault.spec.clone());
            match &armed.fault.what {
                What::Slow(time) => picked.late += *time,
                what => {
                    picked.what = Some(what.clone());
                    break;
                }
            }
        }
        picked
    }
}

impl Armed {
    fn fires(&mut self) -> bool {
        self.seen += 1;
        if self.seen <= self.fault.after || self.fired >= self.fault.count {
            return false;
        }
        let fires = self.fault.chance.is_none_or(|p| self.dice.fraction() < p);
        self.fired += u64::from(fires);
        fires
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(spec: &str) -> Fault {
        spec.parse().unwrap()
    }

    #[test]
    fn faults_fire_as_often_as_they_should_and_in_order() {
        let list = [fault("slow:ms=1"), fault("500@GET:after=1:count=2"), fault("503:count=1")];
        let faults = Faults::new(&list, 0);
        let fired = || {
            let picked = faults.pick("GET", "/");
            assert_eq!(picked.late, Duration::from_millis(1));
            picked.specs.get(1).cloned().unwrap_or_default()
        };
        let five: Vec<String> = (0..5).map(|_| fired()).collect();
        let (five_hundred, unavailable) = ("500@GET:after=1:count=2", "503:count=1");
        assert_eq!(five, [unavailable, five_hundred, five_hundred, "", ""]);
    }

    #[test]
    fn chance_comes_from_the_seed() {
        let draw = |seed| -> Vec<bool> {
            let faults = Faults::new(&[fault("cut:p=0.3")], seed);
            (0..1000).map(|_| faults.pick("GET", "/").what.is_some()).collect()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let hits = draw(1).into_iter().filter(|hit| *hit).count();
        assert!((200..400).contains(&hits), "{hits}");
    }
}
