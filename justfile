# The commands of a working day (https://just.systems). Each is short: without just, type what it says.

set positional-arguments

# Lists the commands.
default:
    @{{ just_executable() }} --list --unsorted

# Runs Accord on http://127.0.0.1:3000, as `cargo run -- up`.
run *arguments:
    cargo run -- up "$@"

# All tests. With names: the black-box tests of those names, as `just test api::accounts::members`.
test *names:
    cargo test {{ if names == "" { "--workspace" } else { "--package accord-tests --" } }} "$@"

# The black-box tests on Spin itself, which has to be in the PATH: all, or those of the names.
test-spin *names:
    ACCORD_RUNTIME=spin cargo test --package accord-tests -- "$@"

# Runs the black-box tests and shows each snapshot that differs, to take or refuse it (needs cargo-insta).
snapshots *names:
    cargo insta test --review --package accord-tests -- "$@"

# Writes the descriptions of the APIs anew, then the Postman collection, each from those before it.
describe:
    #!/usr/bin/env bash
    set -euo pipefail
    export ACCORD_WRITE_OPENAPI=1
    for api in oauth portal endpoint administration accounts directory pages console; do
        cargo test --package "accord-$api"
    done
    cargo test --package accord-tests postman::the_collection_is_what_the_description_says

# One file that has all in it, for other machines of this kind: target/release/accord. Some twenty minutes.
release:
    #!/usr/bin/env bash
    set -euo pipefail
    bundle=target/release-bundle
    cargo run --locked --release -- build
    rm -rf "$bundle"
    cargo run --locked --release -- compile "$bundle"
    commit=$(git rev-parse --short=12 HEAD)
    git diff --quiet HEAD || commit="$commit and changes"
    ACCORD_BUNDLE="$PWD/$bundle" ACCORD_COMMIT="$commit" cargo build --locked --release --package accord
    tests/release/run target/release/accord

# Every module: its job, its floor (how many lie below it), and its lines.
rooms:
    cargo run --quiet --package accord-description --bin rooms

# What CI refuses before it runs a test: format and lints.
lint:
    cargo fmt --all --check
    cargo clippy --locked --workspace --all-targets -- --deny warnings

# Formats all Rust files.
format:
    cargo fmt --all

# Checks licences, versions and sources of what Accord depends on (needs cargo-deny).
deny:
    cargo deny check licenses bans sources

# Measures Accord: some twenty minutes. `just bench --quick` tries it, `just bench --help` says what else.
bench *arguments:
    bench/run "$@"

# All that has to pass before a change lands.
ci:
    .ci/run
