#!/usr/bin/env bash
# What a build takes and survives at scale:
#   scale.sh [SECTION ...]      budget growth pipe merge kill large      (default: all, with the sizes below)
# Each section prints one table. Sizes come from the environment: ROWS (budget, merge, kill: 1,000,000), DIM (of kill:
# 64), GROWTH (rows at which memory is compared: "1000000 10000000"), PIPE (rows of the pipe: 1,000,000), NLIST (of the
# pipe: 65,536), KILLS (20). FULL=1 sets those of the issue: 5,000,000 rows and 50 kills, 100,000,000 rows for growth and
# pipe; that takes hours and about 25 GB. Files are made in a folder under WORK (default: TMPDIR or /tmp) and removed;
# large takes 15 GB of it. PQX_BIN names a folder of built tools.
set -euo pipefail
sections=${*:-budget growth pipe merge kill large}
if [ -n "${FULL:-}" ]; then
  : "${ROWS:=5000000}" "${GROWTH:=1000000 100000000}" "${PIPE:=100000000}" "${KILLS:=50}"
fi
: "${ROWS:=1000000}" "${GROWTH:=1000000 10000000}" "${PIPE:=1000000}" "${KILLS:=20}" "${NLIST:=65536}" "${DIM:=64}"
here=$(cd "$(dirname "$0")" && pwd)
bin=${PQX_BIN:-}
if [ -z "$bin" ]; then
  swift build -c release --package-path "$here/.." >&2
  bin=$(swift build -c release --package-path "$here/.." --show-bin-path)
fi
work=$(mktemp -d "${WORK:-${TMPDIR:-/tmp}}/pqx-scale-XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
mib=1048576

field() { python3 -c "import json,sys; r=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))" "$@"; }
digest() { sha256sum "$1" | cut -c1-16; }
generate() { [ -e "$1" ] || "$bin/pq-data" generate --count "$2" --dim "$3" -o "$1" >&2; }

# One file under four budgets, each with the kernel's bound on all private memory at the budget itself.
budget() {
  generate base.fbin "$ROWS" 64
  printf '\n%s × 64 f32, nlist 1024, m 16, --vectors f32, 2 threads, under prlimit --data=BUDGET\n\n' "$ROWS"
  printf '| --memory | peak RssAnon MiB | stage of the peak | seconds | sha256 |\n|---|---|---|---|---|\n'
  for memory in 128 256 1024 4096; do
    prlimit --data=$((memory * mib)) "$bin/pq-build" base.fbin -o b.pqx --nlist 1024 --m 16 --vectors f32 --threads 2 \
      --memory ${memory}MiB --force --quiet --json > report
    printf '| %s MiB | %s | %s | %s | %s |\n' "$memory" "$(field report "round(r['peak_rss_bytes']/2**20, 1)")" \
      "$(field report "max(r['stages'], key=lambda s: s['peak_rss_bytes'])['name']")" \
      "$(field report "round(r['seconds'], 1)")" "$(digest b.pqx)"
  done
  rm -f b.pqx
}

# The same lists for ever more vectors, from a pipe, with 256 MiB: by RssAnon, by prlimit, and in a memory cgroup where
# this machine lets us make one (version 1 or 2).
growth() {
  generate learn.fbin 200000 16
  "$bin/pq-build" train learn.fbin -o growth.pqx --nlist 1024 --m 8 --quiet
  local group=""
  for root in /sys/fs/cgroup/memory /sys/fs/cgroup; do
    if mkdir "$root/pqx-scale" 2> /dev/null; then
      # A folder that is no cgroup gets no such file.
      if [ ! -e "$root/pqx-scale/cgroup.procs" ]; then
        rmdir "$root/pqx-scale"
        continue
      fi
      if echo $((256 * mib)) > "$root/pqx-scale/memory.limit_in_bytes" 2> /dev/null \
        || echo $((256 * mib)) > "$root/pqx-scale/memory.max" 2> /dev/null; then
        group=$root/pqx-scale
        break
      fi
      rmdir "$root/pqx-scale"
    fi
  done
  printf '\nd = 16, nlist 1024, m 8, --memory 256MiB, from a pipe, memory cgroup of 256 MiB: %s\n\n' "${group:+yes}"
  printf '| vectors | peak RssAnon MiB | encode | merge | write | seconds | file MB |\n|---|---|---|---|---|---|---|\n'
  for rows in $GROWTH; do
    "$bin/pq-data" generate --count "$rows" --dim 16 --format fbin | (
      if [ -n "$group" ]; then echo "$BASHPID" > "$group/cgroup.procs"; fi
      exec prlimit --data=$((256 * mib)) "$bin/pq-build" encode - --format fbin --model growth.pqx -o g.pqx \
        --memory 256MiB --threads 2 --force --quiet --json
    ) > report
    field report "'| $rows | %.1f | ' % (r['peak_rss_bytes']/2**20) + ' | '.join('%.1f' % (s['peak_rss_bytes']/2**20) for s in r['stages']) + ' | %.1f | %.1f |' % (r['seconds'], r['file_bytes']/1e6)"
    rm -f g.pqx
  done
  if [ -n "$group" ]; then rmdir "$group"; fi
}

# A large stream into many lists: trained on a sample first, then encoded from the pipe, then searched.
pipe() {
  local sample=$((NLIST * 40))
  generate sample.fbin "$sample" 96
  printf '\n%s × 96 f32 from a pipe, nlist %s, m 16, --vectors none, --memory 1GiB, 2 threads, under prlimit --data=1258291200\n\n' "$PIPE" "$NLIST"
  prlimit --data=1258291200 "$bin/pq-build" train sample.fbin -o model.pqx --nlist "$NLIST" --m 16 \
    --train-size "$sample" --memory 1GiB --threads 2 --quiet --json > trained
  "$bin/pq-data" generate --count "$PIPE" --dim 96 --format fbin | prlimit --data=1258291200 "$bin/pq-build" encode - \
    --format fbin --model model.pqx -o p.pqx --memory 1GiB --threads 2 --quiet --json > report
  "$bin/pq-data" generate --count $((PIPE + 100)) --dim 96 --rows "$PIPE:$((PIPE + 100))" -o query.fbin
  "$bin/pq-search" p.pqx query.fbin -k 10 --nprobe 32 > found
  printf '| stage | seconds | vectors/s | peak RssAnon MiB |\n|---|---|---|---|\n'
  for file in trained report; do
    field "$file" "'\n'.join('| %s | %.1f | %d | %.1f |' % (s['name'], s['seconds'], s['vectors_per_second'] or 0, s['peak_rss_bytes']/2**20) for s in r['stages'])"
  done
  printf '\nfile: %s bytes per vector; %s of 100 queries answered\n' "$(field report "round(r['bytes_per_vector'], 2)")" \
    "$(grep -c : found)"
  rm -f p.pqx model.pqx sample.fbin
}

# Eight shards and their merge beside the disk's own speed: dd with as many bytes, synced.
merge() {
  generate base.fbin "$ROWS" 64
  printf '\n%s × 64 f32, nlist 1024, m 16, in 8 shards\n\n' "$ROWS"
  printf '| --vectors | merged MB | seconds | MB/s | dd MB/s | of dd | peak RssAnon MiB | same bytes |\n|---|---|---|---|---|---|---|---|\n'
  for vectors in none f32; do
    "$bin/pq-build" base.fbin -o whole.pqx --nlist 1024 --m 16 --vectors $vectors --threads 2 --quiet
    "$bin/pq-build" train base.fbin -o model.pqx --nlist 1024 --m 16 --vectors $vectors --threads 2 --quiet
    for i in 0 1 2 3 4 5 6 7; do
      "$bin/pq-build" encode base.fbin --model model.pqx --rows $((i * ROWS / 8)):$(((i + 1) * ROWS / 8)) \
        -o shard$i.pqx --threads 2 --quiet
    done
    local bytes start
    bytes=$(stat -c %s whole.pqx)
    start=$(date +%s.%N)
    cat shard?.pqx | dd of=copy bs=1M iflag=fullblock conv=fsync 2> /dev/null
    local disk
    disk=$(python3 -c "import time,sys; print($bytes / 1e6 / (time.time() - $start))")
    rm -f copy
    "$bin/pq-build" merge shard?.pqx -o merged.pqx --quiet --json > report
    printf '| %s | %s | %s | %s | %.0f | %s | %s | %s |\n' $vectors "$(field report "round($bytes/1e6, 1)")" \
      "$(field report "round(r['seconds'], 2)")" "$(field report "round($bytes/1e6/r['seconds'])")" "$disk" \
      "$(field report "'%.0f %%' % (100*$bytes/1e6/r['seconds']/$disk)")" \
      "$(field report "round(r['peak_rss_bytes']/2**20, 1)")" "$(cmp -s whole.pqx merged.pqx && echo yes || echo NO)"
    rm -f ./*.pqx
  done
}

# SIGKILL at random moments of one build, each time gone on with, until it is finished: the whole, KILLS kills in all.
kill_and_resume() {
  generate "kill.fbin" "$ROWS" "$DIM"
  local flags="--nlist 1024 --m $((DIM / 4)) --memory 96MiB --threads 2 --quiet" start whole expected kills=0 same=0 rounds=0
  start=$(date +%s.%N)
  "$bin/pq-build" kill.fbin -o whole.pqx $flags
  whole=$(python3 -c "import time; print(time.time() - $start)")
  expected=$(digest whole.pqx)
  rm -f whole.pqx
  while [ $kills -lt "$KILLS" ]; do
    "$bin/pq-build" kill.fbin -o k.pqx $flags --force &
    sleep "$(python3 -c "import random; print(random.uniform(0, $whole))")"
    if kill -KILL $! 2> /dev/null; then kills=$((kills + 1)); fi
    wait $! 2> /dev/null || true
    rounds=$((rounds + 1))
    if [ ! -e k.pqx ] || [ -e k.pqx.work ]; then "$bin/pq-build" kill.fbin -o k.pqx $flags --resume; fi
    if [ "$(digest k.pqx)" = "$expected" ]; then same=$((same + 1)); fi
    rm -rf k.pqx k.pqx.work
  done
  printf '\n%s × %s f32, nlist 1024, m %s, --memory 96MiB: SIGKILL at a random moment of %.1f s, then --resume\n\n' \
    "$ROWS" "$DIM" $((DIM / 4)) "$whole"
  printf '| kills | builds | identical sha256 |\n|---|---|---|\n| %s | %s | %s |\n' "$kills" "$rounds" "$same"
}

# Ids from 5·10⁹, a file of more than 4 GiB, and lists larger than the budget: built at once and from two shards,
# verified, and searched for its last rows.
large() {
  local rows=1200000 dim=1024 first=5000000000 half sources="--format fbin --model large.pqx --memory 256MiB --threads 2 --quiet"
  half=$((rows / 2))
  generate learn.fbin 20000 $dim
  "$bin/pq-build" train learn.fbin -o large.pqx --index ivfflat --nlist 4 --quiet
  rm -f learn.fbin
  "$bin/pq-data" generate --count $rows --dim $dim --format fbin \
    | "$bin/pq-build" encode - -o whole.pqx --first-id $first $sources --json > report
  "$bin/pq-data" generate --count $rows --dim $dim --rows 0:$half --format fbin \
    | "$bin/pq-build" encode - -o shard0.pqx --first-id $first $sources
  "$bin/pq-data" generate --count $rows --dim $dim --rows $half:$rows --format fbin \
    | "$bin/pq-build" encode - -o shard1.pqx --first-id $((first + half)) $sources
  "$bin/pq-build" merge shard0.pqx shard1.pqx -o merged.pqx --memory 256MiB --quiet
  rm -f shard?.pqx
  "$bin/pq-data" generate --count $rows --dim $dim --rows $((rows - 100)):$rows -o query.fbin 2> /dev/null
  "$bin/pq-search" merged.pqx query.fbin -k 1 --nprobe 4 > found
  "$bin/pq-inspect" merged.pqx lists --top 1 --json > lists
  printf '\n%s × %s f32 in 4 lists, --index ivfflat, --memory 256MiB, --first-id %s, from a pipe\n\n' $rows $dim $first
  printf '| file GiB | largest list, MiB of vectors | peak RssAnon MiB | merged from 2 shards: same bytes | verify | last 100 rows, as queries, find themselves |\n|---|---|---|---|---|---|\n'
  printf '| %s | %s | %s | %s | %s | %s |\n' "$(field report "round(r['file_bytes']/2**30, 2)")" \
    "$(field lists "round(r['top'][0]['vectors'] * 4 * $dim / 2**20)")" "$(field report "round(r['peak_rss_bytes']/2**20, 1)")" \
    "$(cmp -s whole.pqx merged.pqx && echo yes || echo NO)" \
    "$("$bin/pq-inspect" merged.pqx verify > /dev/null && echo yes || echo NO)" \
    "$(python3 -c "
lines = open('found').read().split('\n')[:100]
print(sum(line.split()[-1].split(':')[0] == str($first + $rows - 100 + i) for i, line in enumerate(lines)))")"
  rm -f ./*.pqx query.fbin
}

for section in $sections; do
  case $section in
    budget | growth | pipe | merge | large) $section ;;
    kill) kill_and_resume ;;
    *) echo "no section $section" >&2; exit 64 ;;
  esac
done
