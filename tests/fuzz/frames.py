#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Captures into a fuzzer's corpus, and a corpus into one file.

usage: frames.py unpack FOLDER CAPTURE...     one file a frame
       frames.py streams FOLDER CAPTURE...    one file for the first frames of each capture, as fuzz_track.c reads it
       frames.py pack CAPTURE FOLDER          the files of a corpus as records of a capture, link type USER0

Folders of captures are searched; what is neither an Ethernet capture nor a packed corpus is left out.
"""
import hashlib
import itertools
import os
import struct
import sys

ETHERNET = 1
CORPUS = 147  # LINKTYPE_USER0
PER_CAPTURE = 200  # the first ones show every kind of packet that a capture has
LONGEST = 2048
SNAP_LENGTH = 65536
PER_STREAM = 60
STREAM_SNAP = 96  # octets: the headers


def link_type(data):
    """Of a pcap file in this machine's byte order, which is how a corpus is packed."""
    return struct.unpack_from("<I", data, 20)[0] if data[:4] == b"\xd4\xc3\xb2\xa1" and len(data) >= 24 else None


def classic_frames(data):
    """Time in microseconds and octets of each frame of a pcap file, in either byte order and resolution."""
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    unit = 1000 if b"\x3c" in data[:4] else 1
    if struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF not in (ETHERNET, CORPUS):
        return
    at = 24
    while at + 16 <= len(data):
        sec, rest, length = struct.unpack_from(order + "III", data, at)
        yield sec * 1_000_000 + rest // unit, data[at + 16 : at + 16 + length]
        at += 16 + length


def next_generation_frames(data):
    """The same of the enhanced packet blocks of a pcapng file whose interfaces are all Ethernet; times in its own unit."""
    order = "<" if data[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
    at = 0
    while at + 12 <= len(data):
        kind, length = struct.unpack_from(order + "II", data, at)
        if length < 12:
            return
        if kind == 1 and struct.unpack_from(order + "H", data, at + 8)[0] != ETHERNET:
            return
        if kind == 6:
            high, low, captured = struct.unpack_from(order + "III", data, at + 12)
            yield high << 32 | low, data[at + 28 : at + 28 + captured]
        at += length


def read(path):
    with open(path, "rb") as file:
        return file.read()


def frames(data):
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


def seed(folder, data):
    with open(os.path.join(folder, hashlib.sha1(data).hexdigest()), "wb") as file:
        file.write(data)


def unpack(folder, paths):
    for data in map(read, captures(paths)):
        most = None if link_type(data) == CORPUS else PER_CAPTURE
        for _, frame in itertools.islice(frames(data), most):
            if len(frame) <= LONGEST:
                seed(folder, frame)


def stream(data):
    """What fuzz_track.c reads: one octet of ways, then per frame a step of time as a power of two, its length, itself."""
    out, before = b"\0", None
    for time_us, frame in itertools.islice(frames(data), PER_STREAM):
        step = max(0, time_us - before).bit_length() if before is not None else 0
        before = time_us
        frame = frame[:STREAM_SNAP]
        out += struct.pack("<BB", min(step, 31), len(frame)) + frame
    return out


def streams(folder, paths):
    for data in map(read, captures(paths)):
        if link_type(data) == CORPUS:
            for _, one in frames(data):
                seed(folder, one)
        elif len(stream(data)) > 1:
            seed(folder, stream(data))


def pack(path, folder):
    names = sorted(os.listdir(folder))
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAP_LENGTH, CORPUS))
        for name in names:
            frame = read(os.path.join(folder, name))
            out.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    print(f"{os.path.basename(path)}: {len(names)} inputs, {os.path.getsize(path)} octets")


def main(arguments):
    if len(arguments) >= 2 and arguments[0] in ("unpack", "streams"):
        os.makedirs(arguments[1], exist_ok=True)
        {"unpack": unpack, "streams": streams}[arguments[0]](arguments[1], arguments[2:])
        print(f"{len(os.listdir(arguments[1]))} seeds")
    elif len(arguments) == 3 and arguments[0] == "pack":
        pack(arguments[1], arguments[2])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
