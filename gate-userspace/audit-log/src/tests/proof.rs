//! The published vectors of RFC 6962's reference implementation, and every small tree against the definition.

use crate::merkle::root_of;
use crate::proof::{self, Nodes, ProofError, verify_consistency, verify_inclusion};
use crate::{Hash, empty_root, leaf_hash, node_hash};
use std::convert::Infallible;

const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Nodes by the definition, from the leaves.
struct Leaves(Vec<Hash>);

impl Nodes for Leaves {
    type Error = Infallible;

    fn node(&mut self, height: u32, index: u64) -> Result<Hash, Infallible> {
        let width = 1 << height;
        Ok(defined_root(&self.0[index as usize * width..][..width]))
    }
}

/// `MTH` of RFC 6962, section 2.1, word for word.
fn defined_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&defined_root(left), &defined_root(right))
        }
    }
}

fn hash(text: &str) -> Hash {
    Hash(hex::decode(text).unwrap().try_into().unwrap())
}

fn reference() -> Leaves {
    Leaves(LEAVES.iter().map(|leaf| leaf_hash(&hex::decode(leaf).unwrap())).collect())
}

fn many(size: u8) -> Leaves {
    Leaves((0..size).map(|index| leaf_hash(&[index])).collect())
}

#[test]
fn roots_are_the_published_ones() {
    let mut leaves = reference();
    for (size, root) in ROOTS.iter().enumerate() {
        assert_eq!(proof::root(&mut leaves, size as u64), Ok(hash(root)), "{size} entries");
        assert_eq!(root_of(&leaves.0[..size]), hash(root), "{size} entries");
    }
}

#[test]
fn inclusion_proofs_are_the_published_ones() {
    let cases: [(u64, u64, &[&str]); 5] = [
        (0, 1, &[]),
        (
            0,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (
            1,
            5,
            &[
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    let mut leaves = reference();
    for (index, size, expected) in cases {
        let proof = proof::inclusion(&mut leaves, index, size).unwrap();
        assert_eq!(proof, expected.iter().map(|text| hash(text)).collect::<Vec<_>>(), "{index} of {size}");
    }
}

#[test]
fn consistency_proofs_are_the_published_ones() {
    let cases: [(u64, u64, &[&str]); 4] = [
        (1, 1, &[]),
        (
            1,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            &[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            &[
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    let mut leaves = reference();
    for (old, size, expected) in cases {
        let proof = proof::consistency(&mut leaves, old, size).unwrap();
        assert_eq!(proof, expected.iter().map(|text| hash(text)).collect::<Vec<_>>(), "{old} to {size}");
    }
}

#[test]
fn every_inclusion_proof_of_small_trees_holds_for_its_entry_alone() {
    let mut leaves = many(40);
    for size in 1..=40 {
        let root = defined_root(&leaves.0[..size as usize]);
        for index in 0..size {
            let proof = proof::inclusion(&mut leaves, index, size).unwrap();
            let leaf = leaves.0[index as usize];
            assert_eq!(verify_inclusion(leaf, index, size, &proof, root), Ok(()));
            for other in (0..=size).filter(|other| *other != index) {
                assert!(verify_inclusion(leaf, other, size, &proof, root).is_err(), "{index} as {other} of {size}");
            }
            assert!(verify_inclusion(empty_root(), index, size, &proof, root).is_err());
            let longer = [proof.as_slice(), &[root]].concat();
            assert!(verify_inclusion(leaf, index, size, &longer, root).is_err());
            if let [_, shorter @ ..] = proof.as_slice() {
                assert!(verify_inclusion(leaf, index, size, shorter, root).is_err());
            }
        }
    }
}

#[test]
fn every_consistency_proof_of_small_trees_holds_for_its_past_alone() {
    let mut leaves = many(40);
    let roots: Vec<_> = (0..=40).map(|size| defined_root(&leaves.0[..size])).collect();
    for size in 0..=40_u64 {
        for old in 0..=size {
            let proof = proof::consistency(&mut leaves, old, size).unwrap();
            let (old_root, root) = (roots[old as usize], roots[size as usize]);
            assert_eq!(verify_consistency(old, old_root, size, root, &proof), Ok(()), "{old} to {size}");
            let forged = leaf_hash(b"forged");
            assert!(verify_consistency(old, forged, size, root, &proof).is_err());
            assert!(verify_consistency(old, old_root, size, forged, &proof).is_err() || old == 0);
            let longer = [proof.as_slice(), &[root]].concat();
            assert!(verify_consistency(old, old_root, size, root, &longer).is_err());
            if let [_, shorter @ ..] = proof.as_slice() {
                assert!(verify_consistency(old, old_root, size, root, shorter).is_err());
            }
        }
    }
}

#[test]
fn what_lies_outside_the_tree_has_no_proof() {
    let root = empty_root();
    assert_eq!(verify_inclusion(root, 0, 0, &[], root), Err(ProofError::OutOfRange { asked: 0, size: 0 }));
    assert_eq!(verify_consistency(2, root, 1, root, &[]), Err(ProofError::OutOfRange { asked: 2, size: 1 }));
}
