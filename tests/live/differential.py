#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's own TCP through weir, over wires that lose, double and reorder on both sides of it.

differential.py [--list] [NAME...]      default: all scenarios

Plays the recorder's scenarios with weir where its tap is, and many more connections with seeded plans. When it is
quiet, `ss` of both hosts and weir's flow records must agree on both ends of every connection, and nothing that
conforming endpoints sent may have been refused. Differences that no observer could avoid are named by the rows of
tests/replay/exceptions.py. WEIR_LIVE_KEEP names a folder that keeps captures and records.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from types import SimpleNamespace

import surroundings
from boxlab import BoxLab

import capture_file
import exceptions
import oracle
import truth
from recorder import closing, lossy, opening, programs, special, transfer  # noqa: F401 (they register)
from recorder.frames import parse_tcp
from recorder.registry import SCENARIOS, scenario
from recorder.wire import Trouble, WireOptions

AT_A_TIME = 7
LIMIT_SEC = 180
SHOWN = 12
LADDER_MAX = 24
# weir's clock follows the host's; a sample is made when nothing has moved for longer.
CLOCKS_APART_SEC = 0.1
LETTERS = "FSRPAU"

# Of no use here: the box's ports take no such frames, or nothing but the file differs.
LEFT_OUT = {"jumbo", "segmentation-offload", "checksum-offload", "vlan", "qinq", "qinq-8100", "nanoseconds",
            "next-generation", "no-tcp", "fragments", "iperf3-v4", "iperf3-v6-reverse", "ssh"}
# The masses below do the same with more connections.
LEFT_OUT |= {"lossy", "lossy-more", "reordered", "doubled", "lost-after-tap", "lost-before-tap"}

# RFC 1337 section 3: no conforming endpoint loses anything by it.
MAY_BE_REFUSED = {"rst-time-wait"}


def mass(name, count, seed, **wire):
    def play(lab):
        lossy.talk_all(lab, count, seed)
    scenario(name, wire=WireOptions(seed=seed, **wire))(play)


mass("mass-calm", 200, 21)
mass("mass-late", 200, 22, delay_ms=15)
mass("mass-reordered", 160, 23, delay_ms=3, before=Trouble(hold=0.15, hold_ms=12), after=Trouble(hold=0.15, hold_ms=12))
mass("mass-doubled", 160, 24, delay_ms=2, before=Trouble(double=0.2, hold_ms=10), after=Trouble(double=0.2, hold_ms=10))
mass("mass-lossy", 160, 25, delay_ms=3, before=Trouble(0.03, 0.03, 0.05, 15), after=Trouble(0.03, 0.03, 0.05, 15))
mass("mass-lossier", 80, 27, delay_ms=2, before=Trouble(0.1, 0.1, 0.15, 12), after=Trouble(0.1, 0.1, 0.15, 12))
mass("mass-lost-before", 80, 28, delay_ms=2, before=Trouble(lose=0.12))
mass("mass-lost-after", 120, 26, delay_ms=2, after=Trouble(lose=0.08))


def packets_of(path):
    """The TCP segments that were given to the box, in the order in which they were."""
    for number, frame in enumerate(capture_file.read(path)[1]):
        segment = parse_tcp(frame)
        if segment:
            yield oracle.Packet(n=number, time_us=0, length=len(frame), captured=len(frame), vlan=(), tags=0,
                                src=segment.src, dst=segment.dst, sport=segment.sport, dport=segment.dport, tcp=True,
                                flags=segment.flags, seq=segment.seq, ack=segment.ack, payload=segment.payload_len)


def latest_streams(packets):
    """Of each four numbers the last connection: the one whose sockets `ss` can have."""
    by_key = defaultdict(lambda: oracle.Stream(0))
    for packet in packets:
        by_key[frozenset((packet.sender, packet.receiver))].packets.append(packet)
    return {key: oracle.split_at_ends(stream)[-1] for key, stream in by_key.items()}


def latest_flows(flows):
    found = {}
    for flow in sorted((f for f in flows if f["proto"] == "tcp"), key=lambda f: f["start"]):
        found[frozenset(((flow["src"], flow["sport"]), (flow["dst"], flow["dport"])))] = flow
    return found


def is_icmp_error(frame):
    if frame[12:14] == b"\x08\x00":
        return frame[23] == 1 and frame[34] in (3, 11, 12)
    return frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] in (1, 2, 3, 4)


class View:
    """Sockets, records and segments at one quiet moment; it is the scene that exceptions are found in, too."""

    strict = True

    def __init__(self, hosts, flows, trace, packets, icmp_error):
        self.truth, self.flows, self.streams = truth.Truth(hosts), latest_flows(flows), latest_streams(packets)
        self.packets = [SimpleNamespace(icmp_error=icmp_error)]
        self.remarks = defaultdict(set)
        for line in trace:
            self.remarks[line["id"], line["dir"]].add(line["reason"])

    def reasons(self, stream, sender):
        """What weir remarked on the segments of one end. Ports number packets each for itself, so by flow record."""
        flow = self.flows.get(frozenset((stream.packets[0].sender, stream.packets[0].receiver)))
        if flow is None:
            return set()
        return self.remarks[flow["id"], "orig" if sender == (flow["src"], flow["sport"]) else "resp"]

    def judge(self):
        """(connections that agree, Counter of exceptions, descriptions of those that differ)."""
        agree, excused, differing = 0, Counter(), []
        for key in self.connections():
            verdicts = [self.compare(key, *ends) for ends in self.ends_of(key)]
            if None in verdicts:
                differing.append(self.describe(key))
            elif set(verdicts) == {"agree"}:
                agree += 1
            else:
                excused[next(v for v in verdicts if v != "agree")] += 1
        return agree, excused, differing

    def connections(self):
        """All that has a record, or of which segments have passed."""
        return set(self.flows) | set(self.streams)

    def ends_of(self, key):
        flow = self.flows.get(key)
        if flow is None:
            a, b = sorted(key)
            return (a, b, None), (b, a, None)
        orig, resp = (flow["src"], flow["sport"]), (flow["dst"], flow["dport"])
        return (orig, resp, flow["orig_state"]), (resp, orig, flow["resp_state"])

    def compare(self, key, end, peer, found):
        """"agree", the name of an exception, or None."""
        expected = self.truth.state(end, peer)
        if end[0] not in self.truth.hosts:
            return "no host has this address"
        if found == expected:
            return "agree"
        if found is None:
            return None
        difference = exceptions.Difference("ss-state", "", stream=self.streams[key], end=end, peer=peer,
                                           expected=expected, found=found)
        return exceptions.explain(self, difference)

    def describe(self, key):
        lines = [f"{end[0]}:{end[1]} {found or 'no record'}, ss {self.truth.state(end, peer)}"
                 for end, peer, found in self.ends_of(key)]
        return " / ".join(lines) + "".join("\n        " + step for step in self.ladder(key))

    def ladder(self, key):
        """The last segments that were given to weir, numbers relative to each side's first."""
        packets = self.streams[key].packets if key in self.streams else []
        base = {}
        for packet in packets:
            base.setdefault(packet.sender, packet.seq)
            if packet.flags & 16:
                base.setdefault(packet.receiver, packet.ack)
        for packet in packets[-LADDER_MAX:]:
            flags = "".join(letter for bit, letter in enumerate(LETTERS) if packet.flags >> bit & 1)
            arrow = "-->" if packet.sender == packets[0].sender else "<--"
            seq = (packet.seq - base[packet.sender]) % (1 << 32)
            ack = (packet.ack - base.get(packet.receiver, 0)) % (1 << 32) if packet.flags & 16 else "-"
            yield f"{packet.n:5} {arrow} {flags:5} seq {seq} +{packet.payload} ack {ack}"


def view_of(sample, outcome, packets, icmp_error):
    """The listing, and of what had ended before it, the record that was written then."""
    ids = {flow["id"] for flow in sample.flows}
    until = sample.time - CLOCKS_APART_SEC
    before = [f for f in outcome.flows if f["id"] not in ids and f["start"] < until]
    trace = [line for line in outcome.trace if line["time"] < until]
    view = View(sample.truth, before, trace, [p for p in packets if p.n < sample.packets], icmp_error)
    view.flows.update(latest_flows(sample.flows))
    return view


def judge(lab, path, wanted):
    """Compares one scenario's sockets with weir's records at its end and with its listings before."""
    packets = list(packets_of(path))
    icmp_error = any(is_icmp_error(frame) for frame in capture_file.read(path)[1])
    with open(lab.path_base + ".ss.json", encoding="ascii") as source:
        view = View(json.load(source), lab.outcome.flows, lab.outcome.trace, packets, icmp_error)
    agree, excused, differing = view.judge()
    compared = 0
    samples = lab.samples if wanted.conforming else []  # forged segments do to one end what the other cannot know yet
    for number, sample in enumerate(samples):
        again, _, wrong = view_of(sample, lab.outcome, packets, icmp_error).judge()
        compared += again
        differing += [f"sample {number}: {text}" for text in wrong]
    return {"name": wanted.name, "connections": agree + sum(excused.values()) + len(differing), "agree": agree,
            "excused": excused, "differing": differing, "compared": compared, "samples": len(samples),
            "records": sum(f["proto"] == "tcp" for f in lab.outcome.flows),
            "failures": list(failures(view, lab.outcome, wanted.conforming))}


def failures(view, outcome, conforming):
    if outcome.status != 0:
        yield f"weir ended with {outcome.status}: {outcome.messages[-300:]}"
    for line in outcome.trace if conforming else ():
        if line["verdict"] != "forward" and line["reason"] not in MAY_BE_REFUSED:
            yield refusal(view, outcome, line)


def refusal(view, outcome, line):
    flow = next((f for f in outcome.flows if f["id"] == line["id"]), None)
    text = f"refused: {line['reason']} ({line['orig_state']} / {line['resp_state']}, from {line['dir']})"
    if flow is None:
        return text
    key = frozenset(((flow["src"], flow["sport"]), (flow["dst"], flow["dport"])))
    return text + "".join("\n        " + step for step in view.ladder(key))


def play(wanted, turn, result_path):
    """One scenario, in this process and in namespaces of its own."""
    surroundings.isolate_again()
    scratch = tempfile.mkdtemp(prefix="live-")
    path_base = os.path.join(scratch, wanted.name)
    lab = BoxLab(path_base, scratch, turn, **wanted.lab)
    with lab:
        recording, lab.wire.recording = lab.wire.recording, True
        lab.wait_ready()
        lab.wire.recording = recording
        wanted.play(lab)
        lab.finish(wanted.conforming)
        result = judge(lab, path_base + ".pcap", wanted)
    with open(result_path, "w", encoding="ascii") as out:
        json.dump(result, out)


def start(wanted, turn, directory):
    """Plays it in a child; returns its process id and where its result will be."""
    result_path = os.path.join(directory, wanted.name)
    child = os.fork()
    if child:
        return child, result_path
    signal.alarm(LIMIT_SEC)
    try:
        play(wanted, turn, result_path)
    except BaseException as error:  # noqa: BLE001 (whatever it was, the parent must know)
        with open(result_path, "w", encoding="ascii") as out:
            json.dump({"name": wanted.name, "failures": [f"{type(error).__name__}: {error}"]}, out)
    os._exit(0)


def result_of(name, path):
    if not os.path.exists(path):
        return {"name": name, "failures": [f"no end within {LIMIT_SEC} s"]}
    with open(path, encoding="ascii") as source:
        return json.load(source)


def play_all(names):
    """Yields results as they come, some scenarios at a time."""
    waiting, running = list(names), {}
    directory = tempfile.mkdtemp(prefix="differential-")
    turn = 0
    while waiting or running:
        while waiting and len(running) < AT_A_TIME:
            name = waiting.pop(0)
            child, path = start(SCENARIOS[name], turn, directory)
            running[child] = name, path, time.monotonic()
            turn += 1
        child, _ = os.wait()
        if child in running:
            name, path, since = running.pop(child)
            yield {**result_of(name, path), "sec": time.monotonic() - since}
    shutil.rmtree(directory, ignore_errors=True)


def tell(result):
    good = not result.get("differing") and not result["failures"]
    excused = "".join(f"; {count} x {name}" for name, count in sorted(result.get("excused", {}).items()))
    print(f"{'ok' if good else 'FAIL':5} {result['name']}: {result.get('connections', 0)} connections, "
          f"{result.get('agree', 0)} agree{excused}; {result.get('compared', 0)} in {result.get('samples', 0)} samples "
          f"({result['sec']:.1f} s)", flush=True)
    for text in (result.get("differing", []) + result["failures"])[:SHOWN]:
        print("      " + text, flush=True)
    return good


LONG = ("mass-lossier", "mass-lossy", "mass-lost-before", "mass-lost-after", "port-reuse", "zero-window")


def longest_first(name):
    return name not in LONG, not name.startswith("mass"), name


def main():
    names = sys.argv[1:] or sorted(set(SCENARIOS) - LEFT_OUT, key=longest_first)
    if names == ["--list"]:
        print("\n".join(sorted(set(SCENARIOS) - LEFT_OUT)))
        return 0
    surroundings.enter()
    total, excused, failed = Counter(), Counter(), 0
    for result in play_all(names):
        failed += not tell(result)
        excused.update(result.get("excused", {}))
        total.update({key: result.get(key, 0) for key in ("connections", "agree", "records", "compared", "samples")})
        total["differ"] += len(result.get("differing", []))
    why = ", ".join(f"{count} x {name}" for name, count in sorted(excused.items()))
    print(f"{total['records']} flow records; {total['compared']} times agreed while connections lived, in "
          f"{total['samples']} quiet moments")
    print(f"differential: {total['connections']} connections, {total['agree']} agree, "
          f"{sum(excused.values())} excepted ({why or 'none'}), {total['differ']} differ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
