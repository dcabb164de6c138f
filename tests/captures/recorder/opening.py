# SPDX-License-Identifier: BSD-3-Clause
"""How connections begin, or do not: refused, unanswered, simultaneous, Fast Open, port reuse."""

import errno
import socket
import time

from . import frames
from .lab import BEYOND, NOBODY, V4, V6, receive_all
from .registry import scenario
from .wire import AFTER, BEFORE, TO_SERVER, WireOptions

MSG_FASTOPEN = 0x20000000
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
TCP_SEND_QUEUE, TCP_REPAIR_OFF_NO_WP = 2, -1


def is_syn(segment):
    return segment.flags & (frames.SYN | frames.ACK) == frames.SYN


def is_syn_ack(segment):
    return segment.flags & (frames.SYN | frames.ACK) == frames.SYN | frames.ACK


def start_connect(host, family, address, port, local_port=0):
    sock = host.socket(family, port=local_port)
    sock.setblocking(False)
    if sock.connect_ex((address, port)) not in (0, errno.EINPROGRESS):
        raise OSError("connect failed at once")
    return sock


def exchange_and_close(client, server, size=600):
    client.sendall(b"q" * size)
    server.recv(size)
    server.sendall(b"a" * size)
    client.recv(size)
    client.close()
    receive_all(server)
    server.close()


@scenario("refused")
def refused(lab):
    for family in (V4, V6, V4, V6):
        sock = lab.client.socket(family)
        if sock.connect_ex((lab.server.address[family], 81)) != errno.ECONNREFUSED:
            raise AssertionError("the connection was not refused")
    lab.settle()


@scenario("unanswered")
def unanswered(lab):
    for family in (V4, V6):
        start_connect(lab.client, family, NOBODY[family], 80)
    time.sleep(3.4)  # the retransmissions after 1 and 3 seconds
    lab.settle()


@scenario("unreachable")
def unreachable(lab):
    """The router answers each SYN with an ICMP error; the connections stay SYN-SENT or give up."""
    for family in (V4, V6):
        start_connect(lab.client, family, BEYOND[family], 80)
    time.sleep(1.2)
    lab.settle()


@scenario("syn-lost-before-tap")
def syn_lost_before_tap(lab):
    lab.wire.drop(BEFORE, lambda _, s: is_syn(s))
    exchange_and_close(*lab.pair())
    lab.wire.drop(BEFORE, lambda _, s: is_syn_ack(s))
    exchange_and_close(*lab.pair(V6))
    lab.settle()


@scenario("handshake-lost-after-tap")
def handshake_lost_after_tap(lab):
    """SYN, SYN-ACK and the third segment, each seen at the tap and then lost, each on its own connection."""
    third = lambda d, s: d == TO_SERVER and s.flags == frames.ACK  # noqa: E731
    for number, match in enumerate((lambda _, s: is_syn(s), lambda _, s: is_syn_ack(s), third)):
        listener = lab.server.listen(V4, 700 + number)
        rule = lab.wire.drop(AFTER, match)
        client = lab.client.socket(V4)
        client.connect((lab.server.address[V4], 700 + number))
        server, _ = listener.accept()
        rule.count = 0
        exchange_and_close(client, server)
    lab.settle()


@scenario("abandoned-connect", wire=WireOptions(delay_ms=20))
def abandoned_connect(lab):
    """The client closes in SYN-SENT, so that its stack answers the SYN-ACK with a RST."""
    for family in (V4, V6):
        lab.server.listen(family, 7)
        start_connect(lab.client, family, lab.server.address[family], 7).close()
    lab.settle()


@scenario("simultaneous-open", wire=WireOptions(delay_ms=25))
def simultaneous_open(lab):
    """Both connect at once; one such connection is closed by both at once, one stays open."""
    pairs = []
    for family, port in ((V4, 4000), (V6, 4001)):
        client = start_connect(lab.client, family, lab.server.address[family], port, port)
        server = start_connect(lab.server, family, lab.client.address[family], port, port)
        lab.settle()
        client.setblocking(True)
        server.setblocking(True)
        client.sendall(b"from the client")
        server.sendall(b"from the server")
        client.recv(100)
        server.recv(100)
        pairs.append((client, server))
    lab.settle()
    for sock in pairs[0]:
        sock.close()
    lab.settle()


@scenario("fast-open")
def fast_open(lab):
    """The first connection asks for a cookie, the second sends data in its SYN (RFC 7413)."""
    for host in (lab.client, lab.server):
        host.sysctl("net.ipv4.tcp_fastopen", 3)
    for family in (V4, V6):
        listener = lab.server.socket(family, port=8)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 8)
        listener.listen(8)
        for _ in range(3):
            client = lab.client.socket(family, timeout_sec=None)
            client.sendto(b"question" * 50, MSG_FASTOPEN, (lab.server.address[family], 8))
            server, _ = listener.accept()
            server.recv(1000)
            server.sendall(b"answer" * 100)
            server.close()
            receive_all(client)
            client.close()
            lab.settle(0.05)
    lab.settle()


@scenario("fast-open-refused-data")
def fast_open_refused_data(lab):
    """The server forgets its key between two connections: it acknowledges the SYN without its data."""
    for host in (lab.client, lab.server):
        host.sysctl("net.ipv4.tcp_fastopen", 3)
    listener = lab.server.socket(V4, port=8)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 8)
    listener.listen(8)
    for number in range(3):
        client = lab.client.socket(V4, timeout_sec=None)
        client.sendto(b"question" * 50, MSG_FASTOPEN, (lab.server.address[V4], 8))
        server, _ = listener.accept()
        server.recv(1000)
        client.close()
        receive_all(server)
        server.close()
        lab.settle(0.05)
        lab.server.sysctl("net.ipv4.tcp_fastopen_key", "-".join(["0000000%d" % number] * 4))
    lab.settle()


@scenario("port-reuse")
def port_reuse(lab):
    """The same four numbers again while one side is still in TIME-WAIT: first the server's, then the client's."""
    lab.client.sysctl("net.ipv4.tcp_tw_reuse", 1)
    for family in (V4, V6):
        listener = lab.server.listen(family, 9)
        for closes_first in ("server", "server", "client", "client"):
            client, server = lab.pair(family, 9, 5009, listener)
            client.sendall(b"hello")
            server.recv(100)
            first, second = (server, client) if closes_first == "server" else (client, server)
            first.close()
            receive_all(second)
            second.close()
            lab.settle()
            time.sleep(1.1)  # a TIME-WAIT may be reused when the time stamp clock moved on (RFC 6191)


@scenario("sequence-wrap")
def sequence_wrap(lab):
    """Initial sequence numbers just below 2^32, set through TCP_REPAIR, so that they wrap in the data."""
    for family, before_wrap in ((V4, 5000), (V6, 1), (V4, 3)):
        listener = lab.server.listen(family, 10)
        client = lab.client.socket(family)
        client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE)
        client.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, -before_wrap)
        client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP)
        client.connect((lab.server.address[family], 10))
        server, _ = listener.accept()
        client.sendall(b"w" * 7000)
        client.shutdown(socket.SHUT_WR)
        receive_all(server)
        server.close()
        receive_all(client)
        client.close()
        listener.close()
        lab.settle()


@scenario("old-options")
def old_options(lab):
    """Peers without window scaling, time stamps or SACK, in all combinations."""
    for number in range(8):
        for bit, name in enumerate(("window_scaling", "timestamps", "sack")):
            lab.client.sysctl(f"net.ipv4.tcp_{name}", number >> bit & 1)
        client, server = lab.pair(V4 if number % 2 else V6, 20 + number)
        exchange_and_close(client, server, 1600)
    lab.settle()


@scenario("half-open", wire=WireOptions(delay_ms=5))
def half_open(lab):
    """Handshakes that stand still: SYN-ACKs lost after the tap, and third segments lost before it."""
    lab.wire.drop(AFTER, lambda _, s: is_syn_ack(s) and s.sport == 31, 100)
    lab.wire.drop(BEFORE, lambda d, s: d == TO_SERVER and s.dport == 32 and s.flags == frames.ACK, 100)
    for port in (31, 32):
        lab.server.listen(V4, port)
        start_connect(lab.client, V4, lab.server.address[V4], port)
    time.sleep(1.5)
    lab.settle(0.1)


@scenario("late-start")
def late_start(lab):
    """The recording begins inside of connections: after the SYN, after the handshake, in the data, after a FIN."""
    listener = lab.server.listen(V4, 40)
    lab.wire.recording = False
    opened = [lab.pair(V4, 40, listener=listener) for _ in range(3)]
    half_closed = lab.pair(V4, 40, listener=listener)
    half_closed[0].shutdown(socket.SHUT_WR)
    lab.settle()
    lab.wire.recording = True
    opened[0][0].sendall(b"x" * 3000)
    opened[0][1].sendall(b"y" * 3000)
    lab.settle()
    exchange_and_close(*opened[1])
    opened[2][1].sendall(b"z" * 20000)
    lab.settle()
    half_closed[1].sendall(b"still here")
    half_closed[1].close()
    lab.settle()


@scenario("late-start-syn-ack", wire=WireOptions(delay_ms=20))
def late_start_syn_ack(lab):
    """Of the first connection the capture lacks the SYN: its originator is the receiver of the SYN-ACK."""
    lab.wire.recording = False
    listener = lab.server.listen(V4, 41)
    client = start_connect(lab.client, V4, lab.server.address[V4], 41)
    server, _ = wait_for_syn(lab, listener)
    client.settimeout(10)
    exchange_and_close(client, server)
    lab.settle()


def wait_for_syn(lab, listener):
    """Starts the recording as soon as the SYN has crossed the tap."""
    while TO_SERVER not in lab.wire.last:
        time.sleep(0.001)
    lab.wire.recording = True
    return listener.accept()

