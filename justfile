# What the pipeline runs, in the same order.
ready: fmt clippy deny doc test

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Needs `cargo install --locked cargo-deny`.
deny:
    cargo deny --locked check bans licenses sources

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

test:
    cargo test

# Rewrites the expected blocks of the fixtures; read the difference before you commit it.
bless:
    UPDATE_FIXTURES=1 cargo test -p threatgate --test main fixtures

# The gate on what is staged here.
gate:
    cargo run --release -p threatgate -- check --staged
