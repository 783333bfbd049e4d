#!/usr/bin/env bash
# The long forms of the tests of damage and faults, as a table: Tests/trust.sh [quick|full] [ROW…]
#   full    every byte × 255 values, 10,000,000 mutants, 10,000 replacements, every call of a build: hours
#   quick   8 bit flips a byte, 100,000 mutants and so on: minutes
#   ROW     bytes lengths mutants faults truncations replacements scribbles; without one, all
# PQX_SLICE is a command for each piece of work, such as nice; a piece takes seconds. PQX_TOOLS is a folder of release
# builds of trust and pq-build, which are otherwise built.
set -euo pipefail
cd "$(dirname "$0")/.."
form=${1:-quick}
shift || true
rows=("$@")
if [ ${#rows[@]} = 0 ]; then rows=(bytes lengths mutants faults truncations replacements scribbles); fi
case $form in
full) values=255 mutants=10000000 step=1 trials=1000 replacements=10000 seconds=60 slice=4096 ;;
quick) values=8 mutants=100000 step=5 trials=100 replacements=500 seconds=10 slice=65536 ;;
*) echo "quick or full" >&2; exit 64 ;;
esac
files=(flat-f32 flat-u8 pq-8 ivfflat-ip ivfpq-4 ivfpq-lz4)

if [ -z "${PQX_TOOLS:-}" ]; then for product in trust pq-build; do swift build -c release --product $product >&2; done; fi
trust() { ${PQX_SLICE:-} ${PQX_TOOLS:-.build/release}/trust "$@"; }

# Sums the lines `name trials failures detail` of pieces; the details' numbers are summed word by word.
sum() {
  awk -F '\t' -v row="$1" -v start="$2" '
    NF < 4 { print > "/dev/stderr"; next }
    { trials += $2; failures += $3; n = split($4, words, " ")
      for (i = 1; i <= n; i++) if (words[i] ~ /^[0-9]+$/) { total[i] += words[i]; number[i] = 1 } else text[i] = words[i] }
    END { detail = ""; "date +%s" | getline now
      for (i = 1; i <= n; i++) detail = detail (i > 1 ? " " : "") (number[i] ? total[i] : text[i])
      printf "| %s | %d | %d | %s | %d |\n", row, trials, failures, detail, now - start
      exit failures > 0 }'
}

failed=0
run() { # row, then a function that runs its pieces
  local start
  start=$(date +%s)
  # A piece that crashes has no line of its own: it counts as one failure.
  { "$2" || printf 'crash\t0\t1\tcrashed\n'; } | sum "$1" "$start" || failed=1
}

bytes() {
  local file size from
  for file in "${files[@]}"; do
    size=$(stat -c %s "Formats/golden/$file.pqx")
    for ((from = 0; from < size; from += slice)); do
      if [ $values = 8 ]; then trust bytes $file.pqx --bits --from $from --count $slice || return 1
      else trust bytes $file.pqx --from $from --count $slice || return 1; fi
    done
  done
}
lengths() { for file in "${files[@]}"; do trust lengths $file.pqx || return 1; done; }
mutants() {
  local from
  for ((from = 0; from < mutants; from += 400000)); do
    trust mutants --seed "${PQX_SEED:-1}" --from $from --count $((mutants - from < 400000 ? mutants - from : 400000)) || return 1
  done
}
faults() { trust faults --step $step; }
truncations() { trust truncations --trials $trials; }
replacements() { trust replacements --count $replacements; }
scribbles() { trust scribbles --seconds $seconds; }

echo "| what | trials | failures | of these | seconds |"
echo "|---|---|---|---|---|"
for row in "${rows[@]}"; do
  case $row in
  bytes) run "single bytes, $values wrong values each, ${#files[@]} index files" bytes ;;
  lengths) run "wrong lengths of these files" lengths ;;
  mutants) run "structural mutants under right checksums, within 16 MiB and twice the file" mutants ;;
  faults) run "faults at a call of a build, RLIMIT_FSIZE, 16 builders" faults ;;
  truncations) run "files cut while searched, guarded" truncations ;;
  replacements) run "replacements by rename under 16 readers" replacements ;;
  scribbles) run "searches of files being overwritten in place" scribbles ;;
  *) echo "no row $row" >&2; exit 64 ;;
  esac
done
exit $failed
