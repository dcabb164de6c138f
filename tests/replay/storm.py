# SPDX-License-Identifier: BSD-3-Clause
"""Traffic that no stack sends by itself: pieces of datagrams of every bad kind, and frames with noise in them."""

import random
import struct

START_US = 1_700_000_000_000_000
MORE = 0x2000
UDP, TCP, ICMP, FRAGMENT6, SCTP = 17, 6, 1, 44, 132
MACS = b"\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02"


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(src, dst, proto, payload, number=0, where=0, total=None):
    """A frame; `where` is the field of flags and offset, `total` a length that is a lie."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, total or 20 + len(payload), number, where, 64, proto, 0, src, dst)
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return MACS + b"\x08\x00" + head + payload


def ip6(src, dst, proto, payload):
    return MACS + b"\x86\xdd" + struct.pack(">IHBB16s16s", 6 << 28, len(payload), proto, 64, src, dst) + payload


def udp(src, dst, sport, dport, data):
    """A UDP datagram with its checksum, as an IP payload; addresses of either family."""
    head = struct.pack(">HHHH", sport, dport, 8 + len(data), 0)
    pseudo = src + dst + struct.pack(">HH", UDP, 8 + len(data))
    return head[:6] + struct.pack(">H", checksum(pseudo + head + data) or 0xFFFF) + data


def tcp(src, dst, sport, dport, seq, flags=0x02, data=b""):
    head = struct.pack(">HHIIBBHHH", sport, dport, seq, 0, 5 << 4, flags, 65535, 0, 0)
    pseudo = src + dst + struct.pack(">HH", TCP, len(head) + len(data))
    return head[:16] + struct.pack(">H", checksum(pseudo + head + data)) + head[18:] + data


def cut(payload, step):
    """[(offset, more, octets)] of a datagram's pieces."""
    return [(at, at + step < len(payload), payload[at:at + step]) for at in range(0, len(payload), step)]


def pieces4(src, dst, proto, number, parts):
    return [ip4(src, dst, proto, part, number, (MORE if more else 0) | at // 8) for at, more, part in parts]


def pieces6(src, dst, proto, number, parts):
    return [ip6(src, dst, FRAGMENT6, struct.pack(">BBHI", proto, 0, at | bool(more), number) + part)
            for at, more, part in parts]


def address4(n):
    return bytes((10, 0, n >> 8 & 255, n & 255))


def address6(n):
    return bytes((0x20, 1, 0x0D, 0xB8)) + bytes(10) + struct.pack(">H", n)


def whole(rng, n, ends, pieces):
    """A datagram of one of some flows, in three or four pieces of any order."""
    flow = n % 37
    src, dst = ends(flow), ends(1000 + flow)
    sport, dport = 5000 + flow, 53
    if n % 3 == 0:
        src, dst, sport, dport = dst, src, dport, sport
    data = bytes(rng.randrange(256) for _ in range(rng.randrange(40, 64)))
    parts = cut(udp(src, dst, sport, dport, data), 24)
    rng.shuffle(parts)
    return pieces(src, dst, UDP, n, parts)


def overlapping(rng, n):
    src, dst = address4(2000 + n % 11), address4(3000)
    parts = cut(udp(src, dst, 7, 7, bytes(80)), 32)
    at, more, part = parts[1]
    parts.insert(rng.randrange(1, 3), (at - 8, more, b"\xff" * 8 + part))
    return pieces4(src, dst, UDP, n, parts)


def tiny_first(n):
    src, dst = address4(2100 + n % 11), address4(3000)
    return pieces4(src, dst, TCP, n, cut(tcp(src, dst, 4000 + n % 50, 80, n, data=bytes(30)), 8))


def never_whole(n):
    src, dst = address4(2200 + n % 11), address4(3000)
    parts = cut(udp(src, dst, 9, 9, bytes(80)), 32)
    del parts[n % 3]
    return pieces4(src, dst, UDP, n, parts)


def too_long(n):
    """Reaches beyond the longest packet there is."""
    src, dst = address4(2300), address4(3000)
    return [ip4(src, dst, UDP, bytes(40), n, MORE | 8190), ip4(src, dst, UDP, bytes(40), n, 8191)]


def fragments(count, seed):
    """[(microseconds, frame)]: datagrams of all kinds mixed, among plain packets; then a storm of first pieces."""
    rng = random.Random(seed)
    makers = (lambda n: whole(rng, n, address4, pieces4), lambda n: whole(rng, n, address6, pieces6),
              lambda n: overlapping(rng, n), tiny_first, never_whole, too_long,
              lambda n: [ip4(address4(n % 37), address4(1000 + n % 37), UDP,
                             udp(address4(n % 37), address4(1000 + n % 37), 5000 + n % 37, 53, b"plain"))])
    frames, under_way = [], []
    for n in range(count):
        under_way.append(makers[rng.choice((0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 6))](n))
        while len(under_way) > 8:
            datagram = rng.choice(under_way)
            frames.append(datagram.pop(0))
            under_way = [d for d in under_way if d]
    frames += [frame for datagram in under_way for frame in datagram]
    frames += [ip4(address4(4000 + n % 256), address4(3000), UDP, bytes(24), n, MORE) for n in range(3000)]
    return [(START_US + n * 7000, frame) for n, frame in enumerate(frames)]


def seeds():
    a, b, c, d = address4(1), address4(2), address6(1), address6(2)
    tag = struct.pack(">HHHH", 0x88A8, 5, 0x8100, 7)
    quoted = ip4(a, b, TCP, tcp(a, b, 1234, 80, 1))[14:]
    icmp = struct.pack(">BBHI", 3, 1, 0, 0) + quoted
    chunk = struct.pack(">HHIIBBHIIHHI", 3000, 4000, 0, 0, 1, 0, 20, 77, 65535, 1, 1, 9)
    plain = [ip4(a, b, TCP, tcp(a, b, 1234, 80, 1)), ip4(a, b, UDP, udp(a, b, 53, 5353, b"x" * 20)),
             ip6(c, d, TCP, tcp(c, d, 1234, 80, 1)), ip6(c, d, UDP, udp(c, d, 53, 5353, b"x" * 20)),
             ip4(a, b, ICMP, icmp[:2] + struct.pack(">H", checksum(icmp)) + icmp[4:]), ip4(a, b, SCTP, chunk),
             ip4(a, b, 47, bytes(12)), ip6(c, d, 0, b"\x2b\x00\x05\x02\x00\x00\x3b\x00" + bytes(32)),
             MACS + b"\x08\x06" + bytes(28)]
    return plain + [frame[:12] + tag + frame[12:] for frame in plain]


def malformed(count, seed):
    """[(microseconds, frame)]: sound frames, and the same cut short, with octets changed, and with lies for lengths."""
    rng = random.Random(seed)
    sound = seeds()
    out = []
    for n in range(count):
        frame = bytearray(rng.choice(sound))
        for _ in range(rng.choice((0, 1, 1, 2, 4, 9))):
            frame[rng.randrange(12, len(frame))] = rng.choice((0, 255, rng.randrange(256)))
        if rng.random() < 0.3:
            del frame[rng.randrange(14, len(frame) + 1):]
        out.append((START_US + n * 1500, bytes(frame)))
    return out
