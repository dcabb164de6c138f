# SPDX-License-Identifier: BSD-3-Clause
"""Segments that no endpoint sent: forged on the wire, answered (or not) by real stacks."""

from .closing import both_ways
from .frames import ACK, FIN, RST, SYN, forge_tcp, parse_tcp
from .lab import V4, V6
from .opening import exchange_and_close
from .registry import scenario
from .wire import TO_SERVER, WireOptions

FAR = 1 << 30


def forge(lab, template, flags, seq_offset):
    """One segment in the client's name, its number relative to the end of the frame `template`."""
    newest = parse_tcp(template)
    seq = newest.seq + newest.payload_len + seq_offset
    ack = newest.ack if flags & ACK else 0
    lab.wire.inject(TO_SERVER, forge_tcp(template, flags, seq, ack))
    lab.settle()


BLIND = ((RST, FAR), (RST, -FAR), (RST | ACK, FAR), (SYN, FAR), (SYN | ACK, FAR), (FIN | ACK, FAR),
         (FIN | ACK, -FAR), (ACK, FAR), (ACK, -FAR))


@scenario("forged-blind", conforming=False, wire=WireOptions(delay_ms=1))
def forged_blind(lab):
    """Outside of every window: nothing may come of them, the connections go on and close as ever."""
    for family in (V4, V6):
        client, server = both_ways(lab, family)
        template = lab.wire.last[TO_SERVER]
        for flags, seq_offset in BLIND:
            forge(lab, template, flags, seq_offset)
        exchange_and_close(client, server)
    lab.settle()


@scenario("forged-in-window", conforming=False, wire=WireOptions(delay_ms=1))
def forged_in_window(lab):
    """In the window but not exact: the server answers with challenge ACKs (RFC 5961) and carries on."""
    lab.server.sysctl("net.ipv4.tcp_invalid_ratelimit", 0)
    for family in (V4, V6):
        client, server = both_ways(lab, family)
        template = lab.wire.last[TO_SERVER]
        for flags, seq_offset in ((RST, 100), (RST, 1000), (SYN, 100), (SYN, FAR)):
            forge(lab, template, flags, seq_offset)
        exchange_and_close(client, server)
    lab.settle()


@scenario("forged-exact", conforming=False, wire=WireOptions(delay_ms=1))
def forged_exact(lab):
    """A RST with the exact number, as an attacker on the path sends it: the server's end is gone at once."""
    for family in (V4, V6):
        client, _ = both_ways(lab, family)
        forge(lab, lab.wire.last[TO_SERVER], RST, 0)
        client.sendall(b"anybody there?")
        lab.settle()

