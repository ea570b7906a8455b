#!/usr/bin/env bash
# Puts a threatgate in place and names it in the step's outputs: an installed one, a release of
# this action's version, or one built from this action's source.
set -euo pipefail

found() { echo "binary=$1" >>"$GITHUB_OUTPUT"; "$1" --version; exit 0; }
fail() { echo "::error title=threatgate::$1"; exit 2; }

if [[ -n $BINARY ]]; then
  path=$(command -v -- "$BINARY") || fail "the input binary names no program that can be run"
  found "$path"
fi

build() {
  command -v cargo >/dev/null || fail "there is no release for this platform, and no cargo to build from source"
  echo "building from source"
  cargo install --quiet --locked --path "$SOURCE/crates/threatgate" --root "$folder" --target-dir "$folder/build"
  found "$folder/bin/threatgate"
}

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum -- "$1"; else shasum -a 256 -- "$1"; fi | cut -d' ' -f1
}

folder="${RUNNER_TEMP:-/tmp}/threatgate"
mkdir -p "$folder"

# `uses: ./` has no repository: what stands here is what is meant.
[[ -n $ACTION_REPOSITORY && $VERSION != source ]] || build

case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) target=x86_64-unknown-linux-musl ;;
  Linux-aarch64 | Linux-arm64) target=aarch64-unknown-linux-musl ;;
  Darwin-arm64) target=aarch64-apple-darwin ;;
  *) build ;;
esac
# The action may be pinned to a commit, which no release is named after: its manifest says the version.
version=${VERSION:-v$(sed -n 's/^version = "\(.*\)"$/\1/p' "$SOURCE/Cargo.toml" | head -n 1)}
[[ $version =~ ^v[0-9A-Za-z.+-]+$ ]] || fail "the input version must look like v0.1.0"

archive=threatgate-$target.tar.gz
url=$SERVER/$ACTION_REPOSITORY/releases/download/$version/$archive
get() { curl --fail --silent --show-error --location --proto '=https' --tlsv1.2 --retry 3 --output "$1" "$2"; }
if ! get "$folder/$archive" "$url"; then
  echo "no release $version for $target"
  build
fi
if [[ -z $CHECKSUM ]]; then
  get "$folder/$archive.sha256" "$url.sha256" || fail "the release has no checksum for $archive"
  CHECKSUM=$(cut -d' ' -f1 "$folder/$archive.sha256")
fi
# A wrong sum never falls back to anything else.
[[ $(sha256 "$folder/$archive") == "$CHECKSUM" ]] || fail "$archive does not have the expected SHA-256"
tar -xzf "$folder/$archive" -C "$folder" threatgate
found "$folder/threatgate"
