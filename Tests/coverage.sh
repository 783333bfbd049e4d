#!/usr/bin/env bash
# Runs the tests with coverage, and prints which regions of PQFormat and PQStorage they reach.
#   Tests/coverage.sh [swift test's options]
# What only the tools reach counts too.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=.build/coverage
# Objects of the tools, which the tests run as processes of their own.
swift test --enable-code-coverage --scratch-path $scratch "$@" >&2
folder=$scratch/debug
# The compiler's own: another version cannot read its files. Profiles of processes that a test killed are cut.
tools=$(dirname "$(readlink -f "$(command -v swift)")")
profile=$folder/codecov/all.profdata
"$tools/llvm-profdata" merge -sparse --failure-mode=all "$folder"/codecov/*.profraw -o "$profile" 2>/dev/null
objects=("$folder/pqxPackageTests.xctest")
for tool in pq-build pq-search pq-inspect pq-data trust; do objects+=(-object "$folder/$tool"); done

"$tools/llvm-cov" report "${objects[@]}" -instr-profile "$profile" Sources/PQFormat Sources/PQStorage
