# SPDX-License-Identifier: BSD-3-Clause
"""How connections end, or do not: half closes, both at once, aborts in every state, never."""

import socket
import time

from . import frames
from .lab import V4, V6, abort, receive_all, receive_exactly
from .opening import start_connect
from .registry import scenario
from .wire import AFTER, BEFORE, TO_CLIENT, TO_SERVER, WireOptions

BLOCK = bytes(range(256)) * 13


def both_ways(lab, family=V4, port=7):
    """A connection that has carried a little in each direction."""
    client, server = lab.pair(family, port)
    client.sendall(b"c" * 100)
    server.sendall(b"s" * 100)
    receive_exactly(server, 100)
    receive_exactly(client, 100)
    lab.settle(0.06)
    return client, server


def half_close(first, second):
    """`first` closes its direction; `second` goes on sending before it closes, too."""
    first.shutdown(socket.SHUT_WR)
    receive_all(second)
    second.sendall(BLOCK)
    receive_exactly(first, len(BLOCK))
    second.sendall(BLOCK)
    second.close()
    receive_all(first)
    first.close()


@scenario("half-close")
def half_close_each(lab):
    """By the client and by the server, data flowing the other way after it."""
    for family in (V4, V6):
        half_close(*both_ways(lab, family))
        half_close(*reversed(both_ways(lab, family, 8)))
    lab.settle()


@scenario("close")
def plain_close(lab):
    """By the client and by the server, with FIN on its own and on the last data."""
    for family in (V4, V6):
        for number in range(4):
            first, second = both_ways(lab, family, 50 + number)
            if number % 2:
                first, second = second, first
            if number >= 2:
                first.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                first.sendall(b"last words")
            first.close()
            receive_all(second)
            second.close()
            lab.settle(0.06)
    lab.settle()


@scenario("simultaneous-close", wire=WireOptions(delay_ms=25))
def simultaneous_close(lab):
    for family in (V4, V6):
        pair = both_ways(lab, family)
        for sock in pair:
            sock.shutdown(socket.SHUT_WR)
        lab.settle()
        crossing = both_ways(lab, family, 8)
        for sock in crossing:
            sock.sendall(b"and one more thing")
            sock.shutdown(socket.SHUT_WR)
        lab.settle()


@scenario("never-closed")
def never_closed(lab):
    """One side closes, the other never does: FIN-WAIT-2 and CLOSE-WAIT at the end, either way round."""
    for family in (V4, V6):
        for number, order in enumerate((1, -1)):
            first, _ = both_ways(lab, family, 60 + number)[::order]
            first.shutdown(socket.SHUT_WR)
    lab.settle()


@scenario("open-at-end")
def open_at_end(lab):
    """Established, half closed and in TIME-WAIT at the moment the recording ends."""
    for family in (V4, V6):
        both_ways(lab, family, 70)
    closed_by_client = both_ways(lab, V4, 71)
    closed_by_client[0].shutdown(socket.SHUT_WR)
    finished = both_ways(lab, V4, 72)
    finished[0].close()
    receive_all(finished[1])
    finished[1].close()
    lab.settle()


@scenario("last-ack-lost")
def last_ack_lost(lab):
    """The ACK of the second FIN is lost before or after the tap: the FIN comes again, TIME-WAIT answers."""
    for number, side in enumerate((BEFORE, AFTER)):
        client, server = both_ways(lab, V4, 80 + number)
        client.shutdown(socket.SHUT_WR)
        receive_all(server)
        lab.settle()
        lab.wire.drop(side, lambda d, s: d == TO_SERVER and s.flags == frames.ACK)
        server.close()
        receive_all(client)
        lab.settle(0.6)
        client.close()
    lab.settle()


@scenario("fin-lost")
def fin_lost(lab):
    """FINs of either side lost before and after the tap, and sent again."""
    is_fin = lambda direction: lambda d, s: d == direction and s.flags & frames.FIN  # noqa: E731
    number = 0
    for side in (BEFORE, AFTER):
        for direction in (TO_SERVER, TO_CLIENT):
            client, server = both_ways(lab, V4, 90 + number)
            number += 1
            lab.wire.drop(side, is_fin(direction))
            client.shutdown(socket.SHUT_WR)
            receive_all(server)
            server.close()
            receive_all(client)
            client.close()
            lab.settle(0.6)


@scenario("crossing-fin-lost", wire=WireOptions(delay_ms=20))
def crossing_fin_lost(lab):
    """Both close at once; one FIN was seen at the tap and lost after it, so the presumption was wrong."""
    for number, direction in enumerate((TO_SERVER, TO_CLIENT)):
        client, server = both_ways(lab, V4, 95 + number)
        lab.wire.drop(AFTER, lambda d, s, want=direction: d == want and s.flags & frames.FIN)
        client.shutdown(socket.SHUT_WR)
        server.shutdown(socket.SHUT_WR)
        lab.settle(0.6)
        client.close()
        server.close()
    lab.settle()


def abort_established(lab, family, port, order):
    first, second = both_ways(lab, family, port)[::order]
    abort(first)
    return second


def abort_with_unread_data(lab, family, port, order):
    """close() with data unread sends a RST (RFC 2525 section 2.17)."""
    first, second = both_ways(lab, family, port)[::order]
    second.sendall(b"never read")
    lab.settle(0.06)
    first.close()
    return second


def abort_in_close_wait(lab, family, port, order):
    first, second = both_ways(lab, family, port)[::order]
    second.shutdown(socket.SHUT_WR)
    lab.settle(0.06)
    abort(first)
    return second


def abort_in_fin_wait_2(lab, family, port, order):
    first, second = both_ways(lab, family, port)[::order]
    first.shutdown(socket.SHUT_WR)
    lab.settle(0.06)
    abort(first)
    return second


def data_after_close(lab, family, port, order):
    """The receiver closed both directions; data that still comes is answered with a RST."""
    first, second = both_ways(lab, family, port)[::order]
    first.close()
    lab.settle(0.06)
    second.sendall(b"too late")
    return second


ABORTS = (abort_established, abort_with_unread_data, abort_in_close_wait, abort_in_fin_wait_2,
          data_after_close)


@scenario("abort")
def aborts(lab):
    """Every kind of abort, by client and by server, IPv4 and IPv6."""
    port = 100
    for family in (V4, V6):
        for kind in ABORTS:
            for order in (1, -1):
                other = kind(lab, family, port, order)
                lab.settle(0.06)
                other.close()
                port += 1
    lab.settle()


@scenario("abort-unaccepted")
def abort_unaccepted(lab):
    """The listener goes away with finished handshakes in its queue: a RST for each."""
    for family in (V4, V6):
        listener = lab.server.listen(family, 130)
        clients = [lab.client.socket(family) for _ in range(3)]
        for client in clients:
            client.connect((lab.server.address[family], 130))
        clients[0].sendall(b"data for nobody")
        lab.settle()
        listener.close()
        lab.settle()


@scenario("abort-in-flight", wire=WireOptions(delay_ms=20))
def abort_in_flight(lab):
    """RST while data of the other side is under way: the data meets a closed port and is answered again."""
    for number, order in enumerate((1, -1)):
        first, second = both_ways(lab, V4, 140 + number)[::order]
        second.sendall(BLOCK)
        abort(first)
        lab.settle()
    crossing = both_ways(lab, V6, 142)
    for sock in crossing:
        abort(sock)
    lab.settle()


@scenario("reset-lost", wire=WireOptions(delay_ms=5))
def reset_lost(lab):
    """RSTs lost after and before the tap; the other side learns it from the answer to its next segment."""
    for number, side in enumerate((AFTER, BEFORE)):
        client, server = both_ways(lab, V4, 150 + number)
        lab.wire.drop(side, lambda _, s: s.flags & frames.RST)
        abort(client)
        lab.settle()
        server.sendall(b"are you there?")
        lab.settle()
    client, _ = both_ways(lab, V4, 152)
    lab.wire.drop(AFTER, lambda _, s: s.flags & frames.RST)
    abort(client)
    lab.settle()


@scenario("time-wait-syn", wire=WireOptions(delay_ms=2))
def time_wait_syn(lab):
    """A client that starts again at once with the same port, several times, no pause between."""
    listener = lab.server.listen(V4, 160)
    for _ in range(6):
        client, server = lab.pair(V4, 160, 5160, listener)
        server.sendall(b"bye")
        server.close()
        receive_all(client)
        client.close()
        lab.settle(0.05)
    time.sleep(0.1)
    start_connect(lab.client, V4, lab.server.address[V4], 160, 5160)
    lab.settle()
