#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs weir on captures and compares every connection with independent judges.

replay_test.py [CAPTURE...]     default: all captures of tests/captures, and of the folder WEIR_CAPTURES names

The program is WEIR (default build/app/weir). Judges are tshark (streams, packets, conversation table), the states
that follow from the facts tshark reports (facts.py), and for our own captures what `ss` said of both hosts
(truth.py). Differences with a good reason are listed in exceptions.py. Exit status 1 on any other, 77 without tshark.
"""

import os
import shutil
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import capture_file
import checks
import exceptions
import oracle
import truth
import weir_run

HERE = os.path.dirname(os.path.abspath(__file__))
OWN_CAPTURES = os.path.join(os.path.dirname(HERE), "captures")
SUFFIXES = (".pcap", ".pcapng", ".cap")
SHOWN = int(os.environ.get("WEIR_REPLAY_SHOWN", "8"))
# Further runs that must give the same octets as the first.
REPEATS = int(os.environ.get("WEIR_REPLAY_REPEATS", "2"))
VLAN_CONFIG = "tracking: { vlan_in_key = false; };\n"


class Failure(Exception):
    """A difference that ends the test of one capture."""

FRAME_MAX = 65407  # the most that one packet buffer holds, and so what net_pcap writes whole


def find_captures(arguments):
    if arguments:
        return arguments
    folders = [OWN_CAPTURES] + [f for f in [os.environ.get("WEIR_CAPTURES")] if f]
    return [os.path.join(folder, name) for folder in folders for name in sorted(os.listdir(folder))
            if name.endswith(SUFFIXES)]


def taken_on_sender(packets):
    """Was this recorded on a host that leaves checksums to its card? Then all it sent is wrong."""
    senders = {p.src for p in packets if p.tcp}
    right = {p.src for p in packets if p.tcp and not p.bad_checksum}
    return bool(senders - right)


def tags_differ(streams):
    """The two directions of a connection have other VLAN tags: the operator leaves them out of the key."""
    return any(len({p.vlan for p in stream.packets}) > 1 for stream in streams)


def options_for(packets, streams, directory):
    """What an operator would be told to say for this capture; oracle and weir then both leave it out."""
    options = []
    if taken_on_sender(packets):
        options += ["--checksum", "ignore"]
        for packet in packets:
            packet.bad_checksum = False
    if tags_differ(streams):
        path = os.path.join(directory, "vlan.conf")
        with open(path, "w", encoding="ascii") as out:
            out.write(VLAN_CONFIG)
        options += ["--config", path]
        for packet in packets:
            packet.vlan = ()
    return options


def replay_well(path, directory, options):
    result = weir_run.replay(path, directory, *options)
    if result.status != 0:
        raise Failure(f"exit status {result.status}: {result.messages.strip()[-300:]}")
    return result


def without_ids(records):
    return sorted(str(sorted((k, v) for k, v in record.items() if k != "id")) for record in records)


def check_determinism(path, directory, options, first):
    """All runs byte for byte; with two workers the same records in any order and under any id."""
    for _ in range(REPEATS):
        again = replay_well(path, directory, options)
        if (again.flow_text, again.trace_text) != (first.flow_text, first.trace_text):
            raise Failure("a second run gave other records")
    several = replay_well(path, directory, [*options, "--workers", "2"])
    for name in ("flows", "trace"):
        one, two = without_ids(getattr(first, name)), without_ids(getattr(several, name))
        if one != two:
            difference = sorted(set(one) ^ set(two))[:2]
            raise Failure(f"two workers gave other {name}: {difference}")


def check_conversations(path, streams):
    """tshark's own table and the streams we made of its fields: the judge has to agree with itself."""
    expected = []
    for stream in streams:
        first = stream.packets[0]
        sent = Counter(p.sender for p in stream.packets)
        expected.append(tuple(sorted(((first.sender, sent[first.sender]), (first.receiver, sent[first.receiver])))))
    if sorted(expected) != oracle.conversations(path):
        raise Failure("tshark's conversation table and its packet fields differ")


def expect_refusal(path, directory, why):
    """Not Ethernet, or not whole: weir has to say so and to fail."""
    result = weir_run.replay(path, directory)
    if result.status != 1 or not result.messages.strip():
        raise Failure(f"{why}: expected a message and exit status 1, got {result.status}: {result.messages[:200]}")
    return f"refused as it should be: {why}"


def test_capture(path, directory):
    """The text of the result line; raises Failure."""
    try:
        link_type, frames = capture_file.read(path)
    except capture_file.NotACapture as error:
        return expect_refusal(path, directory, str(error))
    if link_type != capture_file.LINKTYPE_ETHERNET:
        return expect_refusal(path, directory, f"link type {link_type}")
    if max(map(len, frames), default=0) > FRAME_MAX:
        return expect_refusal(path, directory, f"a frame over {FRAME_MAX} octets, cut in the output")
    packets = oracle.packets(path)
    streams = oracle.streams(packets)
    found_truth = truth.beside(path)
    if found_truth is not None:
        check_conversations(path, streams)
    options = options_for(packets, streams, directory)
    result = replay_well(path, directory, options)
    if found_truth is not None and not found_truth.conforming:
        streams = join_forged(streams)
    streams = [part for stream in streams for part in oracle.split_at_ends(stream)]
    scene = checks.Scene(path, frames, packets, streams, found_truth, result,
                         found_truth is not None and found_truth.conforming)
    excused = compare(scene)
    check_determinism(path, directory, options, result)
    return describe(scene, options, excused)


def join_forged(streams):
    """tshark begins a new stream at any SYN with another number, so at a forged one, too. It is none."""
    joined = {}
    for stream in streams:
        if stream.key not in joined:
            joined[stream.key] = oracle.Stream(stream.number)
        joined[stream.key].packets += stream.packets
    for stream in joined.values():
        stream.packets.sort(key=lambda p: p.n)
    return list(joined.values())


def compare(scene):
    """Runs all checks; returns how often each exception was needed."""
    excused, failed = Counter(), []
    for check in checks.CHECKS:
        for difference in check(scene):
            name = exceptions.explain(scene, difference)
            if name is None:
                failed.append(f"{difference.kind}: {difference.text}")
            else:
                excused[name] += 1
    if failed:
        more = [f"... and {len(failed) - SHOWN} more"] if len(failed) > SHOWN else []
        raise Failure("\n      ".join(failed[:SHOWN] + more))
    return excused


def describe(scene, options, excused):
    text = f"{len(scene.packets)} packets, {len(scene.streams)} connections"
    if options:
        text += ", " + " ".join(os.path.basename(option) for option in options)
    return text + "".join(f"; {count} x {name}" for name, count in sorted(excused.items()))


def judge(path):
    """(word, text) of the result line."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            return "ok", test_capture(path, directory)
        except oracle.OracleError as error:
            return "skip", f"tshark: {error}"
        except (Failure, weir_run.Broken) as error:
            return "FAIL", str(error)


def main():
    if shutil.which("tshark") is None:
        print("skipped: tshark is not installed")
        return 77
    if shutil.which(weir_run.program()) is None:
        print(f"skipped: {weir_run.program()} is not there; set WEIR to the program")
        return 77
    paths, found = find_captures(sys.argv[1:]), Counter()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for path, (word, text) in zip(paths, pool.map(judge, paths)):
            print(f"{word:5} {os.path.basename(path)}: {text}", flush=True)
            found[word] += 1
    print(f"replay: {found['ok']} passed, {found['FAIL']} failed, {found['skip']} skipped")
    return 1 if found["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
