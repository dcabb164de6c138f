#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What each option of a replay changes, and what must not change anything: format of the capture, workers, speed.

The program is WEIR (default build/app/weir). Exit status 1 on failure; what needs tshark is skipped without it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter

import capture_file
import capture_writer
import oracle
import weir_run

CAPTURES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "captures")
WORKERS = ("1", "2", "4")
RUNS = 2
PIPE_SIZE_WANTED = 1031  # fcntl(2) F_SETPIPE_SZ
# Not those of a pair used again: where the other end's FIN was not seen, no tap can tell its SYN from a forged one.
ONE_WAY = ("http-v4", "close", "half-close", "abort", "lossy", "keep-alive", "zero-window", "sequence-wrap", "fast-open",
           "simultaneous-open", "refused", "vlan", "old-options")
# Enough of everything: opening, closing, loss, refusals, pieces of datagrams, tags, what is not TCP.
SOME = ("demo.pcap", "http-many.pcap", "lossy.pcap", "port-reuse.pcap", "forged-blind.pcap", "abort.pcap",
        "fragments.pcap", "vlan.pcap", "no-tcp.pcap", "late-start.pcap", "checksum-offload.pcap")

CASES = []


class Failure(Exception):
    """What was not as it should be."""


def case(function):
    CASES.append(function)
    return function


def check(true, text):
    if not true:
        raise Failure(text)


def own(name):
    return os.path.join(CAPTURES, name)


def replay(path, directory, *options):
    result = weir_run.replay(path, directory, *options)
    check(result.status == 0, f"{os.path.basename(path)} {' '.join(options)}: {result.status}: {result.messages[-300:]}")
    return result


def without(records, *names):
    return sorted(str(sorted((k, v) for k, v in record.items() if k not in names)) for record in records)


def packets_of(name):
    """[(microseconds, frame)] of a classic capture of ours."""
    return list(zip(capture_writer.stamps(own(name)), capture_file.read(own(name))[1]))


def written(directory, name, data):
    path = os.path.join(directory, name)
    with open(path, "wb") as out:
        out.write(data)
    return path


def refused(result):
    return {line["n"]: line["reason"] for line in result.trace if line["verdict"] == "drop"}


# What drops nothing.

@case
def shadow_drops_nothing_and_tells_the_same(directory):
    """Records and trace are those of a run that enforces, but for the verdict; all frames come out, in order."""
    told = 0
    for name in ("forged-blind.pcap", "forged-exact.pcap", "scan.pcap", "lossy.pcap", "checksum-offload.pcap"):
        enforced = replay(own(name), directory)
        shadow = replay(own(name), directory, "--shadow")
        check(shadow.flow_text == enforced.flow_text, f"{name}: --shadow changes the flow records")
        check(without(shadow.trace, "verdict") == without(enforced.trace, "verdict"), f"{name}: --shadow changes the trace")
        check({line["verdict"] for line in shadow.trace} == {"forward"}, f"{name}: --shadow drops")
        check(capture_file.read(shadow.out_path)[1] == capture_file.read(own(name))[1], f"{name}: frames are missing")
        told += len(refused(enforced))
    check(told > 20, f"only {told} packets to be refused in all of them: the test shows nothing")


# Openings that were not seen.

def streams_of(path):
    packets = oracle.packets(path)
    return packets, oracle.streams(packets)


def opened_unseen(stream):
    """Its first packet is no SYN. (A SYN-ACK is an answer: somebody has opened before.)"""
    return stream.packets[0].flags & 0x12 != 0x02


@case
def strict_refuses_what_it_did_not_see_open(directory):
    """Every packet of such a stream, until a SYN begins it anew, with one reason; and nothing of any other."""
    found = 0
    for name in ("late-start.pcap", "late-start-syn-ack.pcap", "http-v4.pcap", "demo.pcap"):
        _, streams = streams_of(own(name))
        loose, strict = replay(own(name), directory), replay(own(name), directory, "--midstream", "strict")
        expected = {p.n for stream in streams if opened_unseen(stream) for p in stream.packets}
        marked = {n for n, reason in refused(strict).items() if reason == "not-syn"}
        check(marked == expected, f"{name}: refused as not-syn {sorted(marked ^ expected)[:9]} otherwise than expected")
        check(not {reason for reason in refused(loose).values()} & {"not-syn"}, f"{name}: loose refuses, too")
        seen = [f for f in loose.flows if f["proto"] != "tcp" or f["history"][:1] == "S"]
        check(without(seen, "id") == without(strict.flows, "id"), f"{name}: strict changes flows that it saw open")
        found += len(marked)
    check(found > 50, "nothing to refuse: the test shows nothing")


@case
def one_way_takes_half_of_every_connection(directory):
    """One direction alone, between conforming endpoints: nothing refused, every packet and octet counted."""
    for name in (f"{name}.pcap" for name in ONE_WAY):
        frames, packets = packets_of(name), [p for p in oracle.packets(own(name)) if p.tcp]
        for chosen in (True, False):
            half = [p for p in packets if (p.sender < p.receiver) == chosen]
            path = written(directory, "half.pcap", capture_writer.classic([frames[p.n] for p in half]))
            result = replay(path, directory, "--midstream", "one-way")
            check(not refused(result), f"{name}, one direction: refused {sorted(refused(result).items())[:3]}")
            expected, counted = Counter(), Counter()
            for packet in half:
                expected[packet.sender, packet.receiver] += packet.ip_bytes
            for flow in result.flows:
                ends = (flow["src"], flow["sport"]), (flow["dst"], flow["dport"])
                counted[ends] += flow["orig_bytes"]
                counted[ends[::-1]] += flow["resp_bytes"]
            check(+counted == expected, f"{name}, one direction: other octets than tshark")


# Checksums.

@case
def verify_refuses_wrong_checksums_and_ignore_takes_them(directory):
    """A capture from a sending host: exactly what tshark calls wrong is refused, and weir names the option."""
    path = own("checksum-offload.pcap")
    wrong = {p.n for p in oracle.packets(path) if p.bad_checksum}
    check(len(wrong) > 10, "no wrong checksum in the capture: the test shows nothing")
    verify = replay(path, directory, "--checksum", "verify")
    check({n for n, reason in refused(verify).items() if reason.endswith("checksum")} == wrong,
          "refused for their checksum: not what tshark calls wrong")
    check("--checksum ignore" in verify.messages, f"the option is not named: {verify.messages}")
    ignore = replay(path, directory, "--checksum", "ignore")
    check(not refused(ignore), f"ignored, and yet refused: {sorted(refused(ignore).items())[:3]}")


@case
def a_checksum_spoilt_by_one_bit_is_found(directory):
    """Each kind in turn: IPv4 header, TCP over both, UDP over both, ICMP, ICMPv6."""
    packets = packets_of("demo.pcap")
    known = replay(own("demo.pcap"), directory)
    flows = {flow["id"]: flow for flow in known.flows}
    by_kind = {}
    for line in known.trace:
        flow = flows.get(line["id"])
        if flow is not None and line["class"] != "related":
            by_kind.setdefault((flow["proto"], ":" in flow["src"]), line["n"])
    check(len(by_kind) >= 4, f"kinds in the demo: {sorted(by_kind)}")
    for (proto, v6), n in sorted(by_kind.items()):
        time_us, frame = packets[n]
        spoilt = packets[:n] + [(time_us, frame[:-1] + bytes([frame[-1] ^ 1]))] + packets[n + 1:]
        if proto == "tcp" and len(frame) < 61 and not v6:
            spoilt[n] = time_us, frame[:39] + bytes([frame[39] ^ 1]) + frame[40:]
        path = written(directory, "spoilt.pcap", capture_writer.classic(spoilt))
        reason = refused(replay(path, directory)).get(n)
        check(reason == f"{proto.rstrip('6') if proto != 'icmp6' else 'icmp'}-checksum", f"{proto}, packet {n}: {reason}")
        check(n not in refused(replay(path, directory, "--checksum", "ignore")), f"{proto}, packet {n}: not ignored")


# The same packets in another file.

@case
def formats_of_a_capture_change_nothing(directory):
    """Nanoseconds, the other order of bytes, pcapng in one section or several: the same octets of records and trace."""
    forms = {
        "nanoseconds": lambda p: capture_writer.classic(p, unit=capture_writer.NANO),
        "nanoseconds, not whole microseconds": lambda p: capture_writer.classic(p, capture_writer.NANO, "<", 999),
        "big-endian": lambda p: capture_writer.classic(p, order=">"),
        "big-endian nanoseconds": lambda p: capture_writer.classic(p, capture_writer.NANO, ">"),
        "pcapng": capture_writer.next_generation,
        "pcapng in nanoseconds": lambda p: capture_writer.next_generation(p, capture_writer.NANO),
        "pcapng, big-endian": lambda p: capture_writer.next_generation(p, order=">"),
        "pcapng in sections": lambda p: capture_writer.next_generation(p, every=7),
    }
    for name in ("demo.pcap", "lossy.pcap", "vlan.pcap"):
        packets = packets_of(name)
        first = replay(written(directory, "first.pcap", capture_writer.classic(packets)), directory)
        for form, write in forms.items():
            again = replay(written(directory, "form.pcap", write(packets)), directory)
            check((again.flow_text, again.trace_text) == (first.flow_text, first.trace_text), f"{name}: other as {form}")


@case
def what_editcap_makes_of_it_changes_nothing(directory):
    if shutil.which("editcap") is None:
        return "editcap is not installed"
    first = replay(own("demo.pcap"), directory)
    for form in ("nsecpcap", "pcapng", "pcap"):
        path = os.path.join(directory, f"as.{form}")
        subprocess.run(["editcap", "-F", form, own("demo.pcap"), path], check=True, capture_output=True)
        again = replay(path, directory)
        check((again.flow_text, again.trace_text) == (first.flow_text, first.trace_text), f"other as {form}")
    return None


# The same every time.

@case
def every_run_gives_the_same_octets(directory):
    for name in SOME:
        runs = {(r.flow_text, r.trace_text) for r in (replay(own(name), directory) for _ in range(RUNS))}
        check(len(runs) == 1, f"{name}: {len(runs)} answers in {RUNS} runs")


@case
def workers_change_the_order_and_nothing_else(directory):
    for name in SOME:
        one, *others = [replay(own(name), directory, "--workers", count) for count in WORKERS]
        for count, several in zip(WORKERS[1:], others):
            check(without(several.flows) == without(one.flows), f"{name}: other flows with {count} workers")
            check(without(several.trace) == without(one.trace), f"{name}: another trace with {count} workers")
            check(sorted(capture_file.read(several.out_path)[1]) == sorted(capture_file.read(own(name))[1]) or refused(one),
                  f"{name}: other frames with {count} workers")


@case
def the_burst_changes_nothing(directory):
    """How many packets are taken at once is of no concern to any of them."""
    for name in ("lossy.pcap", "port-reuse.pcap", "fragments.pcap"):
        found = set()
        for burst in (8, 64, 256):
            path = written(directory, "burst.conf", f"workers: {{ burst = {burst}; }};\n".encode())
            result = replay(own(name), directory, "--config", path)
            found.add((result.flow_text, result.trace_text))
        check(len(found) == 1, f"{name}: records depend on the burst")


def read_slowly(stream, pause_sec, kept):
    pause = threading.Event()
    while chunk := stream.read1(512):
        kept.append(chunk)
        pause.wait(pause_sec)


@case
def a_slow_reader_of_a_pipe_gets_all_of_it(directory):
    """Records through a pipe that holds one page, read in small pieces: the same octets, however long it takes."""
    expected = replay(own("lossy.pcap"), directory).flow_text
    read_end, write_end = os.pipe()
    try:
        import fcntl
        fcntl.fcntl(write_end, PIPE_SIZE_WANTED, 4096)
    except OSError:
        pass  # then it holds more, and the test shows less
    child = subprocess.Popen([weir_run.program(), "replay", own("lossy.pcap"), "--flows", "-"], stdout=write_end,
                             stderr=subprocess.PIPE)
    os.close(write_end)
    kept = []
    with os.fdopen(read_end, "rb") as source:
        read_slowly(source, 0.005, kept)
    said = child.communicate(timeout=weir_run.TIMEOUT_SEC)[1]
    check(child.returncode == 0, f"exit status {child.returncode}: {said[-300:]!r}")
    check(b"".join(kept) == expected, "other records through a pipe")
    check(b"TCP flows by final states" in said, "the summary is not on standard error")


# The end.

@case
def open_connections_are_active_at_the_end(directory):
    """Cut at any packet, every connection has one record; "active" but where both ends have sent their FIN."""
    packets = packets_of("http-many.pcap")
    for keep in (1, 2, 3, len(packets) // 3, len(packets) // 2, len(packets) - 1):
        path = written(directory, "begun.pcap", capture_writer.classic(packets[:keep]))
        result = replay(path, directory)
        _, streams = streams_of(path)
        check(len(result.flows) == len(streams), f"{keep} packets: {len(result.flows)} records, {len(streams)} streams")
        for flow in result.flows:
            ended = {"F", "f"} <= set(flow["history"])
            check(ended == (flow["end_reason"] != "active"), f"{keep} packets: {flow}")


@case
def a_timeout_in_the_capture_ends_a_flow(directory):
    """The capture's clock counts: the same packets again after two days are other connections; the first timed out."""
    packets = packets_of("open-at-end.pcap")
    pause_us = 2 * 86_400_000_000
    path = written(directory, "twice.pcap", capture_writer.classic(
        packets + [(time_us + pause_us, frame) for time_us, frame in packets]))
    once, twice = replay(own("open-at-end.pcap"), directory), replay(path, directory)
    check(len(twice.flows) == 2 * len(once.flows), f"{len(once.flows)} connections, and after the pause {len(twice.flows)}")
    active = Counter(flow["end_reason"] for flow in once.flows)["active"]
    check(active >= 1, "none is open: the test shows nothing")
    reasons = Counter(flow["end_reason"] for flow in twice.flows)
    check(reasons["timeout"] == reasons["active"] == active, f"{active} open ones became {dict(reasons)}")


def main():
    if shutil.which(weir_run.program()) is None:
        print(f"skipped: {weir_run.program()} is not there; set WEIR to the program")
        return 77
    if shutil.which("tshark") is None:
        print("skipped: tshark is not installed")
        return 77
    failed = 0
    for function in CASES:
        if sys.argv[1:] and function.__name__ not in sys.argv[1:]:
            continue
        with tempfile.TemporaryDirectory() as directory:
            name = function.__name__.replace("_", " ")
            try:
                skipped = function(directory)
                print(f"{'skip ' if skipped else 'ok   '} {name}{': ' + skipped if skipped else ''}", flush=True)
            except (Failure, weir_run.Broken) as error:
                print(f"FAIL  {name}: {error}", flush=True)
                failed += 1
    print(f"options: {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
