//! Where the fields of the running kernel's structures lie, from its BTF (`include/uapi/linux/btf.h`).

use std::path::Path;

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";
const MAGIC: u16 = 0xeb9f;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;

/// Offsets in bytes of the fields that the programs read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offsets {
    /// `cgroup.kn`
    pub cgroup_kn: u64,
    /// `cgroup.root`
    pub cgroup_root: u64,
    /// `cgroup.self.parent`
    pub cgroup_parent: u64,
    /// `cgroup_subsys_state.cgroup`
    pub css_cgroup: u64,
    /// `kernfs_node.id`
    pub kn_id: u64,
    /// `cgroup_root.hierarchy_id`
    pub root_hierarchy: u64,
}

/// Why they are not known.
#[derive(Debug, thiserror::Error)]
pub enum BtfError {
    /// The kernel has none.
    #[error("{VMLINUX}: {0}; Gate needs a kernel that was built with CONFIG_DEBUG_INFO_BTF=y")]
    Missing(std::io::Error),
    /// Not what the specification says.
    #[error("{VMLINUX} is cut off or malformed at byte {0}")]
    Malformed(usize),
    /// A structure or field that the kernel does not have.
    #[error("{VMLINUX} has no field {1} in struct {0}; this kernel is not known to Gate")]
    NoField(&'static str, &'static str),
}

impl Offsets {
    /// Reads the kernel's BTF.
    ///
    /// # Errors
    /// [`BtfError`].
    pub fn of_running_kernel() -> Result<Self, BtfError> {
        Self::read(&std::fs::read(Path::new(VMLINUX)).map_err(BtfError::Missing)?)
    }

    fn read(bytes: &[u8]) -> Result<Self, BtfError> {
        let btf = Btf::parse(bytes)?;
        let css = btf.field("cgroup", "self")?;
        Ok(Self {
            cgroup_kn: btf.field("cgroup", "kn")?,
            cgroup_root: btf.field("cgroup", "root")?,
            cgroup_parent: css + btf.field("cgroup_subsys_state", "parent")?,
            css_cgroup: btf.field("cgroup_subsys_state", "cgroup")?,
            kn_id: btf.field("kernfs_node", "id")?,
            root_hierarchy: btf.field("cgroup_root", "hierarchy_id")?,
        })
    }
}

/// The type and string sections.
struct Btf<'a> {
    bytes: &'a [u8],
    types: std::ops::Range<usize>,
    strings: usize,
}

impl<'a> Btf<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, BtfError> {
        let btf = Self { bytes, types: 0..0, strings: 0 };
        if btf.word(0)? as u16 != MAGIC {
            return Err(BtfError::Malformed(0));
        }
        let header = btf.word(4)? as usize;
        let types = header + btf.word(8)? as usize;
        let strings = header + btf.word(16)? as usize;
        let length = btf.word(12)? as usize;
        Ok(Self { bytes, types: types..types + length, strings })
    }

    /// The offset in bytes of a field of a structure.
    fn field(&self, structure: &'static str, field: &'static str) -> Result<u64, BtfError> {
        let mut at = self.types.start;
        while at < self.types.end {
            let (name, info) = (self.word(at)?, self.word(at + 4)?);
            let (kind, count) = (info >> 24 & 0x1f, info as usize & 0xffff);
            let body = at + 12;
            if kind == KIND_STRUCT && self.name_is(name, structure) {
                for member in 0..count {
                    let member = body + member * 12;
                    if self.name_is(self.word(member)?, field) {
                        let offset = self.word(member + 8)?;
                        // With the kind flag set the upper byte is the size of a bit field.
                        let bits = if info >> 31 == 1 { offset & 0x00ff_ffff } else { offset };
                        return Ok(u64::from(bits / 8));
                    }
                }
                return Err(BtfError::NoField(structure, field));
            }
            at = body + trailer(kind, count).ok_or(BtfError::Malformed(at))?;
        }
        Err(BtfError::NoField(structure, field))
    }

    fn name_is(&self, offset: u32, name: &str) -> bool {
        let start = self.strings + offset as usize;
        let end = start + name.len();
        self.bytes.get(start..end) == Some(name.as_bytes()) && self.bytes.get(end) == Some(&0)
    }

    fn word(&self, at: usize) -> Result<u32, BtfError> {
        let bytes = self.bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        Ok(u32::from_ne_bytes(bytes.ok_or(BtfError::Malformed(at))?))
    }
}

/// How many bytes follow the twelve of a type.
fn trailer(kind: u32, count: usize) -> Option<usize> {
    Some(match kind {
        // INT, VAR, DECL_TAG
        1 | 14 | 17 => 4,
        // PTR, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FLOAT, TYPE_TAG
        2 | 7 | 8 | 9 | 10 | 11 | 12 | 16 | 18 => 0,
        // ARRAY
        3 => 12,
        KIND_STRUCT | KIND_UNION => count * 12,
        // ENUM, FUNC_PROTO
        6 | 13 => count * 8,
        // DATASEC, ENUM64
        15 | 19 => count * 12,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_kernel_is_known() {
        let offsets = Offsets::of_running_kernel().unwrap();
        assert!(
            offsets.cgroup_kn > 0 && offsets.kn_id > 0 && offsets.css_cgroup != offsets.cgroup_parent,
            "{offsets:?}"
        );
    }

    #[test]
    fn a_cut_off_file_is_refused_and_does_not_panic() {
        let bytes = std::fs::read(VMLINUX).unwrap();
        for length in [0, 3, 4, 16, 23, 24, 100, 4_096] {
            assert!(Offsets::read(&bytes[..length]).is_err(), "{length}");
        }
        assert!(matches!(Offsets::read(&[0; 64]), Err(BtfError::Malformed(0))));
    }

    #[test]
    fn a_missing_field_is_named() {
        let bytes = std::fs::read(VMLINUX).unwrap();
        let error = Btf::parse(&bytes).unwrap().field("cgroup", "no_such_field").unwrap_err();
        assert!(error.to_string().contains("no_such_field"), "{error}");
    }
}
