#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Frames out of captures into a fuzzer's corpus, one file each, and a corpus back into one capture.

usage: frames.py unpack FOLDER CAPTURE...     (folders of captures are searched; what is no Ethernet capture is left out)
       frames.py pack CAPTURE FOLDER
"""
import hashlib
import os
import struct
import sys

ETHERNET = 1
PER_CAPTURE = 200  # the first ones show every kind of packet that a capture has
LONGEST = 2048
SNAP_LENGTH = 65536


def classic_frames(data):
    """The frames of a pcap file, in either byte order and resolution."""
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    if struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF != ETHERNET:
        return
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        yield data[at + 16 : at + 16 + length]
        at += 16 + length


def next_generation_frames(data):
    """The enhanced packet blocks of a pcapng file whose interfaces are all Ethernet."""
    order = "<" if data[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
    at = 0
    while at + 12 <= len(data):
        kind, length = struct.unpack_from(order + "II", data, at)
        if length < 12:
            return
        if kind == 1 and struct.unpack_from(order + "H", data, at + 8)[0] != ETHERNET:
            return
        if kind == 6:
            captured = struct.unpack_from(order + "I", data, at + 20)[0]
            yield data[at + 28 : at + 28 + captured]
        at += length


def frames(path):
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        return next_generation_frames(data)
    if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d") and len(data) >= 24:
        return classic_frames(data)
    return iter(())


def captures(paths):
    for path in paths:
        if os.path.isdir(path):
            yield from sorted(entry.path for entry in os.scandir(path) if entry.is_file())
        else:
            yield path


def unpack(folder, paths):
    os.makedirs(folder, exist_ok=True)
    count = 0
    for path in captures(paths):
        for number, frame in enumerate(frames(path)):
            if number == PER_CAPTURE and os.path.basename(path) != "corpus.pcap":
                break
            if len(frame) <= LONGEST:
                with open(os.path.join(folder, hashlib.sha1(frame).hexdigest()), "wb") as file:
                    file.write(frame)
                count += 1
    print(f"{count} frames as seeds")


def pack(path, folder):
    names = sorted(os.listdir(folder))
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAP_LENGTH, ETHERNET))
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                frame = file.read()
            out.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    print(f"{path}: {len(names)} frames")


def main(arguments):
    if len(arguments) >= 2 and arguments[0] == "unpack":
        unpack(arguments[1], arguments[2:])
    elif len(arguments) == 3 and arguments[0] == "pack":
        pack(arguments[1], arguments[2])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
