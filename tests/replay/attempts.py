# SPDX-License-Identifier: BSD-3-Clause
"""
Two hosts that try again and again within a round trip: opens given up, aborted, crossing, closed at once, either side
listening or not, numbers that go on or are random (RFC 6528, RFC 9293 3.4.1). What passes is of several attempts at once.
"""

from endpoints import ACK, WRAP, Host, Script

THINK_US = (1, 20, 100, 200, 300, 500, 900, 2000, 200_000)


class TryingHost(Host):
    """Two ends of different attempts acknowledge each other's acknowledgements: throttled (RFC 5961 7)."""

    same, last = 0, None

    def send(self, segment):
        bare = segment.flags == ACK and not segment.payload and (segment.seq, segment.ack)
        self.same = self.same + 1 if bare and bare == self.last else 0
        self.last = bare
        if self.same < 12:
            super().send(segment)


class RandomHost(TryingHost):
    """Each connection's first number has nothing to do with the one before."""

    def iss(self):
        self.newest = self.world.random.randrange(WRAP)
        return self.newest


class Attempts:
    """One pair of addresses and ports, and what its two users do."""

    settled = False  # which attempt an end was in at last, the wire does not always tell

    def __init__(self, world, ends, wire_between, traits):
        rng = world.random
        self.world, self.ends = world, ends
        kind = rng.choice((TryingHost, RandomHost))
        self.first = kind(world, traits(rng), listens=rng.random() < 0.4)
        self.second = kind(world, traits(rng), listens=rng.random() < 0.7)
        self.wire = wire_between(self.first, self.second)
        at = rng.randrange(40_000_000)
        for _ in range(rng.randrange(3, 16)):
            at += rng.choice(THINK_US) + rng.randrange(50)
            world.after(at, self.act)

    def act(self):
        rng = self.world.random
        host = self.first if rng.random() < 0.65 else self.second
        what = rng.choice(("open", "open", "open", "forget", "abort", "close", "send"))
        if host.tcb is None:
            if what == "open":
                host.open(self.script())
        elif what == "forget" and host.state in ("SYN-SENT", "SYN-RECEIVED"):
            host.tcb = None  # RFC 9293 3.10.4, or it has waited long enough (3.8.3)
        elif what == "abort":
            host.tcb.abort()
        elif what == "close":
            host.tcb.close()
        elif what == "send" and host.script is None:
            host.script = self.script()

    def script(self):
        rng = self.world.random
        actions = [(rng.choice(THINK_US), "send", rng.choice((1, 500))) for _ in range(rng.randrange(3))]
        actions += [(rng.choice(THINK_US), rng.choice(("close", "abort")), 0)] if rng.random() < 0.7 else []
        return Script(actions, rng.choice((0, 200, None)))
