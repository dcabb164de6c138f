#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Simulated conforming endpoints (endpoints.py, network.py) and a blind stranger, through weir.

endpoints_test.py [SEED [CONNECTIONS [FOLDER]]]     the capture is kept in FOLDER

Asserted: no segment of an endpoint is refused (but for those that the design refuses, see BY_DESIGN); no blind segment
changes a state; both final states of a connection are those of its endpoints, but where the wire cannot tell.

The program is WEIR (default build/app/weir). Exit status 1 on failure.
"""

import os
import random
import shutil
import socket
import struct
import sys
import tempfile
from collections import Counter

import capture_writer
import weir_run
from attempts import Attempts
from endpoints import ACK, FIN, RST, SYN, SYNCHRONISED, WRAP, Host, Script, Segment, Traits
from network import Trouble, Wire, World

SEEDS = (1, 2, 3, 4136, 6322)  # the last two need the notes of syn_notes.h
CONNECTIONS = 250
START_US = 1_700_000_000_000_000
OPEN_WITHIN_US = 20_000_000
RUN_US = 90_000_000
OPENING = {"SYN-SENT", "SYN-RECEIVED"}
SHOWN = 8
# RFC 1337 3: TIME-WAIT is not to be cut short. A host that is gone may yet answer it with a RST.
BY_DESIGN = {"rst-time-wait"}

TROUBLES = (
    (Trouble(), Trouble()),
    (Trouble(), Trouble()),
    (Trouble(lost=0.05), Trouble()),
    (Trouble(), Trouble(lost=0.05)),
    (Trouble(lost=0.1), Trouble(lost=0.1)),
    (Trouble(doubled=0.1), Trouble(doubled=0.1)),
    (Trouble(delay_us=(100, 4000)), Trouble(delay_us=(100, 300))),
    (Trouble(delay_us=(100, 300)), Trouble(delay_us=(100, 4000))),
    (Trouble(0.04, 0.04, (100, 3000)), Trouble(0.04, 0.04, (100, 3000))),
)
QUICK = TROUBLES[:5]  # nothing overtakes by more than the time of a handshake


# Connections.

def traits(rng):
    scale = rng.choice((None, 0, 2, 7, 14))
    return Traits(mss=rng.choice((536, 1220, 1460, 8960)), buffer=rng.choice((2048, 16384, 65535, 65535 << min(scale or 0, 7))),
                  scale=scale, stamps=rng.random() < 0.6, sack=rng.random() < 0.7, stamp_base=rng.randrange(WRAP))


def script(rng, answers):
    """Some data, pauses in reading, and one of the ways to end."""
    actions = []
    for _ in range(rng.randrange(5)):
        wait = int(rng.expovariate(1 / 60_000))
        what = rng.choice(("send", "send", "send", "pause", "probe"))
        actions.append((wait, what, rng.choice((1, 100, 1000, 9000, 40_000))))
        if what == "pause":
            actions.append((rng.randrange(100_000, 2_500_000), "read", 0))
    end = rng.choice(("close", "close", "close", "abort", "nothing"))
    if end != "nothing":
        actions.append((rng.randrange(10, 3_000_000), end, 0))
    after_peer = rng.choice((0, 50, 20_000, None)) if answers else rng.choice((0, 300, None))
    return Script(actions, after_peer)


class Meeting:
    """One pair of addresses and ports, and the connections over it."""

    def __init__(self, world, number):
        rng = world.random
        before, after = rng.choice(TROUBLES)
        kind = rng.choices(("usual", "refused", "crossing"), (90, 4, 6))[0]
        v6 = rng.random() < 0.3
        addresses = (f"2001:db8::{n}" for n in (1, 2)) if v6 else ("10.0.0.1", "10.0.0.2")
        ports = 1024 + number, rng.choice((80, 443, 22, 5001))
        self.ends = tuple(zip(addresses, ports))
        self.first = Host(world, traits(rng), listens=False)
        self.second = Host(world, traits(rng), listens=kind == "usual")
        self.wire = Wire(world, self.first, self.second, before, after, name=self.ends)
        self.world, self.left = world, rng.choice((1, 1, 1, 1, 3))
        start = rng.randrange(OPEN_WITHIN_US)
        world.after(start, self.open_first)
        if kind == "crossing":
            world.after(start + rng.randrange(150), self.open_second)
        world.after(RUN_US // 3, self.open_again)

    def open_first(self):
        if self.first.tcb is None:
            self.left -= 1
            self.first.open(script(self.world.random, False))
            if self.second.listens:
                self.second.script = script(self.world.random, True)

    def open_second(self):
        if self.second.tcb is None:
            self.second.open(script(self.world.random, True))

    def open_again(self):
        """Once it is over at the first end, where its number goes on (RFC 6191: the second may be in TIME-WAIT)."""
        over = self.first.tcb is None and (self.second.tcb is None or self.second.state == "TIME-WAIT")
        if self.left and over and self.second.listens:
            self.open_first()
        if self.left:
            self.world.after(self.world.random.randrange(1_000_000, 4_000_000), self.open_again)

    @property
    def settled(self):
        """
        Nobody will say more, and the wire can tell: no end gave up in silence, no RST was lost or found its receiver
        behind a hole, no FIN was lost before the tap (its repetition may acknowledge what it did not).
        """
        for host in (self.first, self.second):
            busy = host.tcb and (host.tcb.nxt != host.tcb.una or host.tcb.queued or host.state == "SYN-RECEIVED")
            if host.gave_up or busy:
                return False
        return not (self.wire.resets_lost or self.wire.resets_not_taken or self.wire.fins_lost_before)


def attempts(world, number):
    ends = (("10.0.0.3", 1024 + number), ("10.0.0.4", 80))
    before, after = world.random.choice(QUICK)  # what comes late is excepted: E15 of docs/tcp-state-machine.md
    return Attempts(world, ends, lambda first, second: Wire(world, first, second, before, after, name=ends), traits)


class Stranger:
    """Sees nothing and guesses: sends segments with the right addresses and numbers far from the windows."""

    def __init__(self, world, meetings):
        self.world, self.meetings = world, meetings
        world.after(1_000_000, self.strike)

    def strike(self):
        rng = self.world.random
        opening = [m for m in self.meetings if any(h.state in OPENING for h in (m.first, m.second))]
        meeting = rng.choice(opening if opening and rng.random() < 0.5 else self.meetings)
        hosts = [meeting.first, meeting.second]
        rng.shuffle(hosts)
        if all(h.tcb and h.state in SYNCHRONISED and h.state != "TIME-WAIT" for h in hosts):
            self.send(meeting, *hosts, (RST, RST | ACK, SYN, SYN | ACK, ACK, FIN | ACK, ACK))
        elif hosts[0].state in OPENING and meeting.wire.last_passed is hosts[0]:
            # It is known to the tap. Without a SYN: that might be a simultaneous open, nobody can know.
            self.send(meeting, *hosts, (RST, RST | ACK, ACK, FIN | ACK))
        self.world.after(rng.randrange(1_000, 40_000), self.strike)

    def send(self, meeting, victim, supposed, kinds):
        rng = self.world.random
        far = rng.choice((1, -1)) * rng.randrange(1 << 31 - 2, (1 << 31) - (1 << 22))
        kind = rng.choice(kinds)
        opening = victim.state in OPENING  # the acknowledgement may be all that counts (RFC 9293 3.10.7.3)
        right = victim.tcb.nxt if opening else supposed.tcb.rcv_nxt
        ack = rng.choice(((right + far * opening) % WRAP, (right + far) % WRAP)) if kind & ACK else 0
        seq = (victim.tcb.rcv_nxt + far) % WRAP
        payload = rng.choice((0, 1, 500)) if kind == ACK else 0
        stamps = (rng.randrange(WRAP), 0) if rng.random() < 0.3 else None
        # What is refused does not arrive; what passes draws a RST out of SYN-SENT, which is not simulated.
        meeting.wire.tapped(supposed, Segment(seq, ack, kind, 1000, payload, stamps=stamps, forged=True), not opening)


# Frames.

def options_of(segment):
    out = b""
    if segment.mss:
        out += struct.pack(">BBH", 2, 4, segment.mss)
    if segment.sack_ok:
        out += b"\x04\x02"
    if segment.stamps:
        out += struct.pack(">BBII", 8, 10, *segment.stamps)
    if segment.scale is not None:
        out += struct.pack(">BBB", 3, 3, segment.scale)
    if segment.sack:
        out += struct.pack(">BB", 5, 2 + 8 * len(segment.sack))
        out += b"".join(struct.pack(">II", *block) for block in segment.sack)
    return out + b"\x01" * (-len(out) % 4)


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) & 1 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def frame(sender, receiver, segment):
    options = options_of(segment)
    source, target = packed(sender[0]), packed(receiver[0])
    tcp = struct.pack(">HHIIBBHHH", sender[1], receiver[1], segment.seq, segment.ack, (20 + len(options)) << 2,
                      segment.flags, segment.window, 0, 0) + options + bytes(segment.payload)
    total = checksum(source + target + struct.pack(">II", len(tcp), 6) + tcp)
    tcp = tcp[:16] + struct.pack(">H", total) + tcp[18:]
    if len(source) == 16:
        return bytes(12) + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(tcp), 6, 64) + source + target + tcp
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + source + target
    return bytes(12) + b"\x08\x00" + ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:] + tcp


def frame_of(passed):
    ends = passed.wire.name if passed.from_first else passed.wire.name[::-1]
    return START_US + passed.time, frame(*ends, passed.segment)


# Comparison.

def simulate(seed, connections):
    world = World(random.Random(seed))
    meetings = [Meeting(world, number) for number in range(connections)]
    meetings += [attempts(world, number) for number in range(connections // 2)]
    Stranger(world, meetings)
    world.run(RUN_US)
    return world, meetings


def name_of(passed):
    flags = "".join(letter for letter, bit in zip("FSRPA", (FIN, SYN, RST, 8, ACK)) if passed.segment.flags & bit)
    return f"{passed.wire.name[not passed.from_first]} {flags} seq {passed.segment.seq} len {passed.segment.payload}"


def opens(segment, states):
    """A SYN on a closed pair begins the next connection, whoever sent it."""
    return segment.flags == SYN and states == ("CLOSED", "CLOSED")


def check_packets(world, trace, tell):
    """Conforming ones pass, blind ones change nothing."""
    before, counts = {}, Counter()
    begun_blind, record = set(), {}  # by blind SYNs: whoever comes then knows as much of it as whoever began it
    for line in trace:
        passed = world.passed[line["n"]]
        states = line["orig_state"], line["resp_state"]
        if passed.segment.forged:
            counts["blind"] += 1
            counts["blind, refused"] += line["verdict"] == "drop"
            known = before.get(passed.wire.name, states)
            counts["blind SYN where both are closed"] += opens(passed.segment, known)
            if opens(passed.segment, known) or (line["class"] == "new" and record.get(passed.wire.name) in begun_blind):
                begun_blind.add(line["id"])
            elif states != known and line["id"] not in begun_blind:
                tell(f"packet {line['n']}: blind {name_of(passed)}: {before[passed.wire.name]} became {states}")
        elif line["verdict"] == "drop":
            if line["reason"] in BY_DESIGN:
                counts[f"refused by design: {line['reason']}"] += 1
            else:
                tell(f"packet {line['n']}: refused as {line['reason']}: {name_of(passed)}, states {states}")
        before[passed.wire.name] = states
        record[passed.wire.name] = line["id"]
    return counts


def check_states(meetings, flows, counts, tell):
    """The last record of each pair of ends against the endpoints themselves."""
    latest = {}
    for flow in sorted(flows, key=lambda f: f["start"]):
        ends = (flow["src"], flow["sport"]), (flow["dst"], flow["dport"])
        latest[frozenset(ends)] = {ends[0]: flow["orig_state"], ends[1]: flow["resp_state"]}, flow
    for meeting in meetings:
        known = latest.get(frozenset(meeting.ends))
        if known is None or not meeting.settled:
            counts["connections that cannot be known"] += 1
            continue
        counts["connections compared"] += 1
        for end, host in zip(meeting.ends, (meeting.first, meeting.second)):
            found = known[0][end]
            if found != host.state:
                tell(f"{end} of {meeting.ends}: is {host.state}, weir says {found}; {known[1]['history']}")


def run(seed, connections, directory):
    """The text of the result line, and whether it failed."""
    world, meetings = simulate(seed, connections)
    path = os.path.join(directory, f"endpoints-{seed}.pcap")
    with open(path, "wb") as out:
        out.write(capture_writer.classic([frame_of(passed) for passed in world.passed]))
    config = os.path.join(directory, "endpoints.conf")
    with open(config, "w", encoding="ascii") as out:
        out.write("timeouts: { tcp_time_wait = 600; tcp_closed = 600; tcp_closing = 600; tcp_syn_received = 600; };\n")
    result = weir_run.replay(path, directory, "--config", config)
    if result.status != 0:
        return f"exit status {result.status}: {result.messages[-300:]}", True
    told = []
    counts = check_packets(world, result.trace, told.append)
    check_states(meetings, result.flows, counts, told.append)
    text = f"{len(world.passed)} packets, {len(result.flows)} flows"
    text += "".join(f"; {name} {count}" for name, count in sorted(counts.items()))
    more = [f"... and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
    return "\n      ".join([text] + told[:SHOWN] + more), bool(told)


def main():
    if shutil.which(weir_run.program()) is None:
        print(f"skipped: {weir_run.program()} is not there; set WEIR to the program")
        return 77
    seeds = [int(sys.argv[1])] if sys.argv[1:] else SEEDS
    connections = int(sys.argv[2]) if sys.argv[2:] else CONNECTIONS
    any_failed = False
    with tempfile.TemporaryDirectory() as directory:
        for seed in seeds:
            text, failed = run(seed, connections, sys.argv[3] if sys.argv[3:] else directory)
            print(f"{'FAIL ' if failed else 'ok   '} seed {seed}: {text}", flush=True)
            any_failed = any_failed or failed
    return 1 if any_failed else 0


if __name__ == "__main__":
    sys.exit(main())
