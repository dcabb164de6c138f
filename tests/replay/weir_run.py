# SPDX-License-Identifier: BSD-3-Clause
"""Runs the program under test."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from decimal import Decimal

TIMEOUT_SEC = 240  # a machine that is busy with other things starves a worker that polls
DEFAULT_PROGRAM = "build/app/weir"


def program():
    return os.environ.get("WEIR", DEFAULT_PROGRAM)


class Broken(Exception):
    """What no input may do to the program."""


class Hang(Broken):
    """The program did not end in time."""


class Undefined(Broken):
    """A build with sanitizers has found something; UBSan goes on after it, so the exit status does not tell."""


def run(*arguments, timeout_sec=TIMEOUT_SEC, **options):
    try:
        done = subprocess.run([program(), *arguments], capture_output=True, timeout=timeout_sec,
                              stdin=subprocess.DEVNULL, check=False, **options)
    except subprocess.TimeoutExpired as error:
        raise Hang(f"no end after {timeout_sec} s: {' '.join(arguments)}") from error
    if b": runtime error: " in done.stderr or b"Sanitizer: " in done.stderr:
        raise Undefined(f"{' '.join(arguments)}: {done.stderr.decode(errors='replace')[:600]}")
    return done


def microseconds(seconds):
    return int(seconds * 1_000_000)


def records(text):
    """JSON Lines, with numbers exact."""
    return [json.loads(line, parse_float=Decimal) for line in text.splitlines()]


@dataclass
class Replay:
    """One replay: exit status, what it wrote, what it said."""

    status: int
    messages: str
    flow_text: bytes
    trace_text: bytes
    out_path: str
    flows: list = field(default_factory=list)
    trace: list = field(default_factory=list)


def read_bytes(path):
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as source:
        return source.read()


def replay(capture, directory, *options):
    """Replays `capture`, with flow records, trace and output in `directory`."""
    paths = {name: os.path.join(directory, name) for name in ("flows", "trace", "out.pcap")}
    for path in paths.values():
        if os.path.exists(path):
            os.unlink(path)
    done = run("replay", capture, "--flows", paths["flows"], "--trace", paths["trace"],
               "--out", paths["out.pcap"], *options)
    result = Replay(done.returncode, (done.stderr + done.stdout).decode(errors="replace"),
                    read_bytes(paths["flows"]), read_bytes(paths["trace"]), paths["out.pcap"])
    if result.status == 0:
        result.flows, result.trace = records(result.flow_text), records(result.trace_text)
    return result
