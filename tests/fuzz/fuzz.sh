#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Fuzzes the way of a packet with libFuzzer: parsing (fuzz_parse.c), pieces of datagrams (fuzz_fragment.c), parsing and
# tracking (fuzz_track.c), seeded with the shipped captures and with the corpus that earlier runs grew.
# Usage: tests/fuzz/fuzz.sh [--keep-corpus] [SECONDS, 60 if not given; a third for each]
# WEIR_CAPTURES names one more folder of captures to take seeds from. --keep-corpus writes what was found back, reduced.
# Fails on a finding, and leaves the input that shows it, and the program, in the folder that it names.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
keep=false
if [[ ${1:-} == --keep-corpus ]]; then
    keep=true
    shift
fi
seconds=${1:-60}
if ! [[ $seconds =~ ^[0-9]{1,6}$ ]] || ((10#$seconds < 3)); then
    echo "fuzz: \"$seconds\" is not a number of seconds from 3 on" >&2
    exit 2
fi

clang=${CLANG:-clang}
work=$(mktemp -d "${TMPDIR:-/tmp}/weir-fuzz.XXXXXX")
trap 'rm -rf "$work"' EXIT

if ! echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }' |
    "$clang" -x c -fsanitize=fuzzer,address - -o "$work/probe" 2>/dev/null; then
    echo "skipped: $clang cannot build with -fsanitize=fuzzer,address"
    exit 77
fi

captures=("$root/tests/captures")
[[ -z ${WEIR_CAPTURES:-} ]] || captures+=("$WEIR_CAPTURES")

# fuzz NAME LONGEST-INPUT HOW-TO-UNPACK [CAPTURE...]: build and run fuzz_NAME with the corpus NAME.pcap
fuzz() {
    local name=$1 longest=$2 unpack=$3
    local folder="$work/$name" corpus="$here/$name.pcap"
    local sources=("${@:4}")

    mkdir -p "$folder/grown" "$folder/small"
    [[ ! -e $corpus ]] || sources+=("$corpus")
    "$here/frames.py" "$unpack" "$folder/seeds" "${sources[@]}"
    "$clang" -std=gnu17 -D_GNU_SOURCE -O1 -g -march=native -fsanitize=fuzzer,address,undefined \
        -fno-sanitize-recover=all -I "$root/lib" "$here/fuzz_$name.c" "$root"/lib/core/*.c -o "$folder/fuzz_$name"
    if ! "$folder/fuzz_$name" -max_total_time=$((10#$seconds / 3)) -max_len="$longest" -verbosity=0 -print_final_stats=1 \
        -artifact_prefix="$folder/" "$folder/grown" "$folder/seeds" >"$folder/run.log" 2>&1; then
        trap - EXIT
        tail -n 60 "$folder/run.log" >&2
        echo "fuzz: a finding of fuzz_$name; the input and the program are in $folder" >&2
        exit 1
    fi
    grep -E 'stat::(number|average)' "$folder/run.log"
    if $keep; then
        "$folder/fuzz_$name" -merge=1 -verbosity=0 -max_len="$longest" -artifact_prefix="$folder/" "$folder/small" \
            "$folder/grown" "$folder/seeds" 2>/dev/null
        "$here/frames.py" pack "$corpus" "$folder/small"
    fi
}

fuzz parse 2048 unpack "${captures[@]}"
fuzz fragment 1024 unpack
fuzz track 4096 streams "${captures[@]}"
echo "fuzz: no finding in $seconds s"
