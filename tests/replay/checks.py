# SPDX-License-Identifier: BSD-3-Clause
"""Compares one replay with what tshark, the facts and `ss` say. Each check yields its differences."""

from collections import Counter, defaultdict
from dataclasses import dataclass

import capture_file
import datagrams
import facts
from exceptions import Difference
from weir_run import microseconds

VERDICTS_SENT = ("forward",)
TAGS_TRACKED = 2
CONTROL_LETTERS = set("SsHhFfRr")


@dataclass
class Scene:
    """One capture, its judges and one replay of it."""

    path: str
    frames: list
    packets: list
    streams: list
    truth: object
    replay: object
    strict: bool  # the capture is one of conforming endpoints: nothing may be refused in it

    def __post_init__(self):
        self.refused = {line["n"] for line in self.replay.trace if line["verdict"] == "drop"}
        self.pairs = list(pair_up(self))

    def reasons(self, stream, sender):
        """What weir remarked on the segments of one end."""
        return {self.replay.trace[p.n]["reason"] for p in stream.packets if p.sender == sender}


def tcp_flows(replay):
    return [flow for flow in replay.flows if flow["proto"] == "tcp"]


def flow_key(flow):
    ends = (flow["src"], flow["sport"]), (flow["dst"], flow["dport"])
    return tuple(flow["vlan"]), tuple(sorted(ends))


def tracked(stream, scene):
    """The stream's packets that belong to a flow record: those that were not refused."""
    return [p for p in stream.packets if p.n not in scene.refused]


def evidence(stream, scene):
    """Of these, what endpoints sent. A forged RST stays: whether its receiver takes it, its number decides."""
    forged = scene.truth.forged if scene.truth else ()
    return [p for p in tracked(stream, scene) if p.n not in forged or p.flags & facts.RST]


def split_keys(scene):
    """Streams and flow records by their ends, in order of time."""
    streams, flows = defaultdict(list), defaultdict(list)
    for stream in scene.streams:
        if stream.packets[0].tags <= TAGS_TRACKED and tracked(stream, scene):
            streams[stream.key].append(stream)
    for flow in sorted(tcp_flows(scene.replay), key=lambda f: f["start"]):
        flows[flow_key(flow)].append(flow)
    return streams, flows


def pair_up(scene):
    """(stream, flow record) where both sides agree how many connections there were."""
    streams, flows = split_keys(scene)
    for key, found in streams.items():
        if len(found) == len(flows[key]):
            yield from zip(found, flows[key])


def check_connections(scene):
    streams, flows = split_keys(scene)
    for key in streams.keys() | flows.keys():
        if len(streams[key]) != len(flows[key]):
            stream = (streams[key] or [None])[0]
            yield Difference("connections", f"{key}: tshark {len(streams[key])}, weir {len(flows[key])}",
                             stream=stream)


def name_of(stream):
    first = stream.packets[0]
    return f"stream {stream.number} ({first.src}:{first.sport} > {first.dst}:{first.dport}, packet {first.n})"


def expected_record(stream, scene):
    packets = tracked(stream, scene)
    found = facts.of_stream(evidence(stream, scene))
    originator = found.originator
    sent = Counter(p.sender == originator for p in packets)
    octets = Counter()
    for packet in packets:
        octets[packet.sender == originator] += packet.ip_bytes
    orig_state, resp_state = found.states()
    return {"src": originator[0], "sport": originator[1],
            "start": packets[0].time_us, "end": packets[-1].time_us,
            "orig_packets": sent[True], "orig_bytes": octets[True],
            "resp_packets": sent[False], "resp_bytes": octets[False],
            "orig_state": orig_state, "resp_state": resp_state}


def comparable(flow, name):
    return microseconds(flow[name]) if name in ("start", "end") else flow[name]


def check_records(scene):
    for stream, flow in scene.pairs:
        for name, expected in expected_record(stream, scene).items():
            found = comparable(flow, name)
            if found != expected:
                kind = {"end": "end-time"}.get(name, "end-state" if name.endswith("_state") else "record")
                yield Difference(kind, f"{name_of(stream)}: {name}: expected {expected}, weir {found}",
                                 stream=stream, expected=expected, found=found)


def letter(packet, originator):
    """Zeek's: what opens and closes a connection, upper case from the originator."""
    if packet.flags & facts.SYN:
        found = "h" if packet.flags & facts.ACK else "s"
    elif packet.flags & facts.RST:
        found = "r"
    else:
        found = "f" if packet.flags & facts.FIN else ""
    return found.upper() if packet.sender == originator else found


def check_history(scene):
    """Letters of all that has passed, whether it changed anything or not."""
    for stream, flow in scene.pairs:
        originator = flow["src"], flow["sport"]
        expected = {letter(packet, originator) for packet in tracked(stream, scene)} - {""}
        found = set(flow["history"]) & CONTROL_LETTERS
        if found != expected:
            yield Difference("history", f"{name_of(stream)}: expected {''.join(sorted(expected))} in the history, "
                             f"weir {flow['history']}", stream=stream)


def check_end_reason(scene):
    """A RST that was taken ends a flow as "rst"; a flow that is open at the end is "active"."""
    last_us = scene.packets[-1].time_us
    for stream, flow in scene.pairs:
        expected = facts.of_stream(evidence(stream, scene))
        ended = {"rst"} if expected.reset else {"fin", "active"} if expected.over else {"active"}
        idle_sec = (last_us - tracked(stream, scene)[-1].time_us) / 1e6
        if idle_sec > 10:
            ended.add("timeout")
        if flow["end_reason"] not in ended:
            yield Difference("end-reason", f"{name_of(stream)}: expected {sorted(ended)}, weir {flow['end_reason']}",
                             stream=stream)


def check_truth(scene):
    """The end states against `ss` of the hosts that were there; of each four numbers the last connection."""
    if scene.truth is None:
        return
    latest = {stream.key: (stream, flow) for stream, flow in scene.pairs}
    for stream, flow in latest.values():
        ends = (flow["src"], flow["sport"]), (flow["dst"], flow["dport"])
        for name, end, peer in (("orig_state", *ends), ("resp_state", *reversed(ends))):
            expected = scene.truth.state(end, peer)
            if flow[name] != expected:
                yield Difference("ss-state", f"{name_of(stream)}: {name}: ss {expected}, weir {flow[name]}",
                                 stream=stream, end=end, peer=peer, expected=expected, found=flow[name])


def check_refusals(scene):
    """Every refusal has to be explained where endpoints conform; elsewhere the damaged must not get through."""
    for line in scene.replay.trace:
        packet = scene.packets[line["n"]]
        if line["verdict"] == "drop":
            yield Difference("refused", f"packet {packet.n}: refused: {line['reason']}", packet=packet)


def check_forged(scene):
    """A forged segment outside of every window moves no state: the trace shows the one before it."""
    if scene.truth is None or scene.truth.conforming or "blind" not in scene.path:
        return
    before = {}
    for line in scene.replay.trace:
        states = line["orig_state"], line["resp_state"]
        if line["n"] in scene.truth.forged and states != before.get(line["id"]):
            yield Difference("forged", f"packet {line['n']}: forged, and the states became {states}")
        before[line["id"]] = states


def check_trace(scene):
    """One line for each packet, with its number and time; ids match streams one to one."""
    trace, packets = scene.replay.trace, scene.packets
    if any(p.fragment for p in packets):  # held until their datagram is whole, so told later than they came
        trace = sorted(trace, key=lambda line: line["n"])
    if [line["n"] for line in trace] != list(range(len(packets))):
        yield Difference("trace", f"{len(trace)} lines for {len(packets)} packets, or out of order")
        return
    for line, packet in zip(trace, packets):
        if microseconds(line["time"]) != packet.time_us:
            yield Difference("trace", f"packet {packet.n}: time {line['time']}, tshark {packet.time_us} us")
        if packet.tcp and packet.tags <= TAGS_TRACKED and line["verdict"] == "forward" and line["id"] is None:
            yield Difference("trace", f"packet {packet.n}: TCP, forwarded, and of no flow", packet=packet)


def check_ids(scene):
    """Packets of a stream are packets of its flow record, in the right direction."""
    for stream, flow in scene.pairs:
        for packet in tracked(stream, scene):
            line = scene.replay.trace[packet.n]
            direction = "orig" if packet.sender == (flow["src"], flow["sport"]) else "resp"
            if flow["src"] == flow["dst"] and flow["sport"] == flow["dport"]:
                continue
            if line["id"] != flow["id"] or line["dir"] != direction:
                yield Difference("trace", f"packet {packet.n}: flow {line['id']} {line['dir']}, "
                                 f"expected {flow['id']} {direction}", packet=packet)


def check_every_state(scene):
    """Where nothing was lost, repeated or overtaken, the states hold after every single packet."""
    for stream, flow in scene.pairs:
        if stream.troubled:
            continue
        known = facts.Facts()
        for packet in evidence(stream, scene):
            known.feed(packet)
            line = scene.replay.trace[packet.n]
            expected = known.states()
            found = line["orig_state"], line["resp_state"]
            if line["id"] == flow["id"] and found != expected:
                yield Difference("packet-state", f"packet {packet.n}: expected {expected}, weir {found}",
                                 packet=packet, stream=stream)


def check_sums(scene):
    """
    Counters add up: packets of flow records are the packets forwarded in the trace, refused ones the refused. An
    ICMP error names in the trace the flow that it is about, but is none of its packets.
    """
    trace = [line for line in scene.replay.trace if line["id"] is not None and line["class"] != "related"]
    flows = {flow["id"]: flow for flow in scene.replay.flows}
    if len(flows) != len(scene.replay.flows):
        yield Difference("sums", "two flow records have the same id")
    sums = Counter((line["id"], line["dir"], line["verdict"] == "drop") for line in trace)
    for flow in flows.values():
        for direction in ("orig", "resp"):
            for name, refused in (("packets", False), ("refused", True)):
                field = f"refused_{direction}" if refused else f"{direction}_{name}"
                expected = sums.pop((flow["id"], direction, refused), 0)
                if flow[field] != expected:
                    yield Difference("sums", f"flow {flow['id']}: {field} {flow[field]}, in the trace {expected}")
    if sums:
        yield Difference("sums", f"the trace names flows without a record: {sorted(sums)[:3]}")


def check_datagrams(scene):
    """UDP and ICMP: every flow with its ends, times, packets and octets, and no other."""
    for text in datagrams.differences(scene, microseconds):
        yield Difference("datagrams", text)


def check_output(scene):
    """What was forwarded is in the output, unchanged and in order."""
    _, found = capture_file.read(scene.replay.out_path)
    sent = [scene.frames[line["n"]] for line in scene.replay.trace if line["verdict"] in VERDICTS_SENT]
    if len(found) != len(sent):
        yield Difference("output", f"{len(found)} packets in the output, {len(sent)} forwarded")
    for number, (frame, expected) in enumerate(zip(found, sent)):
        if frame != expected:
            yield Difference("output", f"packet {number} of the output is not what was forwarded")
            return


CHECKS = (check_trace, check_connections, check_records, check_history, check_end_reason, check_truth,
          check_refusals, check_forged, check_ids, check_every_state, check_sums, check_datagrams,
          check_output)
