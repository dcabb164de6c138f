# SPDX-License-Identifier: BSD-3-Clause
"""UDP and ICMP flows as they follow from what tshark says of each packet, against weir's records."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

import oracle

FIELDS = ("frame.number", "frame.protocols", "udp.srcport", "udp.dstport", "icmp.type", "icmp.ident", "icmpv6.type",
          "icmpv6.echo.identifier", "udp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status")
OUTER = re.compile(r"^eth:ethertype:(?:(?:vlan|ieee8021ad):ethertype:)*(?:ip|ipv6(?::ipv6\.\w+)*):(udp|icmp|icmpv6)(?::|$)")
# Echo and time stamp, with their answers (RFC 792, RFC 4443 4): the same identifier both ways.
QUERIES = {"icmp": {"0", "8", "13", "14"}, "icmpv6": {"128", "129"}}
NAMES = {"udp": "udp", "icmp": "icmp", "icmpv6": "icmp6"}
# config/weir.conf: seconds of silence after which a flow is over, one way only and once both ends were heard.
SILENCE_US = {"udp": (30_000_000, 120_000_000), "icmp": (30_000_000, 30_000_000), "icmp6": (30_000_000, 30_000_000)}


@dataclass
class Flow:
    proto: str
    originator: tuple
    responder: tuple
    packets: list = field(default_factory=list)
    sender: dict = field(default_factory=dict)  # of each packet, by its number

    def over_before(self, packet):
        heard = {self.sender[p.n] for p in self.packets}
        last = self.packets[-1]
        return packet.epoch != last.epoch or packet.clock_us - last.time_us > SILENCE_US[self.proto][len(heard) > 1]

    def record(self):
        mine = [p for p in self.packets if self.sender[p.n] == self.originator]
        theirs = [p for p in self.packets if self.sender[p.n] != self.originator]
        return (self.proto, self.packets[0].vlan, self.originator, self.responder, self.packets[0].time_us,
                self.packets[-1].time_us, len(mine), sum(p.ip_bytes for p in mine), len(theirs),
                sum(p.ip_bytes for p in theirs))


def ends_of(row, packet):
    """(protocol, sender, receiver) of a packet that belongs to a flow of UDP or ICMP, else None."""
    match = OUTER.match(row["frame.protocols"])
    kind = match.group(1) if match else None
    if kind == "udp" and row["udp.srcport"]:
        ports = [int(row[name].split(",")[0]) for name in ("udp.srcport", "udp.dstport")]
    elif kind in QUERIES and row[f"{kind}.type"].split(",")[0] in QUERIES[kind]:
        text = row["icmp.ident" if kind == "icmp" else "icmpv6.echo.identifier"].split(",")[0]
        ports = [int(text, 0)] * 2 if text else None
    else:
        return None
    return ports and (NAMES[kind], (packet.src, ports[0]), (packet.dst, ports[1]))


def expected(scene):
    """The flows of a capture, and the address pairs between which something came in pieces."""
    arguments = ["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=,"]
    for name in FIELDS:
        arguments += ["-e", name]
    flows, latest, pieces = [], {}, set()
    for text in oracle.run_tshark(scene.path, *arguments).splitlines():
        row = defaultdict(str, zip(FIELDS, text.split("\t")))
        packet = scene.packets[int(row["frame.number"]) - 1]
        if packet.fragment:
            pieces.add(frozenset((packet.src, packet.dst)))
        found = ends_of(row, packet)
        if not found or packet.fragment or packet.tags > 2 or packet.n in scene.refused:
            continue
        proto, sender, receiver = found
        key = proto, packet.vlan, frozenset((sender, receiver))
        if key not in latest or latest[key].over_before(packet):
            latest[key] = Flow(proto, sender, receiver)
            flows.append(latest[key])
        latest[key].packets.append(packet)
        latest[key].sender[packet.n] = sender
    return flows, pieces


def recorded(flow, microseconds):
    return (flow["proto"], tuple(flow["vlan"]), (flow["src"], flow["sport"]), (flow["dst"], flow["dport"]),
            microseconds(flow["start"]), microseconds(flow["end"]), flow["orig_packets"], flow["orig_bytes"],
            flow["resp_packets"], flow["resp_bytes"])


def differences(scene, microseconds):
    """(record expected and missing, or there and not expected), both ways, as text."""
    flows, pieces = expected(scene)
    # What came in pieces is one datagram to weir and none to tshark, which is told not to put it together.
    told = {flow.record() for flow in flows if frozenset((flow.originator[0], flow.responder[0])) not in pieces}
    found = {recorded(flow, microseconds) for flow in scene.replay.flows if flow["proto"] in NAMES.values()
             and frozenset((flow["src"], flow["dst"])) not in pieces and flow["orig_packets"] + flow["resp_packets"]}
    for record in sorted(told - found, key=str):
        yield f"expected and not there: {record}"
    for record in sorted(found - told, key=str):
        yield f"there and not expected: {record}"
