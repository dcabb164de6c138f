#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Changes each cell of both endpoint tables to every other value in turn, and tells who notices: the composition of
the pair table (P5, too many pairs), a packet table of tests/core, or the model checker, asked in this order, each
for what the one before has left. The test that lists the cells a second time (tcp_state) would notice every one
and is not asked.

usage: mutants.py BUILD-FOLDER [-v]

Exit 0 if no mutant survives; those that do not but were never reached are counted by cell.
"""
import collections
import pathlib
import subprocess
import sys
import time


def tables(build, mutants):
    """What the packet tables say of each mutant: the test that fails, or None."""
    lines = subprocess.run([build / "tests/model/weir-tables"], input="\n".join(mutants), text=True, capture_output=True,
                           check=True).stdout.splitlines()
    if len(lines) != len(mutants):
        raise SystemExit("mutants: not all were tried")
    return {word[1]: word[2] if word[0] == "killed" else None for word in (line.split(" ", 2) for line in lines)}


def parse(line):
    fate, mutant, what = line.split(" ", 2)
    return fate, mutant, what.strip()


def main():
    arguments = [word for word in sys.argv[1:] if not word.startswith("-")]
    verbose = "-v" in sys.argv
    if len(arguments) != 1:
        raise SystemExit(__doc__)
    build = pathlib.Path(arguments[0])
    model = build / "tests/model/weir-model"
    if tables(build, ["0,0,0,0"])["0,0,0,0"]:
        raise SystemExit("mutants: the packet tables fail by themselves")
    counts, names, start = collections.Counter(), {}, time.monotonic()
    listing = subprocess.run([model, "--mutants"], text=True, capture_output=True, check=True).stdout
    left = []
    for fate, mutant, what in map(parse, listing.splitlines()):
        names[mutant] = what
        counts["mutants"] += 1
        if fate == "open":
            left.append(mutant)
        else:
            counts["equal" if fate == "equal" else "killed by the composition"] += 1
    killers = tables(build, left)
    counts["killed by the packet tables"] = sum(killer is not None for killer in killers.values())
    if verbose:
        for mutant, killer in killers.items():
            print("killed" if killer else "open", mutant, names[mutant], killer or "", flush=True)
    left = [mutant for mutant, killer in killers.items() if killer is None]
    print(f"{len(left)} of {counts['mutants']} left for the checker after {time.monotonic() - start:.0f} s", flush=True)
    with subprocess.Popen([model, "--mutate"], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as checker:
        checker.stdin.write("\n".join(left) + "\n")
        checker.stdin.close()
        for line in checker.stdout:
            if line.count(",") < 3:
                print(line, end="")
                continue
            fate, mutant, what = parse(line)
            counts["killed by the checker" if fate == "killed" else fate] += 1
            if verbose or fate == "survived":
                print(fate, mutant, what, flush=True)
    judged = sum(number for what, number in counts.items() if what.startswith("killed") or what == "survived")
    print(", ".join(f"{number} {what}" for what, number in counts.items()))
    print(f"of {judged} that can make a difference {judged - counts['survived']} are killed "
          f"({100 * (judged - counts['survived']) / judged:.1f} %), {time.monotonic() - start:.0f} s")
    return 1 if counts["survived"] or checker.returncode not in (0, 1) else 0


if __name__ == "__main__":
    sys.exit(main())
