# SPDX-License-Identifier: BSD-3-Clause
"""Writes captures: classic pcap with micro- or nanoseconds, and pcapng."""

import struct

LINKTYPE_ETHERNET = 1
SNAP_LENGTH = 262144


class ClassicWriter:
    """pcap as in draft-ietf-opsawg-pcap; `unit_ns` is 1000 (microseconds) or 1."""

    def __init__(self, path, unit_ns):
        magic = {1000: 0xA1B2C3D4, 1: 0xA1B23C4D}[unit_ns]
        self.unit_ns = unit_ns
        self.file = open(path, "wb")
        self.file.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, SNAP_LENGTH, LINKTYPE_ETHERNET))

    def write(self, time_ns, frame):
        sec, rest_ns = divmod(time_ns, 1_000_000_000)
        header = struct.pack("<IIII", sec, rest_ns // self.unit_ns, len(frame), len(frame))
        self.file.write(header + frame)

    def close(self):
        self.file.close()


class NextGenWriter:
    """pcapng as in draft-ietf-opsawg-pcapng: one section, one interface, nanoseconds."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self._block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
        resolution = struct.pack("<HHB3x", 9, 1, 9) + struct.pack("<HH", 0, 0)
        self._block(1, struct.pack("<HHI", LINKTYPE_ETHERNET, 0, SNAP_LENGTH) + resolution)

    def _block(self, kind, body):
        length = struct.pack("<I", 12 + len(body))
        self.file.write(struct.pack("<I", kind) + length + body + length)

    def write(self, time_ns, frame):
        padding = b"\0" * (-len(frame) % 4)
        head = struct.pack("<IIIII", 0, time_ns >> 32, time_ns & 0xFFFFFFFF, len(frame), len(frame))
        self._block(6, head + frame + padding)

    def close(self):
        self.file.close()


FORMATS = {
    "usec": (".pcap", lambda path: ClassicWriter(path, 1000)),
    "nsec": (".pcap", lambda path: ClassicWriter(path, 1)),
    "pcapng": (".pcapng", NextGenWriter),
}
