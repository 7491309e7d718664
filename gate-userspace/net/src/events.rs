//! What the kernel tells: verdicts through the ring buffer, losses through counters.

use crate::{Service, describe, maps::Maps};
use aya::maps::{MapData, RingBuf};
use gate_common::event::{Counter, FlowEvent};
use gate_record::Event;
use std::{io, rc::Rc, time::Duration};

/// How often the ring buffer is looked at: what a denial waits at most before it is on its way to the log.
const LOOK: Duration = Duration::from_millis(50);

/// How often counters are read.
const PERIOD: Duration = Duration::from_secs(1);

/// Counters that mean a loss or a fault, and what they count.
const LOSSES: [(Counter, &str); 5] = [
    (Counter::EventsLost, "ring buffer"),
    (Counter::EventsSuppressed, "event budget"),
    (Counter::TagsLost, "tag table"),
    (Counter::CgroupsLost, "cgroup table"),
    (Counter::Faults, "socket state"),
];

/// Reports every verdict, until it is dropped. The kernel does not wake this process: that would be an interrupt in the
/// way of each connection. The buffer holds far more than what comes in one [`LOOK`].
pub(crate) async fn report_verdicts(service: Rc<Service>, mut events: RingBuf<MapData>) {
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        while let Some(item) = events.next() {
            match <&[u8; FlowEvent::SIZE]>::try_from(&*item) {
                Ok(bytes) => service.report_flow(&FlowEvent::from_bytes(bytes)),
                Err(_) => service.note("the kernel sent an event of another size"),
            }
        }
    }
}

/// Reports losses, clears away grants that have ended and follows the wall clock, until it is dropped.
pub(crate) async fn keep_house(service: Rc<Service>) {
    let mut last = Vec::new();
    let mut period = tokio::time::interval(PERIOD);
    loop {
        period.tick().await;
        service.remove_ended_grants();
        service.follow_the_clock();
        match service.with_maps(Maps::counters) {
            Ok(now) => {
                report_losses(&service, &last, &now);
                last = now;
            }
            Err(error) => service.note(&error.to_string()),
        }
    }
}

fn report_losses(service: &Service, last: &[u64], now: &[u64]) {
    for (counter, what) in LOSSES {
        let index = counter as usize;
        let count = now.get(index).copied().unwrap_or(0).saturating_sub(last.get(index).copied().unwrap_or(0));
        if count > 0 {
            service.report(Event::Loss { what: what.into(), source: String::new(), count });
        }
    }
}

impl Service {
    fn report_flow(&self, event: &FlowEvent) {
        self.report(self.with_tables(|tables| describe::flow(tables, event)));
    }
}

/// Starts both.
pub(crate) fn watch(service: Rc<Service>, events: RingBuf<MapData>) -> io::Result<Vec<tokio::task::JoinHandle<()>>> {
    Ok(vec![
        tokio::task::spawn_local(report_verdicts(Rc::clone(&service), events)),
        tokio::task::spawn_local(keep_house(service)),
    ])
}
