# SPDX-License-Identifier: BSD-3-Clause
"""Just enough of Ethernet, IP and TCP to choose frames, to finish checksums and to forge segments."""

import ipaddress
import struct
from collections import namedtuple

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
ETH_IPV4, ETH_IPV6, ETH_QTAG, ETH_STAG = 0x0800, 0x86DD, 0x8100, 0x88A8
IPPROTO_TCP = 6

Segment = namedtuple("Segment", "src dst sport dport flags seq ack payload_len")


def parse_tcp(frame):
    """The TCP segment in an untagged frame without IPv6 extension headers, or None."""
    ethertype = int.from_bytes(frame[12:14], "big")
    if ethertype == ETH_IPV4 and frame[23] == IPPROTO_TCP:
        start, end = 14 + (frame[14] & 15) * 4, 14 + int.from_bytes(frame[16:18], "big")
        addresses = frame[26:30], frame[30:34]
    elif ethertype == ETH_IPV6 and frame[20] == IPPROTO_TCP:
        start, end = 54, 54 + int.from_bytes(frame[18:20], "big")
        addresses = frame[22:38], frame[38:54]
    else:
        return None
    sport, dport, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", frame, start)
    src, dst = (str(ipaddress.ip_address(bytes(a))) for a in addresses)
    return Segment(src, dst, sport, dport, flags, seq, ack, end - start - (offset >> 4) * 4)


def control_flags(segment):
    """The flags that open and close connections, by Zeek-like letters: S, F, R; empty for all others."""
    return "".join(letter for letter, bit in (("S", SYN), ("F", FIN), ("R", RST)) if segment.flags & bit)


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def finish_checksum(frame, start, offset):
    """The frame with the checksum that its sender left to the network card."""
    done = bytearray(frame)
    struct.pack_into("!H", done, start + offset, checksum(bytes(done[start:])))
    return bytes(done)


def with_tags(frame, tags):
    """The frame with VLAN tags, outermost first, as (ethertype, id)."""
    stack = b"".join(struct.pack("!HH", kind, vlan) for kind, vlan in tags)
    return frame[:12] + stack + frame[12:]


def forge_tcp(template, flags, seq, ack):
    """A bare segment from the sender of the frame `template` to its receiver, checksums right."""
    segment = parse_tcp(template)
    tcp = struct.pack("!HHIIBBHHH", segment.sport, segment.dport, seq & 0xFFFFFFFF,
                      ack & 0xFFFFFFFF, 5 << 4, flags, 1024, 0, 0)
    src, dst = (ipaddress.ip_address(a) for a in (segment.src, segment.dst))
    pseudo = src.packed + dst.packed + struct.pack("!II", len(tcp), IPPROTO_TCP)
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    if src.version == 6:
        return template[:14] + struct.pack("!IHBB", 6 << 28, 20, 6, 64) + pseudo[:32] + tcp
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0x4000, 64, 6, 0) + src.packed + dst.packed
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return template[:14] + ip + tcp
