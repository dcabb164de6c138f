# SPDX-License-Identifier: BSD-3-Clause
"""The capture that README runs: a bit of everything an operator meets in a minute."""

import socket
import time

from . import programs
from .closing import both_ways, half_close
from .lab import NOBODY, V4, V6, abort
from .opening import start_connect
from .registry import scenario
from .wire import Trouble, WireOptions


@scenario("demo", wire=WireOptions(delay_ms=4, seed=3, before=Trouble(lose=0.01), after=Trouble(lose=0.01)))
def demo(lab):
    for family in (V4, V6):
        start_connect(lab.client, family, NOBODY[family], 443)
    programs.start_nginx(lab)
    programs.start_sshd(lab)
    for family in (V4, V6):
        lab.client.run("ping", "-q", "-c", "2", "-i", "0.2", lab.server.address[family], stdout=-3)
        programs.browse(lab, family)
        programs.ssh(lab, family, "uname -s")
        refused = lab.client.socket(family)
        refused.connect_ex((lab.server.address[family], 25))
        half_close(*both_ways(lab, family, 1000))
        abort(both_ways(lab, family, 1001)[0])
        never_closed = both_ways(lab, family, 1002)
        never_closed[0].shutdown(socket.SHUT_WR)
        both_ways(lab, family, 1003)
    question = lab.client.socket(V4, socket.SOCK_DGRAM)
    answerer = lab.server.socket(V4, socket.SOCK_DGRAM, 53)
    question.sendto(b"which way?", (lab.server.address[V4], 53))
    _, peer = answerer.recvfrom(100)
    answerer.sendto(b"downstream", peer)
    time.sleep(0.5)
    lab.settle()
