# SPDX-License-Identifier: BSD-3-Clause
"""What a live test runs in: mount, process and network namespaces of its own, that end with it however it ends."""

import os
import shutil
import subprocess
import sys

import paths  # noqa: F401 (it makes the next ones importable)
import weir_run
from recorder.lab import LIBC, run

CLONE_NEWNS = 0x20000
INSIDE = "WEIR_LIVE_INSIDE"
SKIPPED = 77
NEEDED = ("ip", "ss", "ethtool", "sysctl", "unshare", "mount", "ping")


def skip(why):
    print(f"skipped: {why}", flush=True)
    sys.exit(SKIPPED)


def private_run():
    """Names of network namespaces are files in /run: with one of our own they are ours alone."""
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "none", "/run")


def isolate_again():
    """The same once more for a child that plays with the same names beside others."""
    if LIBC.unshare(CLONE_NEWNS):
        raise OSError("unshare")
    private_run()


def enter(needed=()):
    """Runs this program anew in namespaces of its own; comes back in there. Exits with 77 where there are none."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.environ.get(INSIDE):
        private_run()
        run("ip", "link", "set", "lo", "up")
        return
    if os.getuid() != 0:
        skip("needs root to make namespaces")
    for tool in (*NEEDED, *needed):
        if shutil.which(tool) is None:
            skip(f"{tool} is not installed")
    program = shutil.which(weir_run.program())
    if program is None:
        skip(f"{weir_run.program()} is not there; set WEIR to the program")
    unshare = ("unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child")
    if subprocess.run((*unshare, "true"), stderr=subprocess.DEVNULL, check=False).returncode != 0:
        skip("no namespaces to be had here")
    os.environ.update({INSIDE: "1", "WEIR": os.path.abspath(program), "PYTHONDONTWRITEBYTECODE": "1"})
    os.execvp(unshare[0], (*unshare, sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]))
