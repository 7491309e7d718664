//! The pinned maps, opened by path: gate-loader gave them to this role's group.
//!
//! Keys and values travel as bytes, made by `gate-common`'s own definitions.

use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray, RingBuf, SockMap};
use gate_common::{
    ABI_VERSION, event,
    identity::PATH_SIZE,
    maps::{
        Active, Destination, FlowKey, FlowTag, GrantKey, GrantValue, Rule, RuleKey, ServiceKey, ServicePosture,
        destination_index,
    },
};
use std::{
    collections::BTreeSet,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
};

type Table<const K: usize, const V: usize> = HashMap<MapData, [u8; K], [u8; V]>;

/// Every map that this role uses.
pub struct Maps {
    active: Array<MapData, u64>,
    pub(crate) cgroups: HashMap<MapData, u64, [u8; 8]>,
    pub(crate) nested: HashMap<MapData, u64, [u8; 8]>,
    pub(crate) paths: Table<PATH_SIZE, 8>,
    destinations: Array<MapData, [u8; Destination::SIZE]>,
    filled: [Option<Vec<u32>>; 2],
    pub(crate) rules: Table<{ RuleKey::SIZE }, { Rule::SIZE }>,
    pub(crate) services: Table<{ ServiceKey::SIZE }, { ServicePosture::SIZE }>,
    pub(crate) grants: Table<{ GrantKey::SIZE }, { GrantValue::SIZE }>,
    pub(crate) tags: Table<{ FlowKey::SIZE }, { FlowTag::SIZE }>,
    pub(crate) local: Table<16, 8>,
    listeners: SockMap<MapData>,
    counters: PerCpuArray<MapData, u64>,
}

/// Why a map cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MapsError {
    /// It is not there, or not this role's.
    #[error(
        "{path}: {error}; gate-loader pins it, and gives it to gate-net's group: is it loaded, and of this version?"
    )]
    Open {
        /// The pin.
        path: PathBuf,
        /// What the kernel said.
        error: MapError,
    },
    /// It cannot be read or written.
    #[error("the map {map}: {error}")]
    Use {
        /// Its name.
        map: &'static str,
        /// What the kernel said.
        error: MapError,
    },
}

/// Opens a pin as `$map`.
macro_rules! open {
    ($directory:expr, $name:literal, $variant:ident) => {{
        let path = $directory.join($name);
        MapData::from_pin(&path)
            .and_then(|data| Map::$variant(data).try_into())
            .map_err(|error: MapError| MapsError::Open { path, error })?
    }};
}

impl Maps {
    /// Opens the maps below Gate's bpffs mount.
    ///
    /// # Errors
    /// [`MapsError::Open`] names the first that cannot be opened.
    pub fn open(bpffs: &Path) -> Result<Self, MapsError> {
        let directory = directory(bpffs);
        Ok(Self {
            active: open!(directory, "ACTIVE", Array),
            cgroups: open!(directory, "CGROUPS", HashMap),
            nested: open!(directory, "NESTED", HashMap),
            paths: open!(directory, "PATHS", HashMap),
            destinations: open!(directory, "DESTINATIONS", Array),
            filled: [None, None],
            rules: open!(directory, "RULES", HashMap),
            services: open!(directory, "SERVICES", HashMap),
            grants: open!(directory, "GRANTS", HashMap),
            tags: open!(directory, "TAGS", HashMap),
            local: open!(directory, "LOCAL", HashMap),
            listeners: open!(directory, "LISTENERS", SockMap),
            counters: open!(directory, "COUNTERS", PerCpuArray),
        })
    }

    /// Opens the ring buffer of events.
    ///
    /// # Errors
    /// [`MapsError::Open`].
    pub(crate) fn open_events(bpffs: &Path) -> Result<RingBuf<MapData>, MapsError> {
        Ok(open!(directory(bpffs), "EVENTS", RingBuf))
    }

    /// What is in force in the kernel.
    pub(crate) fn active(&self) -> Result<Active, MapsError> {
        self.active.get(&0, 0).map(Active).map_err(using("ACTIVE"))
    }

    /// Puts another copy into force: one store.
    pub(crate) fn set_active(&mut self, active: Active) -> Result<(), MapsError> {
        self.active.set(0, active.0, 0).map_err(using("ACTIVE"))
    }

    /// The services that one copy knows.
    pub(crate) fn services_of(&self, copy: u8) -> BTreeSet<u32> {
        let keys = self.services.keys().filter_map(Result::ok).map(|key| ServiceKey::from_bytes(&key));
        keys.filter(|key| key.copy == u32::from(copy)).map(|key| key.service).collect()
    }

    /// Takes all grants back.
    pub(crate) fn remove_grants(&mut self) -> Result<(), MapsError> {
        let all: Vec<_> = self.grants.keys().filter_map(Result::ok).collect();
        all.iter().try_for_each(|key| self.grants.remove(key)).map_err(using("GRANTS"))
    }

    /// Replaces the declared listeners of one copy.
    pub(crate) fn set_destinations(&mut self, copy: u8, entries: &[(u16, Destination)]) -> Result<(), MapsError> {
        let failed = using("DESTINATIONS");
        let old = match self.filled.get_mut(usize::from(copy & 1)).and_then(Option::take) {
            Some(old) => old,
            // What an earlier process of this role wrote is not known: every port.
            None => (0..=u16::MAX).map(|port| destination_index(copy, port)).collect(),
        };
        for index in old {
            self.destinations.set(index, Destination::NONE.to_bytes(), 0).map_err(&failed)?;
        }
        let mut filled = Vec::with_capacity(entries.len());
        for (port, destination) in entries {
            let index = destination_index(copy, *port);
            self.destinations.set(index, destination.to_bytes(), 0).map_err(&failed)?;
            filled.push(index);
        }
        if let Some(slot) = self.filled.get_mut(usize::from(copy & 1)) {
            *slot = Some(filled);
        }
        Ok(())
    }

    /// Diverted connections go to this listener's reuseport group from now on.
    pub(crate) fn set_listener(&mut self, listener: &impl AsRawFd) -> Result<(), MapsError> {
        self.listeners.set(0, listener, 0).map_err(using("LISTENERS"))
    }

    /// The sum of each counter over all CPUs, in the order of `gate_common::event::Counter`.
    pub(crate) fn counters(&self) -> Result<Vec<u64>, MapsError> {
        (0..event::COUNTERS)
            .map(|index| {
                let values = self.counters.get(&index, 0).map_err(using("COUNTERS"))?;
                Ok(values.iter().sum())
            })
            .collect()
    }
}

/// Says which map an error is about.
pub(crate) fn using(map: &'static str) -> impl Fn(MapError) -> MapsError {
    move |error| MapsError::Use { map, error }
}

fn directory(bpffs: &Path) -> PathBuf {
    bpffs.join(format!("abi-{ABI_VERSION}")).join("maps")
}
