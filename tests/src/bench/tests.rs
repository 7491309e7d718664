use super::{cpu::Used, figures::Series, many, profile, turns, wrk};
use crate::Policy;
use gate_policy::{PolicySource, compile};
use std::{collections::BTreeSet, time::Duration};

#[test]
fn the_median_is_the_middle_and_not_the_mean() {
    let series = |values: &[f64]| values.iter().copied().collect::<Series>();
    assert_eq!(series(&[9.0, 1.0, 2.0]).median(), 2.0);
    assert_eq!(series(&[4.0, 1.0, 2.0, 100.0]).median(), 3.0);
    assert_eq!(series(&[]).median(), 0.0);
}

#[test]
fn a_ratio_is_taken_round_by_round() {
    let with: Series = [10.0, 200.0, 12.0].into_iter().collect();
    let without: Series = [10.0, 100.0, 10.0].into_iter().collect();
    assert_eq!(with.over(&without).median(), 1.2);
}

#[test]
fn everybody_has_a_turn_and_begins_once() {
    let rounds: Vec<Vec<usize>> = (0..3).map(|round| turns::order(round, 3).collect()).collect();
    assert_eq!(rounds, [[0, 1, 2], [1, 2, 0], [2, 0, 1]]);
}

#[test]
fn processor_time_is_read_from_cpu_stat() {
    let text = "usage_usec 30\nuser_usec 10\nsystem_usec 20\nnice_usec 1\n";
    let used = Used { user: Duration::from_micros(10), system: Duration::from_micros(20) };
    assert_eq!(Used::parse(text), Some(used));
    assert_eq!(Used::parse("usage_usec 30\n"), None);
}

#[test]
fn what_failed_is_not_a_request_like_others() {
    let good = "Running 1s test\n  35000 requests in 1.00s, 5.00MB read\nRequests/sec:  35000.00\n";
    assert_eq!(wrk::parse(good), Some(wrk::Load { requests: 35_000, failed: 0 }));
    let bad = "  120 requests in 1.10s, 1.00MB read\n  Socket errors: connect 1, read 2, write 0, timeout 4\n  \
               Non-2xx or 3xx responses: 100\n";
    assert_eq!(wrk::parse(bad), Some(wrk::Load { requests: 120, failed: 107 }));
    assert_eq!(wrk::parse("unable to connect"), None);
}

#[test]
fn a_profile_is_sorted_and_its_symbols_are_whole() {
    let text = "# comment\n\n   2.50%^gate-audit^[kernel.kallsyms]^[k] fsync   ^-   ^-\n\
                  10.00%^worker-0^gate-proxy^[.] <[u8. 4] as c::D>::e;f   ^-  ^-\n 1%^worker-0^gate-proxy^[.] g^-^-\n";
    let lines = profile::parse(text);
    assert_eq!(lines.len(), 3);
    assert_eq!((lines[0].share, lines[0].symbol.as_str()), (10.0, "<[u8. 4] as c::D>::e;f"));
    assert_eq!((lines[1].thread.as_str(), lines[1].symbol.as_str()), ("gate-audit", "fsync"));
    let objects = [("worker-0 in gate-proxy".to_owned(), 11.0), ("gate-audit in [kernel.kallsyms]".to_owned(), 2.5)];
    assert_eq!(profile::objects(&lines), objects);
}

#[test]
fn a_grown_policy_has_exactly_so_many_rules_of_different_pairs() {
    for count in [10, 1_000] {
        let directory = std::env::temp_dir().join(format!("gate-bench-many-{}-{count}", std::process::id()));
        many::rules(Policy::shop("").unwrap(), count).write(&directory).unwrap();
        let files = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap());
        let files = files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()));
        let files: Vec<_> = files.collect();
        std::fs::remove_dir_all(&directory).unwrap();
        let source = PolicySource::from_files(files).unwrap();
        let tables = compile(&source, None).unwrap().tables;
        assert_eq!(tables.rules.len(), count);
        // The shop's forbid reaches nothing.
        assert_eq!(tables.reach.len(), count - 1);
    }
    let pairs: BTreeSet<_> = (0..10_000).map(many::pair).collect();
    assert_eq!(pairs.len(), 10_000);
}
