//! Sign-offs of threat reviews, the SSH signatures that prove them, and evidence of a run. Pure: texts come
//! in, texts and decisions go out. The only user of ssh-key.

mod evidence;
mod record;
mod signature;
mod signoff;

pub use evidence::{
    Envelope, EvidenceError, Input, PREDICATE_TYPE, Statement, Verified, seal, statement, verify,
};
pub use record::{Answer, Decision, Record, RecordError, notes};
pub use signature::{AllowedSigners, NAMESPACE, SignatureError, Signer, sign};
pub use signoff::{Found, People, Settled, settle};
