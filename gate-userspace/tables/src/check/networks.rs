//! An address has one network: the narrowest that holds it. That means something only where networks are apart, or one
//! holds the other whole.

use super::wrong;
use crate::{Network, Prefix, Tables, TablesError};
use std::collections::BTreeMap;

pub(super) fn check(tables: &Tables) -> Result<(), TablesError> {
    for network in &tables.networks {
        if network.addresses.is_empty() || !network.addresses.is_sorted_by(|a, b| a < b) {
            let name = &network.name;
            return wrong(format!("addresses of network {name} are not sorted, one is there twice, or there are none"));
        }
    }
    nested(&tables.networks)
}

/// Sorted by address and length, a block comes after those that hold it: each is compared with those only, so that tables
/// of thousands of networks cost no quadratic time.
fn nested(networks: &[Network]) -> Result<(), TablesError> {
    let of = |(place, network): (usize, &Network)| {
        network.addresses.iter().map(move |block| (*block, place)).collect::<Vec<_>>()
    };
    let mut blocks: Vec<(Prefix, usize)> = networks.iter().enumerate().flat_map(of).collect();
    blocks.sort_unstable();
    // How many blocks of the first lie in blocks of the second.
    let mut inside: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut around: Vec<(Prefix, usize)> = Vec::new();
    for (block, place) in blocks {
        around.retain(|(outer, _)| outer.holds(&block));
        for (outer, other) in &around {
            if *other == place {
                return wrong(format!("addresses of network {} overlap: {outer} holds {block}", name(networks, place)));
            }
            *inside.entry((place, *other)).or_default() += 1;
            if *outer == block {
                *inside.entry((*other, place)).or_default() += 1;
            }
        }
        around.push((block, place));
    }
    let whole = |inner: usize, outer: usize| {
        let count = networks.get(inner).map(|network| network.addresses.len());
        inside.get(&(inner, outer)).copied() == count
    };
    match inside.keys().find(|(inner, outer)| whole(*inner, *outer) == whole(*outer, *inner)) {
        None => Ok(()),
        Some((one, other)) => wrong(format!(
            "networks {} and {} overlap, and neither is inside the other",
            name(networks, *one.min(other)),
            name(networks, *one.max(other))
        )),
    }
}

fn name(networks: &[Network], place: usize) -> &str {
    networks.get(place).map(|network| network.name.as_str()).unwrap_or_default()
}
