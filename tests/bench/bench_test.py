#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-bench does what it says: every scenario runs, keeps its books, and reports all its fields.

Nothing here looks at a time. Usage: bench_test.py WEIR_BENCH
"""
import json
import subprocess
import sys

SCENARIOS = ["established", "zipf", "mixed", "setup", "synflood", "synflood-full",
             "synflood-refused", "expire", "expire-poll", "flush-poll"]
FIELDS = """scenario flows family burst ns_per_packet p10_ns p90_ns mpps new_per_sec
    baseline_rte_hash_ns ratio_to_rte_hash baseline_random_line_ns bytes_per_flow poll_p50_ns
    poll_max_ns packets refused""".split()
SHORT = ["--no-huge", "--seconds", "0.01", "--json"]

failed = 0


def check(what, holds, detail=""):
    """Report one expectation."""
    global failed
    if not holds:
        failed += 1
        print(f"FAIL {what}: {detail}")


def run(program, *arguments):
    """Run weir-bench; returns status, its objects, and what it said."""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=300,
                          check=False)
    objects = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return done.returncode, objects, done.stdout + done.stderr


def test_scenario(program, scenario, *options):
    """A scenario at 500 flows: one object, all fields, the right counts."""
    name = " ".join([scenario, *options])
    status, objects, said = run(program, scenario, "--flows", "500", *options, *SHORT)
    check(name, status == 0 and len(objects) == 1, said)
    if len(objects) != 1:
        return
    result = objects[0]
    missing = [field for field in FIELDS if field not in result]
    check(name, not missing, f"fields missing: {missing}")
    check(name, result["scenario"] == scenario and result["flows"] == 500, result)
    check(name, result["family"] == (6 if "--ipv6" in options else 4), result)
    check(name, result["packets"] > 0 and result["ns_per_packet"] > 0, result)
    check(name, (result["refused"] > 0) == (scenario == "synflood-refused"), result)
    if scenario in ("setup", "synflood", "synflood-full", "expire"):
        check(name, result["new_per_sec"] > 0, result)


def test_usage(program):
    """Wrong usage ends with status 2 and a message that names what was wrong."""
    for arguments, word in ((["nonsense"], "nonsense"), (["established", "--flows", "1"], "flows"),
                            (["established", "--burst", "257"], "burst"), ([], "scenario"),
                            (["established", "--checksum", "maybe"], "maybe"),
                            (["established", "zipf"], "one")):
        status, _, said = run(program, *arguments)
        check(" ".join(arguments) or "no argument", status == 2 and word in said, (status, said))
    status, _, said = run(program, "--help")
    check("--help", status == 0 and all(name in said for name in SCENARIOS), said)


def main():
    """Run all."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    program = sys.argv[1]
    for scenario in SCENARIOS:
        test_scenario(program, scenario)
        test_scenario(program, scenario, "--ipv6", "--no-baseline")
    test_scenario(program, "established", "--burst", "1", "--checksum", "verify")
    test_scenario(program, "mixed", "--burst", "256", "--checksum", "ignore")
    status, objects, said = run(program, "--memory", "--flows", "100k", "--no-huge")
    check("--memory", status == 0 and 80 < objects[0]["bytes_per_flow"] < 100, said)
    test_usage(program)
    print("failed" if failed else "ok")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
