# SPDX-License-Identifier: BSD-3-Clause
"""Writes captures byte by byte: classic pcap of either byte order and resolution, and pcapng."""

import struct

MICRO, NANO = 1_000_000, 1_000_000_000
MAGICS = {MICRO: 0xA1B2C3D4, NANO: 0xA1B23C4D}
ETHERNET = 1


def stamps(path):
    """The time of each packet of a classic capture in this order of bytes, microseconds or nanoseconds as they stand."""
    with open(path, "rb") as source:
        data = source.read()
    unit = {magic: unit for unit, magic in MAGICS.items()}[struct.unpack_from("<I", data)[0]]
    found, at = [], 24
    while at < len(data):
        sec, part, captured = struct.unpack_from("<III", data, at)
        found.append((sec * NANO + part * (NANO // unit)) // 1000)
        at += 16 + captured
    return found


def classic(packets, unit=MICRO, order="<", beyond_us=0):
    """
    A classic capture of [(microseconds, frame)]; `beyond_us` is added in nanoseconds where the unit has room for them.
    """
    out = [struct.pack(order + "IHHiIII", MAGICS[unit], 2, 4, 0, 0, 262144, ETHERNET)]
    for time_us, frame in packets:
        sec, part = divmod(time_us, MICRO)
        part = part * (unit // MICRO) + (beyond_us if unit == NANO else 0)
        out.append(struct.pack(order + "IIII", sec, part, len(frame), len(frame)) + frame)
    return b"".join(out)


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def next_generation(packets, unit=MICRO, order="<", every=0):
    """pcapng, with a new section after `every` packets, and blocks that a reader has to pass over."""
    def section():
        resolution = struct.pack(order + "HHBxxxHH", 9, 1, 6 if unit == MICRO else 9, 0, 0)
        return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)) \
            + block(order, 1, struct.pack(order + "HHI", ETHERNET, 0, 262144) + resolution) \
            + block(order, 0x0BAD, b"of no concern")

    out = [section()]
    for number, (time_us, frame) in enumerate(packets):
        if every and number and number % every == 0:
            out.append(section())
        time = time_us * (unit // MICRO)
        head = struct.pack(order + "IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
        out.append(block(order, 6, head + frame))
    return b"".join(out)
