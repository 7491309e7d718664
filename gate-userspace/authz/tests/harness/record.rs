//! In gate-audit's place: takes every report and keeps it for the test to look at.

use super::stand_in::StandIn;
use super::wire::Wire;
use gate_ipc::messages::{AuditReply, AuditRequest};
use gate_record::{Event, Report};
use rustix::net::{SocketFlags, accept_with};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
pub struct Recorder {
    reports: Arc<Mutex<Vec<Report>>>,
}

impl Recorder {
    /// Takes reports on a listening socket, as long as the test runs.
    pub fn serve(listener: OwnedFd, keeper: StandIn) -> Self {
        let recorder = Self::default();
        let taking = recorder.clone();
        std::thread::spawn(move || {
            let _keeper = keeper;
            while let Ok(socket) = accept_with(&listener, SocketFlags::CLOEXEC) {
                let recorder = taking.clone();
                std::thread::spawn(move || recorder.take(&Wire::from_socket(socket, None)));
            }
        });
        recorder
    }

    fn take(&self, wire: &Wire) {
        while let Some(AuditRequest { reports, .. }) = wire.receive() {
            let reports = reports.iter().map(|report| serde_json::from_slice(report).unwrap());
            let mut all = self.reports.lock().unwrap();
            all.extend(reports);
            let size = all.len() as u64;
            drop(all);
            wire.send(&AuditReply::Recorded { size }, &[]);
        }
    }

    /// The first reported event that fits, as soon as there is one.
    pub fn find(&self, what: &str, fits: impl Fn(&Event) -> bool) -> Event {
        let search = || {
            let reports = self.reports.lock().unwrap();
            reports.iter().map(|report| &report.event).find(|event| fits(event)).cloned()
        };
        super::try_until(search)
            .unwrap_or_else(|| panic!("{what} was not recorded in time; rejected was {:?}", self.rejections()))
    }

    /// The text of the first rejection that contains this.
    pub fn rejection(&self, text: &str) -> String {
        let event = self.find(text, |event| matches!(event, Event::Rejected { found, .. } if found.contains(text)));
        let Event::Rejected { socket, peer, found } = event else { unreachable!() };
        format!("{socket}: {peer}: {found}")
    }

    /// Every rejection so far, for messages of failed tests.
    pub fn rejections(&self) -> Vec<String> {
        let reports = self.reports.lock().unwrap();
        let found = reports.iter().filter_map(|report| match &report.event {
            Event::Rejected { found, .. } => Some(found.clone()),
            _ => None,
        });
        found.collect()
    }

    pub fn count(&self, fits: impl Fn(&Event) -> bool) -> usize {
        self.reports.lock().unwrap().iter().filter(|report| fits(&report.event)).count()
    }
}
