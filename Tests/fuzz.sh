#!/usr/bin/env bash
# Fuzzes every target for a while, under AddressSanitizer and, in C, UndefinedBehaviorSanitizer, and prints a table.
#   Tests/fuzz.sh SECONDS [TARGET…]     seconds for each target; 0: only the table of what is in PQX_LOG
# Corpora stay in .build/fuzz-corpus. What makes a target fail goes to Tests/PQTrustTests/findings, where swift test
# replays it for ever. PQX_TOOLS is a folder with a build of `fuzz`, which is otherwise built. PQX_LOG is a file to which
# each run adds a line; the table gives the sums of all its lines.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?seconds for each target}
shift
all=(open search sealed inspect lz4 fvecs bvecs fbin u8bin i8bin npy ids journal resume)
targets=("$@")
if [ ${#targets[@]} = 0 ]; then targets=("${all[@]}"); fi
log=${PQX_LOG:-$(mktemp)}
tools=${PQX_TOOLS:-.build/fuzz/release}

# The longest input that says more than a shorter one: an index file has a page for each section.
longest() {
  case $1 in
  open | search | sealed | inspect) echo 66000 ;;
  lz4 | journal | resume) echo 4096 ;;
  *) echo 1024 ;;
  esac
}

if [ "$seconds" != 0 ] && [ -z "${PQX_TOOLS:-}" ]; then
  # lld: gold cannot read the debugging information of instrumented Swift. Checksums have no branches worth following.
  PQX_FUZZ=1 swift build -c release --product fuzz --scratch-path .build/fuzz --sanitize address \
    -Xswiftc -sanitize=fuzzer -Xswiftc -use-ld=lld -Xcc -fsanitize=fuzzer-no-link,undefined \
    -Xcc -fsanitize-coverage-ignorelist="$PWD/Tests/fuzz-ignore.txt" >&2
fi
# An input is fed anew in each execution, so freed memory need not be kept for long to see a use of it.
export ASAN_OPTIONS=detect_leaks=0:malloc_context_size=0:max_malloc_fill_size=0:quarantine_size_mb=1:thread_local_quarantine_size_kb=64
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
failed=0
for target in "${targets[@]}"; do
  if [ "$seconds" = 0 ]; then break; fi
  export PQX_FUZZ_TARGET=$target
  corpus=.build/fuzz-corpus/$target
  findings=Tests/PQTrustTests/findings/$target
  mkdir -p "$corpus" "$findings"
  before=$(find "$findings" -type f | wc -l)
  "$tools/fuzz" --seeds "$corpus"
  output=.build/fuzz-corpus/$target.log
  start=$(date +%s)
  # -timeout: an input that takes so many seconds is a finding too.
  "$tools/fuzz" -max_total_time="$seconds" -timeout=60 -report_slow_units=60 -rss_limit_mb=2048 -max_len="$(longest "$target")" \
    -detect_leaks=0 -entropic=0 -reload=0 -print_final_stats=1 -artifact_prefix="$findings/" "$corpus" \
    2>"$output" || failed=1
  found=$(($(find "$findings" -type f | wc -l) - before))
  rmdir --ignore-fail-on-non-empty "$findings" Tests/PQTrustTests/findings
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$output")
  printf '%s\t%s\t%s\t%s\n' "$target" "${executions:-0}" $(($(date +%s) - start)) "$found" >>"$log"
done

awk -F '\t' -v order="${all[*]}" '
  { executions[$1] += $2; seconds[$1] += $3; findings[$1] += $4; e += $2; s += $3; f += $4 }
  END {
    print "| target | executions | seconds | findings |\n|---|---|---|---|"
    n = split(order, names, " ")
    for (i = 1; i <= n; i++) if (names[i] in seconds)
      printf "| %s | %d | %d | %d |\n", names[i], executions[names[i]], seconds[names[i]], findings[names[i]]
    printf "| all | %d | %d | %d |\n", e, s, f }' "$log"
exit $failed
