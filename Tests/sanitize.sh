#!/usr/bin/env bash
# Runs the tests under a sanitizer of Swift and C: Tests/sanitize.sh thread|address [swift test's options]
# Apart from the tests that a sanitizer makes impossible (they are disabled where PQX_SANITIZER is set): those that
# preload a library into a tool, limit or count its memory, or wait for a signal that the sanitizer takes.
set -euo pipefail
cd "$(dirname "$0")/.."
sanitizer=${1:?thread or address}
shift
# Leaks: Foundation and the runtime keep what they allocate once.
export ASAN_OPTIONS="detect_leaks=0 suppressions=$PWD/Tests/asan.supp"
export TSAN_OPTIONS="halt_on_error=1 suppressions=$PWD/Tests/tsan.supp" PQX_SANITIZER=$sanitizer
exec swift test --sanitize "$sanitizer" --scratch-path ".build/$sanitizer" "$@"
