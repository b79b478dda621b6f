//! Chooses the fault that hits a request.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::sandbox::account::mint::Mint;
use crate::sandbox::faults::spec::{Fault, FaultKind};

/// The fault that hits one request.
#[derive(Debug, Default)]
pub(in crate::sandbox) struct Picked {
    pub(in crate::sandbox) kind: Option<FaultKind>,
    /// The time by which the response is delayed.
    pub(in crate::sandbox) delay: Duration,
    /// The specifications of the faults that fired, `slow` ones included.
    pub(in crate::sandbox) fired: Vec<String>,
}

/// The faults of a running server, with their counters.
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

    /// Chooses the fault for a request and counts it.
    pub(in crate::sandbox) fn pick(&self, method: &str, path: &str) -> Picked {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut picked = Picked::default();
        for armed in faults.iter_mut().filter(|armed| armed.fault.matches(method, path)) {
            if !armed.fires() {
                continue;
            }
            picked.fired.push(armed.fault.spec.clone());
            match &armed.fault.kind {
                FaultKind::Slow(time) => picked.delay += *time,
                kind => {
                    picked.kind = Some(kind.clone());
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
    fn faults_fire_in_order_and_as_often_as_their_keys_say() {
        let list = [fault("slow:ms=1"), fault("500@GET:after=1:count=2"), fault("503:count=1")];
        let faults = Faults::new(&list, 0);
        let fired = || {
            let picked = faults.pick("GET", "/");
            assert_eq!(picked.delay, Duration::from_millis(1));
            picked.fired.get(1).cloned().unwrap_or_default()
        };
        let five: Vec<String> = (0..5).map(|_| fired()).collect();
        let (five_hundred, unavailable) = ("500@GET:after=1:count=2", "503:count=1");
        assert_eq!(five, [unavailable, five_hundred, five_hundred, "", ""]);
    }

    #[test]
    fn the_seed_decides_which_requests_are_hit() {
        let draw = |seed| -> Vec<bool> {
            let faults = Faults::new(&[fault("cut:p=0.3")], seed);
            (0..1000).map(|_| faults.pick("GET", "/").kind.is_some()).collect()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let hits = draw(1).into_iter().filter(|hit| *hit).count();
        assert!((200..400).contains(&hits), "{hits}");
    }
}
