//! What single files gave when they were read, kept between runs.
//!
//! The cache is a folder of **packs**. A run appends nothing and changes nothing: it writes what is new
//! into one pack of its own, beside its place first, then renamed. So runs may share the folder, and
//! one that is killed, or finds the disk full, leaves what was there before. Each entry has a
//! checksum; one that does not fit is read anew from its source. Nothing here decides anything: with
//! any content of the folder the output is the same.
//!
//! A pack is: the magic, the count of entries, the checksum of the index, the index (for each entry its
//! key, checksum, place and length), and the entries' bytes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use clap::Args;
use threatgate_facts::{Cache, Store};

/// Names the layout of a pack; another layout gets another name.
const MAGIC: &[u8; 8] = b"tg-pack1";
/// Magic, count, checksum of the index.
const HEADER: usize = 8 + 4 + 32;
/// Key, checksum, place, length.
const INDEXED: usize = 32 + 32 + 8 + 4;
/// The ending of packs.
const ENDING: &str = "pack";
/// The beginning of packs that are not finished.
const UNFINISHED: &str = ".pack-";
/// With more packs than this, small ones are put together.
const MANY: usize = 12;
/// Packs above this size stay as they are.
const LARGE: u64 = 32 * 1024 * 1024;
/// All packs together; those that were used longest ago go first.
const MAX_BYTES: u64 = 512 * 1024 * 1024;
/// No pack has more entries.
const MAX_ENTRIES: usize = 1_000_000;
/// An unfinished pack this old is of a run that was killed.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// Where what was read is kept between runs.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct CacheArgs {
    /// Keep what single files gave here, so that the next run is faster [default: threatgate in the user's cache folder]
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        env = "THREATGATE_CACHE_DIR",
        hide_env_values = true
    )]
    cache_dir: Option<PathBuf>,
    /// Keep nothing between runs, and use nothing that was kept
    #[arg(long, global = true)]
    no_cache: bool,
}

/// The folder of this run; none where nothing is kept.
static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();

/// Settles where this run keeps what it reads.
pub(crate) fn settle(args: &CacheArgs) {
    let folder = match args.no_cache {
        true => None,
        false => args.cache_dir.clone().or_else(usual),
    };
    // Only `main` settles it, once.
    let _ = FOLDER.set(folder);
}

/// The user's cache folder (<https://specifications.freedesktop.org/basedir-spec/latest/>).
fn usual() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let home = || absolute("HOME");
    let folder = absolute("XDG_CACHE_HOME").or_else(|| {
        if cfg!(windows) {
            absolute("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            home().map(|home| home.join("Library/Caches"))
        } else {
            home().map(|home| home.join(".cache"))
        }
    });
    folder.map(|folder| folder.join("threatgate"))
}

/// The cache of this run.
pub(crate) fn open() -> Cache {
    match FOLDER.get().and_then(Option::as_ref) {
        Some(folder) => Cache::kept_in(Box::new(Packs::open(folder, MAX_BYTES))),
        None => Cache::default(),
    }
}

/// Where an entry stands in its pack.
#[derive(Clone, Copy)]
struct Place {
    pack: usize,
    checksum: [u8; 32],
    start: u64,
    length: u32,
}

/// The entries of a pack by their keys.
type Index = Vec<([u8; 32], Place)>;

struct Pack {
    path: PathBuf,
    size: u64,
    used: SystemTime,
    file: Mutex<File>,
}

/// The packs of a folder, and what this run adds.
struct Packs {
    folder: PathBuf,
    most: u64,
    packs: Vec<Pack>,
    known: HashMap<[u8; 32], Place>,
    /// Whether each pack was of use.
    hit: Vec<std::sync::atomic::AtomicBool>,
    new: Mutex<HashMap<[u8; 32], Vec<u8>>>,
}

impl Packs {
    /// Reads the indexes; what cannot be read is as if it were not there.
    fn open(folder: &Path, most: u64) -> Self {
        let mut packs = Self {
            folder: folder.to_owned(),
            most,
            packs: Vec::new(),
            known: HashMap::new(),
            hit: Vec::new(),
            new: Mutex::default(),
        };
        let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == ENDING))
            .collect();
        paths.sort();
        for path in paths {
            // A pack that another run has put together with others meanwhile is gone.
            if let Ok((pack, index)) = read_index(&path, packs.packs.len()) {
                packs.known.extend(index);
                packs.packs.push(pack);
                packs.hit.push(std::sync::atomic::AtomicBool::new(false));
            }
        }
        packs
    }

    fn read(&self, place: &Place) -> Option<Vec<u8>> {
        let pack = &self.packs[place.pack];
        let mut bytes = vec![0; place.length as usize];
        {
            let mut file = pack.file.lock().ok()?;
            file.seek(SeekFrom::Start(place.start)).ok()?;
            file.read_exact(&mut bytes).ok()?;
        }
        (blake3::hash(&bytes) == place.checksum).then_some(bytes)
    }

    /// Writes what is new, puts small packs together, and keeps within the bound. Whatever fails,
    /// the next run only has more to read.
    fn finish(&mut self) -> io::Result<()> {
        let new = match self.new.get_mut() {
            Ok(new) => std::mem::take(new),
            Err(_) => return Ok(()),
        };
        let now = SystemTime::now();
        for (pack, hit) in self.packs.iter_mut().zip(&mut self.hit) {
            if *hit.get_mut() {
                pack.used = now;
                if let Ok(file) = pack.file.get_mut() {
                    // Not all file systems let us; the pack then counts as old as it is.
                    let _ = file.set_modified(now);
                }
            }
        }
        let mut gone = Vec::new();
        let mut written = 0;
        if !new.is_empty() {
            let mut entries: Vec<([u8; 32], Vec<u8>)> = new.into_iter().collect();
            if self.packs.len() >= MANY {
                let small = |pack: &Pack| pack.size < LARGE;
                let old = self.known.iter();
                let old = old.filter(|(_, place)| small(&self.packs[place.pack]));
                entries.extend(old.filter_map(|(key, place)| Some((*key, self.read(place)?))));
                let all = self.packs.iter().enumerate();
                gone.extend(all.filter(|(_, pack)| small(pack)).map(|(at, _)| at));
            }
            entries.sort();
            entries.dedup_by(|a, b| a.0 == b.0);
            written = write_pack(&self.folder, &entries)?;
        }
        let mut left: Vec<(SystemTime, u64, usize)> = self
            .packs
            .iter()
            .enumerate()
            .filter(|(at, _)| !gone.contains(at))
            .map(|(at, pack)| (pack.used, pack.size, at))
            .collect();
        left.sort();
        let mut total = written + left.iter().map(|(_, size, _)| size).sum::<u64>();
        for (_, size, at) in left {
            if total > self.most {
                gone.push(at);
                total -= size;
            }
        }
        for at in gone {
            // Another run may have removed it.
            let _ = std::fs::remove_file(&self.packs[at].path);
        }
        self.sweep(now);
        Ok(())
    }

    /// Removes what runs left that were killed while they wrote.
    fn sweep(&self, now: SystemTime) {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten();
        for entry in entries.flatten() {
            let unfinished = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
            let age = entry.metadata().and_then(|meta| meta.modified());
            let age = age.ok().and_then(|then| now.duration_since(then).ok());
            if unfinished && age.is_some_and(|age| age > ABANDONED) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

impl Store for Packs {
    fn get(&self, key: &[u8; 32]) -> Option<Vec<u8>> {
        let place = self.known.get(key)?;
        let bytes = self.read(place)?;
        self.hit[place.pack].store(true, std::sync::atomic::Ordering::Relaxed);
        Some(bytes)
    }

    fn put(&self, key: &[u8; 32], bytes: Vec<u8>) {
        if let Ok(mut new) = self.new.lock()
            && new.len() < MAX_ENTRIES
            && u32::try_from(bytes.len()).is_ok()
        {
            new.insert(*key, bytes);
        }
    }
}

impl Drop for Packs {
    fn drop(&mut self) {
        // A folder that cannot be written costs time only, and that at the next run.
        let _ = self.finish();
    }
}

fn broken() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// Reads and checks the index of a pack.
fn read_index(path: &Path, number: usize) -> io::Result<(Pack, Index)> {
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    let mut header = [0; HEADER];
    file.read_exact(&mut header)?;
    let (magic, rest) = header.split_at(MAGIC.len());
    let (count, checksum) = rest.split_at(4);
    let count = u32::from_le_bytes(count.try_into().map_err(|_| broken())?) as usize;
    if magic != MAGIC || count > MAX_ENTRIES {
        return Err(broken());
    }
    let first = (HEADER + count * INDEXED) as u64;
    if meta.len() < first {
        return Err(broken());
    }
    let mut index = vec![0; count * INDEXED];
    file.read_exact(&mut index)?;
    if blake3::hash(&index).as_bytes() != checksum {
        return Err(broken());
    }
    let mut entries = Vec::with_capacity(count);
    for entry in index.chunks_exact(INDEXED) {
        let (key, rest) = entry.split_at(32);
        let (checksum, rest) = rest.split_at(32);
        let (start, length) = rest.split_at(8);
        let place = Place {
            pack: number,
            checksum: checksum.try_into().map_err(|_| broken())?,
            start: u64::from_le_bytes(start.try_into().map_err(|_| broken())?),
            length: u32::from_le_bytes(length.try_into().map_err(|_| broken())?),
        };
        let end = place.start.checked_add(u64::from(place.length));
        if place.start >= first && end.is_some_and(|end| end <= meta.len()) {
            entries.push((key.try_into().map_err(|_| broken())?, place));
        }
    }
    let pack = Pack {
        path: path.to_owned(),
        size: meta.len(),
        used: meta.modified()?,
        file: Mutex::new(file),
    };
    Ok((pack, entries))
}

/// Writes a pack whole or not at all, and gives its size.
fn write_pack(folder: &Path, entries: &[([u8; 32], Vec<u8>)]) -> io::Result<u64> {
    let entries = &entries[..entries.len().min(MAX_ENTRIES)];
    let mut start = (HEADER + entries.len() * INDEXED) as u64;
    let mut index = Vec::with_capacity(entries.len() * INDEXED);
    for (key, bytes) in entries {
        index.extend_from_slice(key);
        index.extend_from_slice(blake3::hash(bytes).as_bytes());
        index.extend_from_slice(&start.to_le_bytes());
        index.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        start += bytes.len() as u64;
    }
    let name = blake3::hash(&index);
    create(folder)?;
    let file = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempfile_in(folder)?;
    let mut out = io::BufWriter::with_capacity(1 << 20, file);
    out.write_all(MAGIC)?;
    out.write_all(&(entries.len() as u32).to_le_bytes())?;
    out.write_all(name.as_bytes())?;
    out.write_all(&index)?;
    for (_, bytes) in entries {
        out.write_all(bytes)?;
    }
    let file = out.into_inner().map_err(|error| error.into_error())?;
    let path = folder.join(format!("{}.{ENDING}", &name.to_hex()[..32]));
    file.persist(path).map_err(|error| error.error)?;
    Ok(start)
}

/// Makes the folder, for nobody else: what is kept shows what a repository holds.
fn create(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: u8) -> [u8; 32] {
        [name; 32]
    }

    fn packs(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }

    #[test]
    fn what_is_put_is_there_in_the_next_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || Packs::open(folder.path(), MAX_BYTES);
        open().put(&key(1), b"one".to_vec());
        let second = open();
        assert_eq!(second.get(&key(1)).as_deref(), Some(&b"one"[..]));
        assert_eq!(second.get(&key(2)), None);
        second.put(&key(2), b"two".to_vec());
        drop(second);
        assert_eq!(open().get(&key(1)).as_deref(), Some(&b"one"[..]));
        assert_eq!(open().get(&key(2)).as_deref(), Some(&b"two"[..]));
    }

    #[test]
    fn no_damage_of_a_pack_is_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || Packs::open(folder.path(), MAX_BYTES);
        open().put(&key(1), b"some bytes".to_vec());
        let [path] = &packs(folder.path())[..] else {
            panic!("one pack");
        };
        let whole = std::fs::read(path).expect("the pack");
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x40;
            std::fs::write(path, &damaged).expect("a write");
            let found = open().get(&key(1));
            assert!(found.is_none_or(|bytes| bytes == b"some bytes"), "at {at}");
            std::fs::write(path, &whole[..at]).expect("a write");
            assert_eq!(open().get(&key(1)), None, "cut at {at}");
        }
    }

    #[test]
    fn many_small_packs_become_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || Packs::open(folder.path(), MAX_BYTES);
        for name in 0..40 {
            open().put(&key(name), vec![name; 100]);
        }
        assert!(packs(folder.path()).len() <= MANY + 1);
        let last = open();
        for name in 0..40 {
            assert_eq!(last.get(&key(name)), Some(vec![name; 100]));
        }
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || Packs::open(folder.path(), 2_000);
        let old = SystemTime::now() - Duration::from_secs(1_000);
        for name in 0..3 {
            open().put(&key(name), vec![name; 600]);
            for path in packs(folder.path()) {
                let age = Duration::from_secs(u64::from(name));
                let file = File::options().append(true).open(path).expect("the pack");
                file.set_modified(old + age).expect("a time");
            }
            // The first one is used again each time.
            assert!(open().get(&key(0)).is_some());
        }
        let last = open();
        assert!(last.get(&key(0)).is_some());
        assert!(last.get(&key(1)).is_none());
        assert!(last.get(&key(2)).is_some());
    }

    #[test]
    fn what_a_killed_run_left_is_swept() {
        let folder = tempfile::tempdir().expect("a folder");
        let left = folder.path().join(".pack-abc");
        std::fs::write(&left, b"half").expect("a write");
        let old = SystemTime::now() - 2 * ABANDONED;
        let file = File::options().append(true).open(&left).expect("the file");
        file.set_modified(old).expect("a time");
        Packs::open(folder.path(), MAX_BYTES).put(&key(1), b"one".to_vec());
        assert!(!left.exists());
    }
}
