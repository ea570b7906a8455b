//! Ruby: `Gemfile`, `Gemfile.lock`, `*.gemspec`.

pub(super) mod gemfile;
pub(super) mod lock;
