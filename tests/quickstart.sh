#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# From a fresh Debian 12 to weir's first flow records: installs what is missing, builds, and replays a shipped capture.
set -euo pipefail
cd "$(dirname "$0")/.."

capture=tests/captures/demo.pcap
flows=build/demo-flows.jsonl
out=build/demo-out.pcap

.ci/setup run
if [[ -f build/build.ninja ]]; then
    .ci/build build
else
    .ci/build build -Dtests=false
fi

echo "\$ build/app/weir replay $capture --flows $flows --out $out"
build/app/weir replay "$capture" --flows "$flows" --out "$out"

printf '\nThe first of %d flow records in %s:\n' "$(wc -l <"$flows")" "$flows"
head -n 3 "$flows"
printf '\nWhat was forwarded is in %s; "tests/all.sh" runs the tests.\n' "$out"
