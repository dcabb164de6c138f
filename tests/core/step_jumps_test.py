#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
The state step is one load: compiled for release by the compiler of this build, weir_tcp_step has no conditional
jump, no call, and nothing that depends on pair, direction or event but an address.

Arguments: the compiler's command, then the include directory.
"""
import re
import subprocess
import sys

PROBE = """
#include "core/tcp_state.h"
struct weir_tcp_step probe(unsigned int pair, unsigned int dir, unsigned int event);
struct weir_tcp_step probe(unsigned int pair, unsigned int dir, unsigned int event)
{
    return weir_tcp_step(&weir_tcp_pairs, pair, dir, event);
}
"""


def main():
    *compiler, include = sys.argv[1:]
    listing = subprocess.run(
        [*compiler, "-std=gnu17", "-O3", "-fno-lto", "-fcf-protection=none", "-I", include, "-x", "c", "-S", "-o", "-", "-"],
        input=PROBE, text=True, capture_output=True, check=True).stdout
    body = listing.split("probe:", 1)[1].split(".size", 1)[0]
    steps = re.findall(r"^\t([a-z]\w*)", body, re.M)
    jumps = [step for step in steps if step.startswith("j") or step.startswith("call")]
    loads = [line for line in body.splitlines() if re.search(r"\tmov\w*\s.*weir_tcp_pairs|\tmov\w*\s.*\(%r", line)]
    print(f"weir_tcp_step: {len(steps)} instructions, {len(jumps)} jumps or calls, {len(loads)} loads")
    if not any(step.startswith("ret") for step in steps) or not loads or jumps:
        print(body)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
