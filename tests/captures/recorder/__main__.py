# SPDX-License-Identifier: BSD-3-Clause
"""python3 -m recorder [--list] -d DIR [NAME...]: called by record.sh, which prepares the surroundings."""

import argparse
import os
import shutil
import signal
import sys
import tempfile

from . import closing, demo, lossy, opening, programs, protocols, special, transfer  # noqa: F401 (they register)
from .lab import Lab
from .registry import SCENARIOS


def record(scenario, directory):
    """Plays one scenario in this process, in fresh namespaces."""
    scratch = tempfile.mkdtemp(prefix="record-")
    lab = Lab(os.path.join(directory, scenario.name), scratch, **scenario.lab)
    with lab:
        scenario.play(lab)
        lab.finish(scenario.conforming)


def record_in_child(scenario, directory):
    """Records into a directory of its own, so that a failure leaves the old capture in place."""
    fresh = tempfile.mkdtemp(prefix="fresh-", dir=directory)
    child = os.fork()
    if child == 0:
        signal.alarm(scenario.limit_sec)
        try:
            record(scenario, fresh)
        except BaseException as error:  # noqa: BLE001 (whatever it was, the parent must know)
            print(f"record: {scenario.name}: {type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status == 0:
        for name in os.listdir(fresh):
            os.chmod(os.path.join(fresh, name), 0o644)
            os.replace(os.path.join(fresh, name), os.path.join(directory, name))
    shutil.rmtree(fresh)
    return status == 0


def clean_namespaces():
    for name in ("client", "server", "box"):
        os.system(f"ip netns del {name} 2>/dev/null")


def main():
    parser = argparse.ArgumentParser(prog="record.sh")
    parser.add_argument("-d", "--directory", required=True)
    parser.add_argument("-l", "--list", action="store_true", help="list the names and stop")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    if options.list:
        print("\n".join(sorted(SCENARIOS)))
        return 0
    unknown = [name for name in options.names if name not in SCENARIOS]
    if unknown:
        print(f"record: no such capture: {' '.join(unknown)} (see --list)", file=sys.stderr)
        return 2
    failed = 0
    for name in options.names or sorted(SCENARIOS):
        good = record_in_child(SCENARIOS[name], options.directory)
        clean_namespaces()
        print(f"{'recorded' if good else 'FAILED'}: {name}", flush=True)
        failed += not good
    return 1 if failed else 0


sys.exit(main())
