# SPDX-License-Identifier: BSD-3-Clause
"""Many connections with seeded plans over a wire that loses, doubles and reorders on both sides of the tap."""

import random
import socket
import threading
import time

from .lab import V4, V6, abort, receive_all
from .registry import scenario
from .wire import Trouble, WireOptions

PLANS = ("client-closes", "server-closes", "half-close", "both-close", "client-aborts", "server-aborts",
         "server-never-closes", "client-never-closes", "stay-open")
PORT = 300
LIMIT_SEC = 30


class Talk:
    """One connection's script; both ends know the plan by the server's port."""

    def __init__(self, lab, number, seed):
        draw = random.Random(f"{seed} {number}")
        self.lab, self.plan = lab, number % len(PLANS)
        self.family = (V4, V6)[draw.random() < 0.4]
        self.request, self.answer = draw.randrange(1, 600), draw.randrange(1, 1900)
        self.start_sec = draw.random() * 2
        self.pause_sec = draw.random() * 0.2

    @property
    def plan_name(self):
        return PLANS[self.plan]

    def client(self):
        time.sleep(self.start_sec)
        sock = self.lab.client.socket(self.family, timeout_sec=LIMIT_SEC)
        try:
            sock.connect((self.lab.server.address[self.family], PORT + self.plan))
            sock.sendall(b"%06d" % self.answer + b"q" * self.request)
            self.client_ends(sock)
        except OSError:
            pass  # a timeout or a RST: `ss` tells in which state it was left

    def client_ends(self, sock):
        name = self.plan_name
        if name == "half-close":
            sock.shutdown(socket.SHUT_WR)
        if name in ("half-close", "server-closes", "client-never-closes"):
            receive_all(sock)
        else:
            receive_some(sock, self.answer)
        time.sleep(self.pause_sec)
        if name == "client-aborts":
            abort(sock)
        elif name in ("client-closes", "both-close", "half-close", "server-closes"):
            sock.close()
        elif name == "server-never-closes":
            sock.shutdown(socket.SHUT_WR)


def receive_some(sock, count):
    while count > 0 and (chunk := sock.recv(65536)):
        count -= len(chunk)


def serve_one(sock, name):
    """The server's half of the plan."""
    sock.settimeout(LIMIT_SEC)
    try:
        answer = int(sock.recv(6, socket.MSG_WAITALL))
        sock.sendall(b"a" * answer)
        if name in ("client-closes", "half-close"):
            receive_all(sock)
        if name == "server-aborts":
            time.sleep(0.1)
            abort(sock)
        elif name in ("client-closes", "server-closes", "half-close", "both-close"):
            sock.close()
        elif name == "client-never-closes":
            sock.shutdown(socket.SHUT_WR)
    except (OSError, ValueError):
        pass


def serve(listener, name):
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=serve_one, args=(sock, name), daemon=True).start()


def talk_all(lab, count, seed):
    """Plays all plans."""
    threads = []
    for number, name in enumerate(PLANS):
        for family in (V4, V6):
            listener = lab.server.listen(family, PORT + number)
            threading.Thread(target=serve, args=(listener, name), daemon=True).start()
    for number in range(count):
        talk = Talk(lab, number, seed)
        threads.append(threading.Thread(target=talk.client, daemon=True))
        threads[-1].start()
    deadline = time.monotonic() + LIMIT_SEC
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    lab.settle(1.0, 12)


@scenario("lossy", wire=WireOptions(delay_ms=5, seed=11, before=Trouble(0.05, 0.03, 0.06, 20),
                                    after=Trouble(0.05, 0.03, 0.06, 20)))
def lossy(lab):
    talk_all(lab, 45, 11)


@scenario("lossy-more", wire=WireOptions(delay_ms=2, seed=12, before=Trouble(0.1, 0.1, 0.15, 12),
                                         after=Trouble(0.1, 0.1, 0.15, 12)))
def lossy_more(lab):
    talk_all(lab, 36, 12)


@scenario("reordered", wire=WireOptions(delay_ms=5, seed=13, before=Trouble(hold=0.2, hold_ms=15),
                                        after=Trouble(hold=0.2, hold_ms=15)))
def reordered(lab):
    talk_all(lab, 36, 13)


@scenario("doubled", wire=WireOptions(delay_ms=2, seed=14, before=Trouble(double=0.25, hold_ms=10),
                                      after=Trouble(double=0.25, hold_ms=10)))
def doubled(lab):
    talk_all(lab, 27, 14)


@scenario("lost-after-tap", wire=WireOptions(delay_ms=2, seed=15, after=Trouble(lose=0.12)))
def lost_after_tap(lab):
    """All that is lost was seen: the presumption that a segment arrives is wrong each time."""
    talk_all(lab, 36, 15)


@scenario("lost-before-tap", wire=WireOptions(delay_ms=2, seed=16, before=Trouble(lose=0.12)))
def lost_before_tap(lab):
    """What is lost was never seen: the tap sees holes as the receiver does."""
    talk_all(lab, 36, 16)
