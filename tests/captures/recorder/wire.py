# SPDX-License-Identifier: BSD-3-Clause
"""A wire in user space between two veth ends, with a tap in its middle.

A frame's way, the same in both directions:

    host -> [lose, double, hold back] -> delay -> TAP (recorded) -> [lose, double, hold back] -> delay -> host

What happens before the tap the capture does not show; what happens after it, it shows although the
receiver never saw it, saw it twice or saw it late. Decisions come from a seeded generator for each
direction, so they depend on the number of a frame and on nothing else.

The wire runs in a thread of its own. Other threads may call the public methods; `lock` guards what both touch.
"""

import heapq
import os
import random
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from . import frames

SO_RCVBUFFORCE = 33
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
ETH_P_ALL = 3
VNET_HDR_LEN, VNET_NEEDS_CSUM = 10, 1
FRAME_MAX = 1 << 17
RECEIVE_BUFFER = 8 << 20

TO_SERVER, TO_CLIENT = "to-server", "to-client"
BEFORE, AFTER = "before", "after"


@dataclass
class Trouble:
    """Probabilities of what happens to a TCP segment on one side of the tap."""

    lose: float = 0
    double: float = 0
    hold: float = 0
    hold_ms: float = 30


@dataclass
class WireOptions:
    """`delay_ms` counts for each half of the wire; `tags` are put on what is recorded only."""

    delay_ms: float = 0
    seed: int = 1
    before: Trouble = field(default_factory=Trouble)
    after: Trouble = field(default_factory=Trouble)
    tags: tuple = ()
    offload: bool = False
    record_checksums: bool = True


@dataclass
class DropRule:
    """Loses the next `count` frames on one side of the tap for which `match(direction, segment)` holds."""

    side: str
    match: object
    count: int


def packet_socket(device, offload):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    if offload:
        sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    sock.bind((device, ETH_P_ALL))
    sock.setblocking(False)
    return sock


class Wire(threading.Thread):
    """Call start(), then stop(); `writer` gets what crosses the tap while `recording` is true."""

    def __init__(self, client_device, server_device, writer, options):
        super().__init__(daemon=True)
        self.options = options
        self.writer = writer
        self.recording = True
        self.recorded = 0
        self.lost = []
        self.forged_numbers = []
        self.last = {}
        self.lock = threading.Lock()
        self._ports = {TO_SERVER: packet_socket(client_device, options.offload),
                       TO_CLIENT: packet_socket(server_device, options.offload)}
        self._random = {d: random.Random(f"{options.seed} {d}") for d in self._ports}
        self._rules = []
        self._forged = set()
        self._events, self._order = [], 0
        self._last_activity = time.monotonic()
        self._stopping = False
        self._wake_r, self._wake_w = os.pipe()

    # What other threads call.

    def drop(self, side, match, count=1):
        """Loses frames by rule; returns the rule, whose `count` may be set to 0 to end it."""
        rule = DropRule(side, match, count)
        with self.lock:
            self._rules.append(rule)
        return rule

    def inject(self, direction, frame):
        """Puts a forged frame on the wire, before the tap."""
        with self.lock:
            self._forged.add(frame)
            self._schedule(0, BEFORE, direction, self._bare_header() + frame)
        os.write(self._wake_w, b"x")

    def wait_idle(self, quiet_sec=0.15, limit_sec=10.0):
        """Waits until nothing is under way and nothing came for a while; False when time ran out."""
        start = time.monotonic()
        while time.monotonic() < start + limit_sec:
            with self.lock:
                idle_sec = time.monotonic() - max(start, self._last_activity)
                if not self._events and idle_sec >= quiet_sec:
                    return True
            time.sleep(0.01)
        return False

    def last_activity(self):
        """When something last moved, or None while something is under way."""
        with self.lock:
            return None if self._events else self._last_activity

    def stop(self):
        """Takes nothing more in, delivers what is under way, closes the capture."""
        self._stopping = True
        os.write(self._wake_w, b"x")
        self.join()
        self.writer.close()

    # The thread.

    def run(self):
        poller = select.poll()
        for port in self._sockets():
            poller.register(port, select.POLLIN)
        poller.register(self._wake_r, select.POLLIN)
        while not (self._stopping and not self._events):
            poller.poll(self._wait_ms())
            with self.lock:
                if not self._stopping:
                    self._receive()
                self._run_due()

    def _wait_ms(self):
        if not self._events:
            return 50
        return max(0.0, (self._events[0][0] - time.monotonic()) * 1000)

    def _sockets(self):
        return list(self._ports.values())

    def _receive(self):
        for direction, port in self._ports.items():
            self._take_from(port, BEFORE, direction)

    def _take_from(self, port, side, direction):
        while True:
            try:
                data = port.recv(FRAME_MAX)
            except BlockingIOError:
                return
            self._last_activity = time.monotonic()
            self._trouble(side, direction, data)

    def _run_due(self):
        while self._events and self._events[0][0] <= time.monotonic():
            _, _, side, direction, data = heapq.heappop(self._events)
            self._last_activity = time.monotonic()
            if side == BEFORE:
                self._tap(direction, data)
            else:
                self._deliver(direction, data)

    def _schedule(self, extra_ms, side, direction, data):
        self._order += 1
        due = time.monotonic() + (self.options.delay_ms + extra_ms) / 1000
        heapq.heappush(self._events, (due, self._order, side, direction, data))

    def _trouble(self, side, direction, data):
        segment = frames.parse_tcp(self._frame(data))
        if not segment:  # address resolution that fails would silence whole connections
            self._schedule(0, side, direction, data)
            return
        trouble = getattr(self.options, side)
        draw = self._random[direction]
        lose, double, hold = (draw.random() for _ in range(3))
        if lose < trouble.lose or self._ruled_out(side, direction, segment):
            self._note_loss(side, direction, segment)
            return
        extra_ms = trouble.hold_ms if hold < trouble.hold else 0
        self._schedule(extra_ms, side, direction, data)
        if double < trouble.double:
            self._schedule(extra_ms + trouble.hold_ms / 2, side, direction, data)

    def _ruled_out(self, side, direction, segment):
        for rule in self._rules:
            if rule.side == side and rule.count > 0 and rule.match(direction, segment):
                rule.count -= 1
                return True
        return False

    def _note_loss(self, side, direction, segment):
        flags = frames.control_flags(segment)
        if flags:
            self.lost.append({"side": side, "direction": direction, "flags": flags,
                              "src": segment.src, "sport": segment.sport,
                              "dst": segment.dst, "dport": segment.dport})

    def _tap(self, direction, data):
        frame = self._frame(data)
        segment = frames.parse_tcp(frame)
        if segment:
            self.last[direction] = frame
        if self.recording:
            self.recorded += 1
            self.writer.write(time.time_ns(), frames.with_tags(self._as_recorded(data), self.options.tags))
            if frame in self._forged:
                self.forged_numbers.append(self.recorded)
        self._leave_tap(direction, data)

    def _leave_tap(self, direction, data):
        self._trouble(AFTER, direction, data)

    def _deliver(self, direction, data):
        other = TO_CLIENT if direction == TO_SERVER else TO_SERVER
        try:
            self._ports[other].send(data)
        except BlockingIOError:
            pass  # a full transmit queue: one more loss after the tap

    # Offloads: with PACKET_VNET_HDR each frame carries what its sender left undone.

    def _bare_header(self):
        return bytes(VNET_HDR_LEN) if self.options.offload else b""

    def _frame(self, data):
        return data[VNET_HDR_LEN:] if self.options.offload else data

    def _as_recorded(self, data):
        frame = self._frame(data)
        if not self.options.offload or not self.options.record_checksums:
            return frame
        flags, _, _, _, start, offset = struct.unpack_from("<BBHHHH", data)
        return frames.finish_checksum(frame, start, offset) if flags & VNET_NEEDS_CSUM else frame
