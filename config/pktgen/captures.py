#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the captures that pktgen loops: both directions of each connection, in order, so that one port is enough.

usage: captures.py established|setup CONNECTIONS FILE.pcap

established  a handshake for each connection, then 30 acknowledgements, 15 each way, drawn across all of them. In the second
             round and later the handshakes are repetitions, which weir passes and counts as such: an eleventh of the load
             that is not the plain case.
setup        whole connections of four segments: SYN, SYN-ACK, ACK, RST. A RST ends them, so that each round opens them anew.
"""
import ipaddress
import struct
import sys

SYN, RST, ACK = 0x02, 0x04, 0x10
ROUNDS = 15
ETHERNET = bytes.fromhex("020000000002" "020000000001" "0800")
WINDOW = 65535


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(connection, back, flags, seq, ack):
    ends = [(ipaddress.ip_address("10.0.0.0").packed, 0), (ipaddress.ip_address("198.18.0.1").packed, 80)]
    ends[0] = (struct.pack("!I", (10 << 24) + 1 + connection // 60000), 1024 + connection % 60000)
    (src, sport), (dst, dport) = ends[::-1] if back else ends
    tcp = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, WINDOW, 0, 0)
    pseudo = src + dst + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + src + dst
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return (ETHERNET + ip + tcp).ljust(60, b"\0")


def handshake(connection):
    yield frame(connection, False, SYN, 1000, 0)
    yield frame(connection, True, SYN | ACK, 5000, 1001)
    yield frame(connection, False, ACK, 1001, 5001)


def established(connections):
    for connection in range(connections):
        yield from handshake(connection)
    for _ in range(ROUNDS):
        for connection in range(connections):
            yield frame(connection, True, ACK, 5001, 1001)
        for connection in range(connections):
            yield frame(connection, False, ACK, 1001, 5001)


def setup(connections):
    for connection in range(connections):
        yield from handshake(connection)
        yield frame(connection, False, RST | ACK, 1001, 5001)


def main():
    makers = {"established": established, "setup": setup}
    if len(sys.argv) != 4 or sys.argv[1] not in makers:
        sys.exit(__doc__)
    with open(sys.argv[3], "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, data in enumerate(makers[sys.argv[1]](int(sys.argv[2]))):
            file.write(struct.pack("<IIII", 1700000000 + number // 1000000, number % 1000000, len(data), len(data)) + data)


if __name__ == "__main__":
    main()
