#!/usr/bin/env bash
# Fuzzes every target for a while, under AddressSanitizer and, in C, UndefinedBehaviorSanitizer, and prints a table.
#   Tests/fuzz.sh SECONDS [TARGET…]     seconds for each target
# Corpora stay in .build/fuzz-corpus. What makes a target fail goes to Tests/PQTrustTests/findings, where swift test
# replays it for ever.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?seconds for each target}
shift
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  targets=(open search sealed inspect lz4 fvecs bvecs fbin u8bin i8bin npy ids journal resume)
fi

# lld: gold cannot read the debugging information of instrumented Swift.
PQX_FUZZ=1 swift build -c release --product fuzz --scratch-path .build/fuzz --sanitize address \
  -Xswiftc -sanitize=fuzzer -Xswiftc -use-ld=lld -Xcc -fsanitize=fuzzer-no-link,undefined >&2
# Vector files are read from the file system: one in memory, if there is one.
if [ -d /dev/shm ]; then export TMPDIR=${TMPDIR:-/dev/shm}; fi
export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
failed=0
echo "| target | executions | seconds | findings |"
echo "|---|---|---|---|"
for target in "${targets[@]}"; do
  export PQX_FUZZ_TARGET=$target
  corpus=.build/fuzz-corpus/$target
  findings=Tests/PQTrustTests/findings/$target
  mkdir -p "$corpus" "$findings"
  before=$(find "$findings" -type f | wc -l)
  .build/fuzz/release/fuzz --seeds "$corpus"
  log=.build/fuzz-corpus/$target.log
  # -timeout: an input that takes so many seconds is a finding too.
  .build/fuzz/release/fuzz -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=70000 \
    -print_final_stats=1 -artifact_prefix="$findings/" "$corpus" 2>"$log" || failed=1
  found=$(($(find "$findings" -type f | wc -l) - before))
  rmdir --ignore-fail-on-non-empty "$findings" Tests/PQTrustTests/findings
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  echo "| $target | ${executions:-?} | $seconds | $found |"
done
exit $failed
