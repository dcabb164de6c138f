# SPDX-License-Identifier: BSD-3-Clause
"""What flows inside of connections: keep-alives, closed windows, urgent data, large frames, tags, no TCP."""

import random
import socket
import threading
import time

from .closing import both_ways
from .lab import BEYOND, V4, V6, receive_all, receive_exactly
from .opening import exchange_and_close
from .registry import scenario
from .wire import WireOptions

TAG_Q, TAG_AD = 0x8100, 0x88A8


@scenario("keep-alive")
def keep_alive(lab):
    """Probes from either side, answered; one connection is closed after them, one stays open."""
    pairs = []
    for number, order in enumerate((1, -1)):
        first, second = both_ways(lab, (V4, V6)[number], 170 + number)[::order]
        for name, value in (("TCP_KEEPIDLE", 1), ("TCP_KEEPINTVL", 1)):
            first.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        first.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        pairs.append((first, second))
    time.sleep(3.5)
    prober, answerer = pairs[0]
    prober.close()
    receive_all(answerer)
    answerer.close()
    lab.settle()


def fill(sender, limit):
    """Sends until nothing more goes; returns how much went."""
    sender.setblocking(False)
    sent = 0
    while sent < limit:
        try:
            sent += sender.send(b"f" * min(1000, limit - sent))
        except BlockingIOError:
            break
    sender.setblocking(True)
    return sent


@scenario("zero-window")
def zero_window(lab):
    """The receiver stops reading: closed window, probes, then it reads on; the last one never does."""
    for number, family in enumerate((V4, V6, V4)):
        listener = lab.server.listen(family, 180 + number)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client, server = lab.pair(family, 180 + number, listener=listener)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        sent = fill(client, 14000)
        time.sleep(1.2)
        if number < 2:
            receive_exactly(server, sent)
            client.close()
            receive_all(server)
            server.close()
    lab.settle()


@scenario("urgent")
def urgent(lab):
    for family in (V4, V6):
        client, server = both_ways(lab, family)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        client.sendall(b"before")
        client.send(b"!", socket.MSG_OOB)
        client.sendall(b"after")
        receive_exactly(server, 12)
        exchange_and_close(client, server)
    lab.settle()


def bulk(lab, family, port, size):
    """`size` bytes in each direction at once."""
    pair = lab.pair(family, port)

    def send(sock):
        sock.sendall(b"b" * size)
        sock.shutdown(socket.SHUT_WR)

    senders = [threading.Thread(target=send, args=(sock,)) for sock in pair]
    for sender in senders:
        sender.start()
    receivers = [threading.Thread(target=receive_all, args=(sock,)) for sock in pair]
    for receiver in receivers:
        receiver.start()
    for thread in senders + receivers:
        thread.join()
    for sock in pair:
        sock.close()


@scenario("bulk-both-ways", wire=WireOptions(delay_ms=3))
def bulk_both_ways(lab):
    bulk(lab, V4, 190, 12000)
    bulk(lab, V6, 190, 12000)
    lab.settle()


@scenario("jumbo", mtu=9000)
def jumbo(lab):
    """Frames of up to 9,014 bytes: more than one mbuf each."""
    bulk(lab, V4, 191, 18000)
    bulk(lab, V6, 191, 12000)
    lab.settle()


@scenario("segmentation-offload", wire=WireOptions(delay_ms=1, offload=True))
def segmentation_offload(lab):
    """As a host with segmentation offload sees itself: frames up to 64 KB, checksums finished here."""
    bulk(lab, V4, 192, 30000)
    lab.settle()


@scenario("checksum-offload", wire=WireOptions(offload=True, record_checksums=False))
def checksum_offload(lab):
    """As tcpdump on a sending host shows it: the checksums were left to the card, so they are wrong."""
    for family in (V4, V6):
        exchange_and_close(*lab.pair(family, 193), 3000)
    lab.settle()


def small_talk(lab):
    for family in (V4, V6):
        exchange_and_close(*both_ways(lab, family))
        client, server = both_ways(lab, family, 8)
        server.close()
        client.close()
    lab.settle()


@scenario("vlan", wire=WireOptions(tags=((TAG_Q, 42),)))
def vlan(lab):
    small_talk(lab)


@scenario("qinq", wire=WireOptions(tags=((TAG_AD, 100), (TAG_Q, 42))))
def qinq(lab):
    """802.1ad outside, 802.1Q inside."""
    small_talk(lab)


@scenario("qinq-8100", wire=WireOptions(tags=((TAG_Q, 100), (TAG_Q, 42))))
def qinq_8100(lab):
    """Two 802.1Q tags, as older switches stack them."""
    small_talk(lab)


@scenario("nanoseconds", file_format="nsec")
def nanoseconds(lab):
    small_talk(lab)


@scenario("next-generation", file_format="pcapng")
def next_generation(lab):
    small_talk(lab)


@scenario("no-tcp")
def no_tcp(lab):
    """ARP, neighbour discovery, ping, UDP questions with answers, without, and to a closed port."""
    for family in (V4, V6):
        lab.client.run("ping", "-q", "-c", "3", "-i", "0.2", lab.server.address[family],
                       stdout=-3)
        server = lab.server.socket(family, socket.SOCK_DGRAM, 53)
        client = lab.client.socket(family, socket.SOCK_DGRAM)
        for number in range(4):
            client.sendto(b"question %d" % number, (lab.server.address[family], 53))
            question, peer = server.recvfrom(1000)
            if number < 3:
                server.sendto(question * 4, peer)
                client.recv(1000)
        client.sendto(b"anybody?", (lab.server.address[family], 54))
        lab.client.socket(family, socket.SOCK_DGRAM).sendto(b"far away", (BEYOND[family], 53))
    lab.settle()


@scenario("fragments")
def fragments(lab):
    """UDP datagrams and pings that do not fit a frame, both ways, IPv4 and IPv6."""
    for family in (V4, V6):
        server = lab.server.socket(family, socket.SOCK_DGRAM, 53)
        client = lab.client.socket(family, socket.SOCK_DGRAM)
        client.sendto(b"f" * 4000, (lab.server.address[family], 53))
        data, peer = server.recvfrom(65536)
        server.sendto(data + data, peer)
        client.recv(65536)
        lab.client.run("ping", "-q", "-c", "1", "-s", "3000", lab.server.address[family], stdout=-3)
        exchange_and_close(*lab.pair(family, 194))
    lab.settle()


@scenario("scan")
def scan(lab):
    """A connect scan: 150 ports, three of them open."""
    open_ports = (2022, 2080, 2143)
    for port in open_ports:
        lab.server.listen(V4, port)
    order = list(range(2000, 2150))
    random.Random(1).shuffle(order)
    for port in order:
        sock = lab.client.socket(V4)
        sock.connect_ex((lab.server.address[V4], port))
        sock.close()
    lab.settle()
