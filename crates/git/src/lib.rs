//! A repository and a range of commits as trees, blobs and changed files. The only user of git2.
//!
//! Reads the object database (and, where asked, the index and the work tree); runs no hooks,
//! filters or configuration of the repository, and never touches the network.

mod attributes;
mod blob;
mod commits;
mod diff;
mod environment;
mod history;
mod range;
mod repository;

pub use attributes::Attributes;
pub use blob::{Content, decode};
pub use commits::{Commits, Contribution, NOTES};
pub use diff::{ChangedFile, Status, changed_files};
pub use environment::Environment;
pub use history::{History, PassingFile};
pub use range::{Range, RangeError, RangeRequest, resolve};
pub use repository::{BlobReader, Entry, EntryKind, Error, Readers, Repository, Side, Step};
