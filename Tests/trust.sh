#!/usr/bin/env bash
# The long forms of the tests of damage and faults, as a table: Tests/trust.sh [quick|full] [ROW…]
#   full    every byte × 255 values, 10,000,000 mutants, 10,000 replacements, every call of a build, 700 kills: hours
#   quick   8 bit flips a byte, 100,000 mutants and so on: minutes
#   ROW     bytes lengths mutants faults kills truncations replacements scribbles; without one, all
# PQX_SLICE is a command for each piece of work, such as nice; a piece takes seconds. PQX_TOOLS is a folder of release
# builds of trust and pq-build, which are otherwise built. PQX_LOG is a file that keeps what each piece gave: pieces that
# it has are not run again.
set -euo pipefail
cd "$(dirname "$0")/.."
form=${1:-quick}
shift || true
rows=("$@")
if [ ${#rows[@]} = 0 ]; then rows=(bytes lengths mutants faults kills truncations replacements scribbles); fi
case $form in
full) values=255 mutants=10000000 step=1 kills=500 again=200 trials=1000 replacements=10000 seconds=60 slice=4096 ;;
quick) values=8 mutants=100000 step=20 kills=25 again=15 trials=100 replacements=500 seconds=10 slice=65536 ;;
*) echo "quick or full" >&2; exit 64 ;;
esac
kinds=(flat flat-u8 pq ivfflat ivfpq ivfpq-lz4)             # built by the tool, at most 64 KiB
files=(flat-f32 flat-u8 pq-8 ivfflat-ip ivfpq-4 ivfpq-lz4 ivfpq-rotated) # golden

if [ -z "${PQX_TOOLS:-}" ]; then for product in trust pq-build; do swift build -c release --product $product >&2; done; fi
# Runs one piece, which prints `name trials failures detail` last, and appends its seconds to that.
# Standard error is handed on by cat: /dev/stderr, opened anew, would cut off a log that it is.
trust() {
  local start line code=0
  if [ -n "${PQX_LOG:-}" ] && [ -e "$PQX_LOG" ]; then
    line=$(awk -F '\t' -v piece="$*" '$1 == piece { $1 = ""; print substr($0, 2); exit }' OFS='\t' "$PQX_LOG")
    if [ -n "$line" ]; then echo "$line"; return; fi
  fi
  start=$(date +%s)
  line=$(${PQX_SLICE:-} "${PQX_TOOLS:-.build/release}/trust" "$@" | tee >(cat >&2) | tail -n 1) || code=$?
  case $line in *$'\t'*$'\t'*$'\t'*) ;; *) return 1 ;; esac # it crashed
  case $code:$line in 0:* | *:*$'\t'*$'\t'[1-9]*$'\t'*) ;; *) return 1 ;; esac # after its line
  line="$line"$'\t'$(($(date +%s) - start))
  if [ $code = 0 ] && [ -n "${PQX_LOG:-}" ]; then printf '%s\t%s\n' "$*" "$line" >>"$PQX_LOG"; fi
  echo "$line"
}

# Sums the lines `name trials failures detail seconds` of pieces; the details' numbers are summed word by word.
sum() {
  awk -F '\t' -v row="$1" '
    { trials += $2; failures += $3; seconds += $5; n = split($4, words, " ")
      for (i = 1; i <= n; i++) if (words[i] ~ /^[0-9]+$/) { total[i] += words[i]; number[i] = 1 } else text[i] = words[i] }
    END { detail = ""
      for (i = 1; i <= n; i++) detail = detail (i > 1 ? " " : "") (number[i] ? total[i] : text[i])
      printf "| %s | %d | %d | %s | %d |\n", row, trials, failures, detail, seconds
      exit failures > 0 || trials == 0 }'
}

failed=0
run() { # row, then a function that runs its pieces
  # A piece that crashes has no line of its own: it counts as one failure.
  { "$2" || printf 'crash\t0\t1\tcrashed\t0\n'; } | sum "$1" || failed=1
}

bytes() {
  local kind from
  for kind in "${kinds[@]}"; do
    for ((from = 0; from < 65536; from += slice)); do
      if [ $values = 8 ]; then trust bytes $kind --bits --from $from --count $slice || return 1
      else trust bytes $kind --from $from --count $slice || return 1; fi
    done
  done
}
lengths() { for file in "${files[@]}"; do trust lengths $file.pqx || return 1; done; }
mutants() {
  local from
  for ((from = 0; from < mutants; from += 100000)); do
    trust mutants --seed "${PQX_SEED:-1}" --from $from --count $((mutants - from < 100000 ? mutants - from : 100000)) || return 1
  done
}
faults() {
  local scenario count
  count=$("${PQX_TOOLS:-.build/release}/trust" faults --counts) || return 1
  for ((scenario = 0; scenario < count; scenario++)); do trust faults --step $step --only $scenario || return 1; done
}
kills() { trust kills --count $kills --again $again; }
truncations() { trust truncations --trials $trials; }
replacements() { trust replacements --count $replacements; }
scribbles() { trust scribbles --seconds $seconds; }

echo "| what | trials | failures | of these | seconds |"
echo "|---|---|---|---|---|"
for row in "${rows[@]}"; do
  case $row in
  bytes) run "single bytes, $values wrong values each, ${#kinds[@]} index files" bytes ;;
  lengths) run "wrong lengths of ${#files[@]} golden files" lengths ;;
  mutants) run "structural mutants under right checksums, within 16 MiB and twice the file" mutants ;;
  faults) run "faults at a call of a build, RLIMIT_FSIZE, 16 builders" faults ;;
  kills) run "kills of a build at a random moment" kills ;;
  truncations) run "files cut while searched, guarded" truncations ;;
  replacements) run "replacements by rename under 16 readers" replacements ;;
  scribbles) run "searches of files being overwritten in place" scribbles ;;
  *) echo "no row $row" >&2; exit 64 ;;
  esac
done
exit $failed
