# SPDX-License-Identifier: BSD-3-Clause
"""The `ss` listing of both hosts that record.sh keeps beside a capture."""

import json
import os
from collections import defaultdict


def split_address(text):
    address, port = text.rsplit(":", 1)
    return address.strip("[]"), int(port)


class Truth:
    """`state(end, peer)` is what the host that owns `end` said of its socket; CLOSED when it had none."""

    def __init__(self, data):
        self.conforming = data["conforming"]
        self.forged = {number - 1 for number in data["forged_packets"]}
        self.hosts = {a for host in data["hosts"].values() for a in host["addresses"]}
        self.sockets, self.retransmitting = {}, set()
        for host in data["hosts"].values():
            for entry in host["tcp"]:
                ends = split_address(entry["local"]), split_address(entry["peer"])
                self.sockets[ends] = entry["state"]
                if entry["timer"] == "on":
                    self.retransmitting.add(frozenset(ends))
        self.lost = defaultdict(set)
        for entry in data["control_segments_lost"]:
            ends = (entry["src"], entry["sport"]), (entry["dst"], entry["dport"])
            self.lost[frozenset(ends)].add((entry["side"], entry["flags"]))

    def state(self, end, peer):
        return self.sockets.get((end, peer), "CLOSED")

    def unsettled(self, end, peer):
        """A host was still retransmitting: what it knows and what passed the tap differ for the moment."""
        return frozenset((end, peer)) in self.retransmitting

    def lost_control(self, end, peer):
        return self.lost[frozenset((end, peer))]


def beside(path):
    """The truth that belongs to a capture, or None."""
    candidate = os.path.splitext(path)[0] + ".ss.json"
    if not os.path.exists(candidate):
        return None
    with open(candidate, encoding="ascii") as source:
        return Truth(json.load(source))
