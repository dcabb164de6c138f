#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Fuzzes the path of a packet with libFuzzer, seeded with frames of the shipped captures and with the corpus that
# earlier runs grew. Usage: tests/fuzz/fuzz.sh [--keep-corpus] [SECONDS, 60 if not given]
# WEIR_CAPTURES names one more folder of captures to take seeds from. --keep-corpus writes what was found back, reduced.
# Fails on a finding, and leaves the frame that shows it in the folder that it names.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
keep=false
if [[ ${1:-} == --keep-corpus ]]; then
    keep=true
    shift
fi
seconds=${1:-60}
[[ $seconds =~ ^[0-9]+$ ]] || {
    echo "fuzz: \"$seconds\" is no number of seconds" >&2
    exit 2
}

clang=${CLANG:-clang}
work=$(mktemp -d "${TMPDIR:-/tmp}/weir-fuzz.XXXXXX")
trap 'rm -rf "$work"' EXIT

if ! echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }' |
    "$clang" -x c -fsanitize=fuzzer,address - -o "$work/probe" 2>/dev/null; then
    echo "skipped: $clang cannot build with -fsanitize=fuzzer,address"
    exit 77
fi

"$clang" -std=gnu17 -D_GNU_SOURCE -O1 -g -march=native -fsanitize=fuzzer,address,undefined \
    -fno-sanitize-recover=all -I "$root/lib" "$root/tests/fuzz/fuzz_parse.c" "$root"/lib/core/parse*.c \
    "$root/lib/core/cksum.c" -o "$work/fuzz_parse"

seeds=("$root/tests/captures" "$root/tests/fuzz/corpus.pcap")
[[ -z ${WEIR_CAPTURES:-} ]] || seeds+=("$WEIR_CAPTURES")
existing=()
for seed in "${seeds[@]}"; do
    [[ ! -e $seed ]] || existing+=("$seed")
done
"$root/tests/fuzz/frames.py" unpack "$work/seeds" "${existing[@]}"

mkdir "$work/corpus"
if ! "$work/fuzz_parse" -max_total_time="$seconds" -max_len=2048 -verbosity=0 -print_final_stats=1 \
    -artifact_prefix="$work/" "$work/corpus" "$work/seeds" >"$work/run.log" 2>&1; then
    trap - EXIT
    tail -n 60 "$work/run.log" >&2
    echo "fuzz: a finding; the frame and the program are in $work" >&2
    exit 1
fi
grep -E 'stat::(number|average)' "$work/run.log"

if $keep; then
    mkdir "$work/small"
    "$work/fuzz_parse" -merge=1 -verbosity=0 -artifact_prefix="$work/" "$work/small" "$work/corpus" "$work/seeds" 2>/dev/null
    "$root/tests/fuzz/frames.py" pack "$root/tests/fuzz/corpus.pcap" "$work/small"
fi
echo "fuzz: no finding in $seconds s"
