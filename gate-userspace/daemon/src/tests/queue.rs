use super::{event, numbered, queue, run};
use crate::queue::{MAX_REPORT, MAX_REPORTS};
use crate::{Active, Health};
use gate_ipc::MAX_BATCH;
use gate_record::{Event, Report};
use gate_statements::BundleDigest;
use std::time::Duration;

fn losses(reports: &[Vec<u8>]) -> Vec<(String, u64)> {
    let losses = reports.iter().filter_map(|report| match event(report) {
        Event::Loss { what, count, .. } => Some((what, count)),
        _ => None,
    });
    losses.collect()
}

#[test]
fn reports_come_in_order_and_in_bounded_batches() {
    run(async {
        let (reporter, mut reports) = queue();
        (0..600).for_each(|number| reporter.report(numbered(number)));
        let mut next = 0;
        for size in [256, 256, 88] {
            let batch = reports.next().await;
            assert_eq!(batch.reports().len(), size);
            for report in batch.reports() {
                assert_eq!(event(report), numbered(next));
                next += 1;
            }
            batch.recorded();
        }
        assert!(reports.is_empty());
    });
}

#[test]
fn large_reports_make_smaller_batches() {
    run(async {
        let (reporter, mut reports) = queue();
        let large = || Event::Mismatch { found: "x".repeat(10_000) };
        (0..64).for_each(|_| reporter.report(large()));
        let batch = reports.next().await;
        let request = gate_ipc::messages::AuditRequest { reports: batch.reports().to_vec(), durable: false };
        assert!((2..64).contains(&batch.reports().len()));
        assert!(postcard::to_allocvec(&request).unwrap().len() <= gate_ipc::MAX_FRAME);
        batch.recorded();
    });
}

#[test]
fn a_report_names_the_bundle_in_force_when_it_was_made() {
    run(async {
        let (reporter, mut reports) = queue();
        reporter.report(numbered(0));
        reporter.set_active(Active { version: 7, bundle: Some(BundleDigest([0xab; 32])) });
        reporter.report(numbered(1));
        let batch = reports.next().await;
        let read: Vec<Report> = batch.reports().iter().map(|report| serde_json::from_slice(report).unwrap()).collect();
        assert_eq!((read[0].version, read[0].bundle.as_str()), (0, ""));
        assert_eq!((read[1].version, read[1].bundle.as_str()), (7, "ab".repeat(32).as_str()));
        batch.recorded();
    });
}

#[test]
fn a_full_spool_loses_counted_and_says_so_until_half_is_free() {
    run(async {
        let (reporter, mut reports) = queue();
        let room = MAX_REPORTS as u64;
        for number in 0..room {
            reporter.report(numbered(number));
        }
        assert!(reporter.accepts());
        (0..5).for_each(|_| reporter.report(numbered(1)));
        assert_eq!(reporter.health(), Health::Full { lost: 5 });
        assert!(!reporter.accepts());
        assert!(reporter.durable(numbered(1)).await.unwrap_err().why.contains("spool is full"));
        let (mut recorded, mut lost) = (0, Vec::new());
        while !reports.is_empty() {
            let batch = reports.next().await;
            lost.extend(losses(batch.reports()));
            recorded += batch.reports().len() as u64;
            let half_is_free = recorded >= room / 2;
            batch.recorded();
            assert_eq!(reporter.accepts(), half_is_free, "after {recorded}");
        }
        assert_eq!(lost, [("spool".to_owned(), 6)]);
        assert_eq!(recorded, room + 1);
        assert_eq!(reporter.health(), Health::Recording);
    });
}

#[test]
fn bytes_are_bounded_too() {
    run(async {
        let (reporter, _reports) = queue();
        let mut taken = 0_u64;
        while reporter.accepts() {
            reporter.report(Event::Mismatch { found: "x".repeat(14_000) });
            taken += 1;
        }
        assert!(taken < MAX_REPORTS as u64 / 10, "{taken} reports of 14,000 bytes");
    });
}

#[test]
fn a_report_that_fits_no_entry_is_counted() {
    run(async {
        let (reporter, mut reports) = queue();
        reporter.report(Event::Mismatch { found: "x".repeat(MAX_REPORT) });
        assert!(reporter.durable(Event::Mismatch { found: "x".repeat(MAX_REPORT) }).await.is_err());
        reporter.report(numbered(1));
        let batch = reports.next().await;
        assert_eq!(losses(batch.reports()), [("report too large".to_owned(), 2)]);
        assert_eq!(batch.reports().len(), 2);
        batch.recorded();
    });
}

#[test]
fn a_batch_that_is_dropped_is_lost_and_counted() {
    run(async {
        let (reporter, mut reports) = queue();
        (0..3).for_each(|number| reporter.report(numbered(number)));
        drop(reports.next().await);
        let batch = reports.next().await;
        assert_eq!(losses(batch.reports()), [("spool".to_owned(), 3)]);
        batch.recorded();
    });
}

#[test]
fn whoever_waits_learns_whether_it_is_recorded() {
    run(async {
        let (reporter, mut reports) = queue();
        let waiting = tokio::task::spawn_local({
            let reporter = reporter.clone();
            async move { reporter.durable(numbered(1)).await }
        });
        let batch = reports.next().await;
        assert!(batch.is_durable());
        assert!(!waiting.is_finished());
        batch.recorded();
        assert_eq!(waiting.await.unwrap(), Ok(()));
        let waiting = tokio::task::spawn_local(async move { reporter.durable(numbered(2)).await });
        let mut batch = reports.next().await;
        batch.postponed("no space left");
        assert!(waiting.await.unwrap().unwrap_err().why.contains("no space left"));
        // It is still to be recorded, and nobody waits for it.
        assert!(!batch.is_durable());
        assert_eq!(batch.reports().len(), 1);
        batch.recorded();
    });
}

#[test]
fn several_threads_report() {
    run(async {
        let (reporter, mut reports) = queue();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let reporter = reporter.clone();
                std::thread::spawn(move || (0..2_500).for_each(|number| reporter.report(numbered(number))))
            })
            .collect();
        let mut count = 0;
        while count < 10_000 {
            let batch = reports.next().await;
            assert!(batch.reports().len() <= MAX_BATCH);
            count += batch.reports().len();
            batch.recorded();
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(reports.is_empty());
    });
}

#[test]
fn a_report_that_fits_no_entry_only_once_it_is_encoded_is_counted_too() {
    run(async {
        let (reporter, mut reports) = queue();
        let waiting = tokio::task::spawn_local({
            let reporter = reporter.clone();
            // Each takes two bytes in JSON.
            async move { reporter.durable(Event::Mismatch { found: "\"".repeat(MAX_REPORT - 1_000) }).await }
        });
        tokio::task::yield_now().await;
        reporter.report(numbered(1));
        let batch = reports.next().await;
        assert_eq!(event(&batch.reports()[0]), numbered(1));
        assert!(waiting.await.unwrap().unwrap_err().why.contains("too large"));
        batch.recorded();
        let batch = reports.next().await;
        assert_eq!(losses(batch.reports()), [("report too large".to_owned(), 1)]);
        batch.recorded();
        assert!(reports.is_empty());
    });
}

#[test]
fn reports_are_gathered_unless_somebody_waits_for_one() {
    run(async {
        // On a busy machine five milliseconds may take longer than the gathering.
        tokio::time::pause();
        let (reporter, mut reports) = queue();
        // While nobody takes them, as while a batch is on its way.
        reporter.report(numbered(1));
        let late = tokio::task::spawn_local({
            let reporter = reporter.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                reporter.report(numbered(2));
            }
        });
        let batch = reports.next().await;
        assert_eq!(batch.reports().len(), 2);
        batch.recorded();
        late.await.unwrap();
        reporter.report(numbered(3));
        let mut next = std::pin::pin!(reports.next());
        let others = async || {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = &mut next => panic!("nothing was gathered"),
            () = others() => {}
        }
        let strict = tokio::task::spawn_local(async move { reporter.durable(numbered(4)).await });
        let batch = tokio::select! {
            biased;
            batch = &mut next => batch,
            () = others() => panic!("it goes on gathering"),
        };
        assert_eq!(batch.reports().len(), 2);
        batch.recorded();
        assert_eq!(strict.await.unwrap(), Ok(()));
    });
}

fn versions(reports: &[Vec<u8>]) -> Vec<u64> {
    reports.iter().map(|report| serde_json::from_slice::<Report>(report).unwrap().version).collect()
}

#[test]
fn a_local_reporter_hands_over_in_order_what_it_gathered() {
    run(async {
        let (reporter, mut reports) = queue();
        let local = reporter.local();
        local.report(numbered(0));
        assert!(reports.is_empty());
        // A bundle that is put into force meanwhile is named by what is reported after it, not before.
        reporter.set_active(Active { version: 7, bundle: Some(BundleDigest([0xab; 32])) });
        local.report(numbered(1));
        let batch = reports.next().await;
        assert_eq!((event(&batch.reports()[0]), event(&batch.reports()[1])), (numbered(0), numbered(1)));
        assert_eq!(versions(batch.reports()), [0, 7]);
        batch.recorded();
        // Many are handed over without waiting, the last ones when the thread lets go.
        (0..70).for_each(|number| local.report(numbered(number)));
        assert!(!reports.is_empty());
        drop(local);
        let batch = reports.next().await;
        assert_eq!(batch.reports().len(), 70);
        batch.recorded();
    });
}

#[test]
fn a_local_reporter_loses_counted_when_the_spool_is_full() {
    run(async {
        let (reporter, mut reports) = queue();
        let local = reporter.local();
        let mut taken = 0;
        while local.accepts() {
            local.report(numbered(taken));
            taken += 1;
        }
        // What was gathered before it was known that there is no room exceeds the room.
        assert!((MAX_REPORTS as u64..=MAX_REPORTS as u64 + 64).contains(&taken), "{taken}");
        (0..5).for_each(|_| local.report(numbered(1)));
        assert_eq!(reporter.health(), Health::Full { lost: 5 });
        let (mut recorded, mut lost) = (0, Vec::new());
        while !reports.is_empty() {
            let batch = reports.next().await;
            lost.extend(losses(batch.reports()));
            recorded += batch.reports().len() as u64;
            batch.recorded();
        }
        assert_eq!((recorded, lost), (taken + 1, vec![("spool".to_owned(), 5)]));
    });
}
