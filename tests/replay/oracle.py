# SPDX-License-Identifier: BSD-3-Clause
"""What tshark says of a capture: every packet, and every TCP stream, by outer headers only."""

import hashlib
import os
import re
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field

import facts

FIELDS = ("frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.protocols",
          "vlan.id", "ieee8021ad.id", "ip.src", "ip.dst", "ip.len", "ip.proto", "ip.flags.mf", "ip.frag_offset",
          "ip.checksum.status", "ipv6.src", "ipv6.dst", "ipv6.plen", "tcp.stream", "tcp.srcport", "tcp.dstport",
          "tcp.flags", "tcp.seq_raw", "tcp.ack_raw", "tcp.len", "tcp.checksum.status", "_ws.malformed",
          "tcp.completeness", "tcp.analysis.retransmission", "tcp.analysis.out_of_order",
          "tcp.analysis.lost_segment", "tcp.analysis.ack_lost_segment", "icmp.type", "icmpv6.type")

PREFERENCES = ("ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "ip.defragment:FALSE", "ipv6.defragment:FALSE",
               "tcp.desegment_tcp_streams:FALSE", "ip.tso_support:FALSE")

CHECKSUM_BAD = "0"
SILENCE_MAX_US = 86_400_000_000  # after a day of silence every connection is given up
SET_BACK_US = 1 << 35  # a clock set back by more than 9.5 hours begins another run of the capture
ANALYSIS = ("retransmission", "out_of_order", "lost_segment", "ack_lost_segment")
# Outer TCP: nothing but tags, IP and IPv6 extension headers before it.
OUTER_TCP = re.compile(r"^eth:ethertype:((vlan|ieee8021ad):ethertype:)*(ip|ipv6(:ipv6\.\w+)*):tcp(:|$)")
OUTER_TAGS = re.compile(r"^eth:ethertype:((?:(?:vlan|ieee8021ad):ethertype:)*)")
ICMP_ERRORS = {"icmp.type": {"3", "11", "12"}, "icmpv6.type": {"1", "2", "3", "4"}}


class OracleError(Exception):
    """tshark could not read the capture."""


@dataclass
class Packet:
    """One frame; TCP fields only where the outer transport is a whole TCP segment."""

    n: int
    time_us: int
    length: int
    captured: int
    vlan: tuple  # ids outermost first; 0 is a priority without a VLAN (IEEE 802.1Q 9.6), so it is left out
    tags: int
    src: str = ""
    dst: str = ""
    ip_bytes: int = 0
    tcp: bool = False
    claims_tcp: bool = False
    fragment: bool = False
    bad_checksum: bool = False
    malformed: bool = False
    icmp_error: bool = False
    stream: int = -1
    sport: int = 0
    dport: int = 0
    flags: int = 0
    seq: int = 0
    ack: int = 0
    payload: int = 0
    completeness: int = 0
    epoch: int = 0  # how often the capture's clock was set back before it
    clock_us: int = 0  # the latest time seen since the clock was set
    analysis: frozenset = frozenset()

    @property
    def sender(self):
        return self.src, self.sport

    @property
    def receiver(self):
        return self.dst, self.dport


@dataclass
class Stream:
    """A TCP conversation as tshark counts them."""

    number: int
    packets: list = field(default_factory=list)

    @property
    def key(self):
        first = self.packets[0]
        return first.vlan, tuple(sorted((first.sender, first.receiver)))

    def highest_ack(self, end):
        """The newest acknowledgement that this end has sent, or None."""
        acks = [p.ack for p in self.packets if p.sender == end and p.flags & facts.ACK]
        return max(acks, key=lambda ack: (ack - acks[0] + (1 << 31)) % (1 << 32)) if acks else None

    @property
    def troubled(self):
        """Something was lost, repeated or overtaken, as far as tshark can tell."""
        return any(p.analysis for p in self.packets)


def digest(path, arguments):
    """Names what tshark would say: the capture's octets, and all that it is asked."""
    total = hashlib.sha256(repr((PREFERENCES, arguments)).encode())
    with open(path, "rb") as capture:
        total.update(capture.read())
    return total.hexdigest()


def run_tshark(path, *arguments):
    """What tshark prints. WEIR_TSHARK_CACHE names a folder that keeps it, for several runs over the same captures."""
    folder = os.environ.get("WEIR_TSHARK_CACHE")
    if not folder:
        return ask_tshark(path, arguments)
    kept = os.path.join(folder, digest(path, arguments))
    if not os.path.exists(kept):
        said = ask_tshark(path, arguments)
        with open(f"{kept}.new", "w", encoding="utf-8", newline="") as out:
            out.write(said)
        os.rename(f"{kept}.new", kept)
    with open(kept, encoding="utf-8", newline="") as source:
        return source.read()


def ask_tshark(path, arguments):
    command = ["tshark", "-n", "-r", path]
    for preference in PREFERENCES:
        command += ["-o", preference]
    done = subprocess.run(command + list(arguments), capture_output=True, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    if done.returncode != 0 and not done.stdout:
        raise OracleError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "tshark failed")
    return done.stdout


def packets(path):
    """Every packet of the capture, in order."""
    arguments = ["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=,"]
    for name in FIELDS:
        arguments += ["-e", name]
    rows = run_tshark(path, *arguments).splitlines()
    found = [make_packet(dict(zip(FIELDS, row.split("\t")))) for row in rows]
    clock_us, epoch = 0, 0
    for packet in found:
        back = clock_us - packet.time_us > SET_BACK_US
        epoch += back
        clock_us = packet.time_us if back else max(clock_us, packet.time_us)
        packet.clock_us, packet.epoch = clock_us, epoch
    return found


def first(row, name):
    return row.get(name, "").split(",")[0]


def number(row, name):
    text = first(row, name)
    return int(text, 0) if text else 0


def vlan_stack(row):
    """The ids of all tags, outermost first; tshark has them in one field per kind of tag."""
    ids = {"vlan": row.get("vlan.id", "").split(","), "ieee8021ad": row.get("ieee8021ad.id", "").split(",")}
    match = OUTER_TAGS.match(row["frame.protocols"] + ":")
    kinds = [k for k in match.group(1).split(":") if k in ids] if match else []
    return tuple(int(ids[kind].pop(0)) for kind in kinds)


def make_packet(row):
    sec, fraction = row["frame.time_epoch"].split(".")
    outer_v6 = re.match(r"^eth:ethertype:((vlan|ieee8021ad):ethertype:)*ipv6", row["frame.protocols"])
    stack = vlan_stack(row)
    packet = Packet(n=int(row["frame.number"]) - 1, time_us=int(sec) * 1_000_000 + int(fraction[:6]),
                    length=int(row["frame.len"]), captured=int(row["frame.cap_len"]), vlan=tuple(i for i in stack if i), tags=len(stack))
    packet.src, packet.dst = (first(row, f"{'ipv6' if outer_v6 else 'ip'}.{end}") for end in ("src", "dst"))
    packet.ip_bytes = 40 + number(row, "ipv6.plen") if outer_v6 else number(row, "ip.len")
    packet.fragment = first(row, "ip.flags.mf") in ("1", "True") or number(row, "ip.frag_offset") > 0 \
        or "ipv6.fraghdr" in row["frame.protocols"]
    packet.malformed = bool(row.get("_ws.malformed"))
    packet.bad_checksum = CHECKSUM_BAD in (first(row, "ip.checksum.status"), first(row, "tcp.checksum.status"))
    packet.icmp_error = any(first(row, name) in types for name, types in ICMP_ERRORS.items())
    packet.claims_tcp = first(row, "ip.proto") == "6" or ":tcp" in row["frame.protocols"]
    packet.tcp = bool(OUTER_TCP.match(row["frame.protocols"])) and bool(row.get("tcp.stream")) \
        and bool(row.get("tcp.seq_raw")) and not packet.fragment
    if packet.tcp:
        add_tcp(packet, row)
    return packet


def add_tcp(packet, row):
    packet.stream = number(row, "tcp.stream")
    packet.sport, packet.dport = number(row, "tcp.srcport"), number(row, "tcp.dstport")
    packet.flags = number(row, "tcp.flags") & 0x3F
    packet.seq, packet.ack = number(row, "tcp.seq_raw"), number(row, "tcp.ack_raw")
    packet.payload, packet.completeness = number(row, "tcp.len"), number(row, "tcp.completeness")
    packet.analysis = frozenset(a for a in ANALYSIS if row.get(f"tcp.analysis.{a}"))


def streams(all_packets):
    """The TCP streams of these packets as tshark counts them, in order of their first packet."""
    found = defaultdict(lambda: Stream(-1))
    for packet in all_packets:
        if packet.tcp:
            found[packet.stream].number = packet.stream
            found[packet.stream].packets.append(packet)
    return list(found.values())


def split_at_ends(stream):
    """
    tshark takes a SYN with the old number for a repetition, even where the connection has ended in between. But
    then the SYN begins another one (RFC 9293 3.6.1, 3.10.7.3): the listener answers, and be it to an old duplicate.
    Nor does tshark know of timeouts, which count in captures put together from others, years apart.
    """
    parts, known, last = [Stream(stream.number)], facts.Facts(), stream.packets[0]
    for packet in stream.packets:
        again = known.over and packet.flags & (facts.SYN | facts.ACK | facts.RST) == facts.SYN
        silent = packet.clock_us - last.clock_us > SILENCE_MAX_US
        if again or silent or packet.epoch != last.epoch:
            parts.append(Stream(stream.number))
            known = facts.Facts()
        parts[-1].packets.append(packet)
        known.feed(packet)
        last = packet
    return parts


def conversations(path):
    """tshark's own conversation table: sorted [(end, end, packets one way, packets other way)]."""
    found = []
    for line in run_tshark(path, "-q", "-z", "conv,tcp").splitlines():
        match = re.match(r"^(\S+):(\d+)\s+<->\s+(\S+):(\d+)\s+(\d+) \d+ \w+\s+(\d+) \d+ ", line)
        if match:
            left, right = (match[1], int(match[2])), (match[3], int(match[4]))
            counts = {right: int(match[5]), left: int(match[6])}  # the first column counts "<-"
            found.append(tuple(sorted(((left, counts[left]), (right, counts[right])))))
    return sorted(found)
