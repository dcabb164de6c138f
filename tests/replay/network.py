# SPDX-License-Identifier: BSD-3-Clause
"""
Simulated time, and a network with a tap in its middle.

It loses, doubles and delays before and after the tap, each packet by itself, so it also reorders. Times are
microseconds.
"""

import heapq
from dataclasses import dataclass, field

from endpoints import FIN, RST, Host, Segment


@dataclass
class Trouble:
    """Chances per packet, on each side of the tap."""

    lost: float = 0.0
    doubled: float = 0.0
    delay_us: tuple = (100, 300)


@dataclass
class Passed:
    """One packet at the tap."""

    time: int
    wire: object
    from_first: bool
    segment: Segment


@dataclass
class Wire:
    """Joins two hosts through the tap, and counts what makes two histories look the same at it."""

    world: object
    first: Host
    second: Host
    before: Trouble
    after: Trouble
    resets_lost: int = 0
    resets_not_taken: int = 0
    fins_lost_before: int = 0
    name: tuple = ()
    last_passed: object = None  # who sent what passed the tap last

    def __post_init__(self):
        self.first.wire = self.second.wire = self

    def carry(self, sender, segment):
        for _ in range(self.copies(self.before, segment)):
            self.world.after(self.world.random.randint(*self.before.delay_us), self.tapped, sender, segment)

    def copies(self, trouble, segment):
        if self.world.random.random() < trouble.lost:
            self.resets_lost += bool(segment.flags & RST)
            self.fins_lost_before += bool(segment.flags & FIN) and trouble is self.before
            return 0
        return 2 if self.world.random.random() < trouble.doubled else 1

    def tapped(self, sender, segment, arrives=True):
        self.world.passed.append(Passed(self.world.now, self, sender is self.first, segment))
        if not segment.forged:
            self.last_passed = sender
        receiver = self.second if sender is self.first else self.first
        for _ in range(int(arrives) if segment.forged else self.copies(self.after, segment)):
            self.world.after(self.world.random.randint(*self.after.delay_us), receiver.receive, segment)


@dataclass
class World:
    """Simulated time."""

    random: object
    now: int = 0
    passed: list = field(default_factory=list)
    events: list = field(default_factory=list)
    count: int = 0

    def after(self, wait_us, function, *arguments):
        self.count += 1
        heapq.heappush(self.events, (self.now + wait_us, self.count, function, arguments))

    def run(self, until):
        while self.events and self.events[0][0] <= until:
            self.now, _, function, arguments = heapq.heappop(self.events)
            function(*arguments)
        self.now = until
