# SPDX-License-Identifier: BSD-3-Clause
"""Protocols beside TCP and UDP: SCTP by a stack in user space (usrsctp's examples), what the kernel sends raw."""

import socket
import struct
import subprocess
import time

from .lab import V4, V6
from .registry import scenario

USRSCTP = "/usr/lib/usrsctp/"  # of Debian's libusrsctp-examples
GRE, ESP, IPIP = 47, 50, 4


def sctp_client(lab, family, port):
    return lab.client.spawn(USRSCTP + "client", lab.server.address[family], str(port), stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)


def say(client, text):
    client.stdin.write(text + "\n")
    client.stdin.flush()
    time.sleep(0.3)


def converse(lab, family):
    client = sctp_client(lab, family, 7)
    time.sleep(0.3)
    for number in range(3):
        say(client, f"message {number}")
    client.stdin.close()
    client.wait(30)


def start_echo_server(lab):
    lab.server.spawn(USRSCTP + "echo_server", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)  # it says nothing when it is ready


@scenario("sctp")
def sctp(lab):
    """Associations that end in order, one to a port that nobody listens on, one whose client dies."""
    start_echo_server(lab)
    for family in (V4, V6):
        converse(lab, family)
    refused = sctp_client(lab, V4, 8)
    time.sleep(0.5)
    refused.kill()
    dying = sctp_client(lab, V4, 7)
    time.sleep(0.3)
    say(dying, "last words")
    dying.kill()
    lab.settle()


@scenario("tunnels")
def tunnels(lab):
    """GRE without and with keys, ESP and IPv4 in IP, both ways, IPv4 and IPv6."""
    exchange_raw(lab)
    lab.settle()


def exchange_raw(lab):
    inner = bytes.fromhex("45000014000100004000000a00000001") + b"\x0a\x00\x00\x02"
    packets = [(GRE, struct.pack(">HH", 0, 0x0800) + inner),
               (GRE, struct.pack(">HHI", 0x2000, 0x0800, 7) + inner),
               (GRE, struct.pack(">HHI", 0x2000, 0x0800, 8) + inner),
               (GRE, struct.pack(">HHHHI", 0xA000, 0x0800, 0, 0, 7) + inner),
               (ESP, struct.pack(">II", 0x1001, 1) + bytes(32)), (IPIP, inner)]
    for family in (V4, V6):
        for proto in (GRE, ESP, IPIP):
            ends = [raw_socket(host, family, proto) for host in (lab.client, lab.server)]
            for payload in (data for number, data in packets if number == proto):
                ends[0].sendto(payload, (lab.server.address[family], 0))
                ends[1].recv(1000)
                ends[1].sendto(payload, (lab.client.address[family], 0))
                ends[0].recv(1000)


def raw_socket(host, family, proto):
    """It receives too, so that the kernel does not call the protocol unreachable."""
    with host.inside():
        sock = socket.socket(family, socket.SOCK_RAW, proto)
    sock.settimeout(5)
    return sock
