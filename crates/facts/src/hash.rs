//! Tables of names and ids. Hashing is most of what a look-up costs here; this one is fast and yet seeded
//! anew in every run, so that no repository can make it slow.

use foldhash::fast::RandomState;

pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;
pub(crate) type HashSet<K> = std::collections::HashSet<K, RandomState>;
