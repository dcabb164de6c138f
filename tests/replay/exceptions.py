# SPDX-License-Identifier: BSD-3-Clause
"""Differences between weir and its judges that have a good reason, each with the condition that shows it.

None of them is a tolerance: each names the kind of difference, and finds the condition in the capture or in the
`ss` listing beside it. What no row here explains is a failure.
"""

from dataclasses import dataclass

import facts


SHOWS_NO_LIFE = {"after-close", "rst-inexact", "syn-challenge", "syn-time-wait", "syn-ack-other", "half-open-ack",
                 "other-attempt"}


@dataclass
class Difference:
    """`kind` is what was compared; `packet` or `stream` is where, if anywhere."""

    kind: str
    text: str
    packet: object = None
    stream: object = None
    end: tuple = None
    peer: tuple = None
    expected: object = None
    found: object = None


def damaged(_, difference):
    """The checksum is wrong, the header is no header: the receiver will not take it either."""
    packet = difference.packet
    no_header = packet.malformed and difference.text.endswith("-header")
    return packet.bad_checksum or no_header or not packet.tcp and (packet.malformed or packet.claims_tcp)


def cut_by_snap_length(_, difference):
    """Its header was, that is: of payload that is missing weir says that it is not checked."""
    return difference.packet.captured < difference.packet.length and not difference.packet.tcp


def in_fragments(scene, difference):
    """tshark counts a datagram once, by its last piece; weir counts every piece."""
    ends = set(difference.stream.packets[0].sender[:1] + difference.stream.packets[0].receiver[:1])
    return any(p.fragment and p.claims_tcp and {p.src, p.dst} == ends for p in scene.packets)


def never_whole(_, difference):
    """A piece of a datagram that did not come whole, or not sound (RFC 791 3.2, RFC 8200 4.5)."""
    return bool(difference.packet.fragment) and ": frag-" in difference.text


def answers_what_the_capture_lost(scene, difference):
    """The capture has holes that the network had not. In our own captures there are none such."""
    packet = difference.packet
    return not scene.strict and any("ack_lost_segment" in p.analysis and p.stream == packet.stream
                                    and p.n <= packet.n for p in scene.packets)


def is_forged(scene, difference):
    return scene.truth is not None and difference.packet.n in scene.truth.forged


def still_retransmitting(scene, difference):
    return scene.truth.unsettled(difference.end, difference.peer)


def reset_lost(scene, difference):
    return any(flags == "R" for _, flags in scene.truth.lost_control(difference.end, difference.peer))


def first_fin_unseen(scene, difference):
    """Two histories with one picture: FIN sent before the peer's FIN arrived, or after it and only that one seen."""
    return ("before", "F") in scene.truth.lost_control(difference.end, difference.peer) \
        and {difference.expected, difference.found} == {"TIME-WAIT", "CLOSED"}


def prolonged_by_nothing(scene, difference):
    """
    What shows no life of the connection must not keep it: else a stranger could. So the record ends with the
    last packet before such ones (RFC 5961 3.2 and 4.2 segments, and what still comes after a RST).
    """
    lines = {line["n"]: line for line in scene.replay.trace}
    passed = [p for p in difference.stream.packets if lines[p.n]["verdict"] == "forward"]
    return any(p.time_us == difference.found for p in passed) and all(
        lines[p.n]["reason"] in SHOWS_NO_LIFE for p in passed if p.time_us > difference.found)


def reset_toward_time_wait(_, difference):
    """TIME-WAIT is not to be cut short by a RST (RFC 1337 3), though most hosts let it be."""
    return difference.text.endswith("refused: rst-time-wait")


def time_wait_kept(scene, difference):
    """The host took the RST that weir refused, see reset_toward_time_wait."""
    return (difference.expected, difference.found) == ("CLOSED", "TIME-WAIT") \
        and "rst-time-wait" in scene.reasons(difference.stream, difference.peer)


def resets_from(difference, end):
    return [p for p in difference.stream.packets if p.flags & facts.RST and p.sender == end]


def reset_off_the_number(_, difference):
    """A RST that is not exact tells nothing of its sender: it may be forged. This one was not (RFC 5961 3.2)."""
    known = facts.of_stream(difference.stream.packets)
    return difference.expected == "CLOSED" and not known.reset and bool(resets_from(difference, difference.end))


def reset_behind_a_hole(_, difference):
    """A RST exact by what its sender has sent, but the receiver lacked some of that: one picture, two histories."""
    acked = difference.stream.highest_ack(difference.end)
    return difference.found == "CLOSED" and any(
        acked is None or (p.seq - acked) % (1 << 32) not in (0, (1 << 32) - 1)
        for p in resets_from(difference, difference.peer))


def opening_unseen(_, difference):
    """What was said before the recording began, a FIN for one, cannot be known."""
    return not any(p.flags & facts.SYN for p in difference.stream.packets)


def told_by_icmp(scene, difference):
    """An ICMP error made the host give up in silence, as RFC 9293 3.9.2.2 allows in SYN-SENT."""
    return difference.found in ("SYN-SENT", "SYN-RECEIVED") and any(p.icmp_error for p in scene.packets)


ROWS = (
    # kind of difference, condition, name in the result line
    ("refused", damaged, "damaged segment refused"),
    ("refused", cut_by_snap_length, "header cut by the snap length"),
    ("refused", answers_what_the_capture_lost, "segment that acknowledges what the capture lost"),
    ("refused", never_whole, "piece of a datagram that is not whole"),
    ("record", in_fragments, "datagrams counted by pieces"),
    ("refused", is_forged, "forged segment refused"),
    ("refused", reset_toward_time_wait, "RST toward TIME-WAIT refused"),
    ("ss-state", time_wait_kept, "RST toward TIME-WAIT refused"),
    ("end-time", prolonged_by_nothing, "end before what shows no life"),
    ("ss-state", still_retransmitting, "host still retransmits"),
    ("ss-state", reset_lost, "RST lost on the wire"),
    ("ss-state", first_fin_unseen, "FIN lost before the tap"),
    ("ss-state", reset_off_the_number, "RST off the exact number"),
    ("ss-state", reset_behind_a_hole, "RST behind what the receiver lacked"),
    ("ss-state", opening_unseen, "opening before the recording"),
    ("ss-state", told_by_icmp, "gave up on an ICMP error"),
)


def explain(scene, difference):
    """The name of the exception that covers this difference, or None."""
    for kind, condition, name in ROWS:
        if kind == difference.kind and condition(scene, difference):
            return name
    return None
