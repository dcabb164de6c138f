# SPDX-License-Identifier: BSD-3-Clause
"""Reads the frames of a capture byte by byte: classic pcap of either byte order, and pcapng."""

import struct

CLASSIC_MAGICS = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<",
                  b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}
NEXT_GENERATION = b"\x0a\x0d\x0d\x0a"
LINKTYPE_ETHERNET = 1


class NotACapture(Exception):
    """The file is not a capture that can be read, or not to its end."""


def read(path):
    """(link type, [frame, ...]) of a capture that is whole; NotACapture says what is wrong with any other."""
    with open(path, "rb") as source:
        data = source.read()
    if data[:4] == NEXT_GENERATION:
        return read_next_generation(data)
    if data[:4] not in CLASSIC_MAGICS or len(data) < 24:
        raise NotACapture("no capture header")
    return read_classic(data, CLASSIC_MAGICS[data[:4]])


def read_classic(data, order):
    snap_length, link_type = struct.unpack_from(order + "II", data, 16)
    snap_length = snap_length or len(data)
    found, at = [], 24
    while at < len(data):
        if at + 16 > len(data):
            raise NotACapture("cut in a packet header")
        captured = struct.unpack_from(order + "I", data, at + 8)[0]
        if at + 16 + captured > len(data):
            raise NotACapture("cut in a packet")
        found.append(data[at + 16:at + 16 + min(captured, snap_length)])  # as libpcap does
        at += 16 + captured
    return link_type & 0xFFFF, found


def read_next_generation(data):
    order = "<" if data[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
    link_types, found, at = [], [], 0
    while at < len(data):
        kind, length = struct.unpack_from(order + "II", data, at)
        if length < 12 or at + length > len(data):
            raise NotACapture("cut in a block")
        if kind == 1:
            link_types.append(struct.unpack_from(order + "H", data, at + 8)[0])
        elif kind == 6:
            captured = struct.unpack_from(order + "I", data, at + 20)[0]
            found.append(data[at + 28:at + 28 + captured])
        elif kind == 3:
            found.append(data[at + 12:at + length - 4])
        at += length
    return (link_types or [LINKTYPE_ETHERNET])[0], found
