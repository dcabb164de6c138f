#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what the tests need, builds, and runs all of them.
# Usage: tests/all.sh [BUILD-FOLDER [-Doption=value ...]]      (folder: "build")
# WEIR_SUITES names suites, separated by spaces; all where it is not set.
# WEIR_CAPTURES names a folder of further captures for the replay tests.
# The last line counts the tests. Exit code 1 where one failed, or none ran.
set -euo pipefail

build=$(realpath -m "${1:-$(dirname "$0")/../build}")
(($#)) && shift
if [[ -n ${WEIR_CAPTURES:-} ]]; then
    WEIR_CAPTURES=$(realpath -e "$WEIR_CAPTURES")
    export WEIR_CAPTURES
fi
cd "$(dirname "$0")/.."

.ci/setup test
.ci/build "$build" -Dtests=true "$@"

log=$build/meson-logs/testlog.json
rm -f "$log"
status=0
suites=()
for suite in ${WEIR_SUITES:-}; do
    suites+=(--suite "$suite")
done
meson test -C "$build" --no-rebuild --print-errorlogs "${suites[@]}" || status=$?

python3 - "$log" <<'COUNT' || status=1
import json, os, sys

log = sys.argv[1]
results = [json.loads(line)["result"] for line in open(log)] if os.path.exists(log) else []
skipped = results.count("SKIP")
passed = results.count("OK") + results.count("EXPECTEDFAIL")
print(f"{passed} passed, {len(results) - passed - skipped} failed, {skipped} skipped")
sys.exit(passed == 0)
COUNT
exit "$((status != 0))"
