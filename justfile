# The words people use. CI runs scripts/test, which does the same and more.

# What can be done
default:
    @just --list

# Build and start the server
run *FLAGS:
    cargo run --release --bin tinychat-server -- {{FLAGS}}

# Start a client
chat *FLAGS:
    cargo run --release --bin tinychat-client -- {{FLAGS}}

# Format, lints, types
check:
    cargo fmt --check
    cargo clippy --profile ci --features test-switches --all-targets --locked -- -D warnings

# The complete suite, with its set-up
test *FLAGS:
    scripts/test {{FLAGS}}

# Lint the schema
proto:
    buf lint

# Measure how fast it is, beside bare baselines
bench *FLAGS="all":
    cargo build --release --locked --bins
    target/release/tinychat-bench {{FLAGS}}
