#!/usr/bin/env bash
# The pre-commit hook: builds the gate beside this script once for each version of the hook, then
# judges what is staged. Further arguments go to `threatgate check`.
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=$source/target/hook/bin/threatgate
# pre-commit's clone of the hook changes with `rev`, so what was built from it stays right.
if [[ ! -x $program ]]; then
  command -v cargo >/dev/null || {
    echo "threatgate: cargo is missing; install Rust, or use the hook threatgate-installed" >&2
    exit 2
  }
  echo "threatgate: building once, this takes some minutes" >&2
  # Git's variables speak of the repository that is committed to, not of the one that is built.
  env -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE -u CARGO_TARGET_DIR \
    cargo install --quiet --locked --path "$source/crates/threatgate" \
    --root "$source/target/hook" --target-dir "$source/target/hook/build" >&2
  rm -rf -- "$source/target/hook/build"
fi
exec "$program" check --staged "$@"
