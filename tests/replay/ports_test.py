#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Pairs of ports, from captures to captures: which frames leave by which port, and how.

The program is WEIR (default build/app/weir). Exit status 1 on failure, 77 if it is not there.
"""

import json
import os
import shutil
import struct
import sys
import tempfile
import unittest

import capture_file
import capture_writer
import storm
import weir_run
from storm_test import EAL, lcores, write

MAC_A, MAC_B = "02:aa:00:00:00:0a", "02:bb:00:00:00:0b"
YEAR_US = 365 * 86400 * 1_000_000


def octets(mac):
    return bytes.fromhex(mac.replace(":", ""))


def query(n, vlan=None):
    """A DNS query; its mirror image would be the answer."""
    frame = storm.ip4(storm.address4(n), storm.address4(9000), storm.UDP,
                      storm.udp(storm.address4(n), storm.address4(9000), 1000 + n, 53, b"query %d" % n))
    return frame if vlan is None else frame[:12] + struct.pack(">HH", 0x8100, vlan) + frame[12:]


def answer(n):
    return storm.ip4(storm.address4(9000), storm.address4(n), storm.UDP,
                     storm.udp(storm.address4(9000), storm.address4(n), 53, 1000 + n, b"answer %d" % n))


def syn(n):
    src, dst = storm.address4(n), storm.address4(9000)
    return storm.ip4(src, dst, storm.TCP, storm.tcp(src, dst, 1000, 80, 7))


def pieces(n):
    src, dst = storm.address4(n), storm.address4(9000)
    return storm.pieces4(src, dst, storm.UDP, n, storm.cut(storm.udp(src, dst, 500, 500, bytes(100)), 48))


def at(frames, start_us=storm.START_US, step_us=1000):
    return [(start_us + n * step_us, frame) for n, frame in enumerate(frames)]


class Bench(unittest.TestCase):
    """Runs weir between captures."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ports-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_weir(self, ports, config, *options, workers=1):
        """Ports play the packets given; returns what left by each, the records and the trace."""
        devices = []
        for n, packets in enumerate(ports):
            played = write(self.path(f"in{n}.pcap"), packets)
            devices.append(f"--vdev=net_pcap{n},rx_pcap={played},tx_pcap={self.path(f'out{n}.pcap')}")
        with open(self.path("weir.conf"), "w", encoding="ascii") as out:
            out.write("workers: { mbufs = 8192; };\ntracking: { flows = 20000; flows6 = 1000; };\n" + config)
        done = weir_run.run("--lcores", lcores(workers), *EAL, *devices, "--", "--exit-at-end", "--config",
                            self.path("weir.conf"), "--flows", self.path("flows"), "--trace", self.path("trace"),
                            "--workers", str(workers), *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.said = done.stderr.decode()
        sent = [capture_file.read(self.path(f"out{n}.pcap"))[1] for n in range(len(ports))]
        flows, trace = (weir_run.records(weir_run.read_bytes(self.path(name))) for name in ("flows", "trace"))
        return sent, flows, trace

    def policy(self, text):
        with open(self.path("policy"), "w", encoding="ascii") as out:
            out.write(text)
        return f'policy: {{ file = "{self.path("policy")}"; }};\n'


class Ports(Bench):
    def test_frames_leave_by_the_other_port_of_their_pair_as_they_came(self):
        frames = [[query(n * 100 + port, vlan=port or None) for n in range(50)] for port in range(6)]
        for workers in (1, 3):
            sent, flows, _ = self.run_weir([at(f) for f in frames],
                                           'ports = ( { a = "net_pcap0"; b = "net_pcap3"; },\n'
                                           '{ a = "net_pcap1"; b = "net_pcap2"; },\n'
                                           '{ a = "net_pcap5"; b = "net_pcap4"; } );\n',
                                           workers=workers)
            for port, peer in enumerate((3, 2, 1, 0, 5, 4)):
                self.assertEqual(sorted(sent[peer]), sorted(frames[port]))
            self.assertEqual(len(flows), 300)

    def test_without_pairs_ports_pair_in_order_and_the_last_observes(self):
        frames = [[query(n * 100 + port) for n in range(20)] for port in range(3)]
        sent, flows, trace = self.run_weir([at(f) for f in frames], "")
        self.assertEqual(sent, [frames[1], frames[0], []])
        self.assertEqual((len(flows), len(trace)), (60, 60))

    def test_large_frames_pass_whole_and_a_driver_without_an_mtu_is_told_of(self):
        src, dst = storm.address4(1), storm.address4(9000)
        frames = [storm.ip4(src, dst, storm.UDP, storm.udp(src, dst, 7, 7, bytes(size)))
                  for size in (1472, 1473, 8972, 9600)]
        sent, flows, _ = self.run_weir([at(frames), []],
                                       'ports = ( { a = "net_pcap0"; b = "net_pcap1"; mtu = 9000; } );\n')
        self.assertEqual(sent, [[], frames])
        self.assertEqual(flows[0]["orig_bytes"], sum(len(frame) - 14 for frame in frames))
        self.assertIn("net_pcap0: its driver cannot set an MTU of 9000", self.said)

    def test_an_observer_sends_nothing_not_even_answers(self):
        config = 'ports = ( { a = "net_pcap0"; } );\n' + self.policy('default = "reject"; rules = ();\n')
        sent, _, trace = self.run_weir([at([query(1), syn(1)])], config)
        self.assertEqual(sent, [[]])
        self.assertEqual([line["reason"] for line in trace], ["policy-reject"] * 2)

    def test_shadow_holds_for_its_pair_alone(self):
        config = ('ports = ( { a = "net_pcap0"; b = "net_pcap1"; mode = "shadow"; },\n'
                  '{ a = "net_pcap2"; b = "net_pcap3"; } );\n' + self.policy('default = "drop"; rules = ();\n'))
        frames = [[query(n) for n in range(9)], [], [query(n + 100) for n in range(9)], []]
        sent, _, trace = self.run_weir([at(f) for f in frames], config)
        self.assertEqual(sent, [[], frames[0], [], []])
        self.assertEqual({(line["port"], line["verdict"], line["reason"]) for line in trace},
                         {(0, "forward", "policy-drop"), (2, "drop", "policy-drop")})

    def test_addresses_are_rewritten_where_that_is_configured(self):
        group = b"\x01\x00\x5e\x00\x00\x09" + query(7)[6:]
        frames = [[query(1), query(2, vlan=5), group, *pieces(3), query(1)], [answer(1)]]
        sent, _, _ = self.run_weir([at(f) for f in frames],
                                   f'ports = ( {{ a = "net_pcap0"; b = "net_pcap1"; mac_b = "{MAC_B}"; }} );\n')
        self.assertEqual(sent[0], frames[1])  # by a, frames leave as they came
        own = {frame[6:12] for frame in sent[1] if not frame[0] & 1}
        self.assertEqual(len(own), 1)
        self.assertNotEqual(own, {frames[0][0][6:12]})
        expected = [f if f[0] & 1 else octets(MAC_B) + min(own) + f[12:] for f in frames[0]]
        self.assertEqual(sorted(sent[1]), sorted(expected))

    def test_both_ways_and_answers_go_to_the_next_hop(self):
        config = (f'ports = ( {{ a = "net_pcap0"; b = "net_pcap1"; mac_a = "{MAC_A}"; mac_b = "{MAC_B}"; }} );\n' +
                  self.policy('default = "allow"; rules = ( { name = "no"; action = "reject"; proto = "tcp"; } );\n'))
        sent, _, _ = self.run_weir([at([query(1), syn(1)]), at([query(2)])], config)
        self.assertEqual([frame[:6] for frame in sent[1]], [octets(MAC_B)])
        self.assertEqual({frame[:6] for frame in sent[0]}, {octets(MAC_A)})
        self.assertEqual(len(sent[0]), 2)  # the other side's query, and a RST

    def test_both_sides_in_a_capture_each_come_in_order_of_time(self):
        for name in ("http-many", "lossy", "iperf3-v4"):
            path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "captures", name + ".pcap")
            packets = list(zip(capture_writer.stamps(path), capture_file.read(path)[1]))
            sides = [[p for p in packets if (p[1][6:12] == packets[0][1][6:12]) == (side == 0)] for side in (0, 1)]
            self.assertTrue(all(sides))
            _, whole, fates = self.run_weir([packets], "")
            forwarded = sum(line["verdict"] == "forward" for line in fates)
            for workers in (1, 2):
                sent, flows, _ = self.run_weir(sides, "", workers=workers)
                self.assertEqual(self.comparable(flows), self.comparable(whole))
                self.assertEqual(sum(map(len, sent)), forwarded)

    @staticmethod
    def comparable(flows):
        return sorted(json.dumps(flow, default=str) for flow in flows)

    def test_captures_of_different_years_are_played_side_by_side(self):
        """As if they had been merged: the older one first."""
        old = at([query(n) for n in range(40)] + [answer(n) for n in range(40)])
        new = at([query(n + 100) for n in range(40)] + [answer(n + 100) for n in range(40)],
                 storm.START_US + 9 * YEAR_US)
        for ports in ((old, new), (new, old)):
            _, flows, trace = self.run_weir(list(ports), "")
            self.assertEqual({line["verdict"] for line in trace}, {"forward"})
            times = {line["time"] for line in trace}
            self.assertEqual({int(t * 1_000_000) for t in times}, {t for port in ports for t, _ in port})
            sums = sorted((f["src"], f["orig_packets"], f["resp_packets"]) for f in flows)
            self.assertEqual(len(sums), 80, sums)
            self.assertEqual({row[1:] for row in sums}, {(1, 1)})


if __name__ == "__main__":
    if shutil.which(weir_run.program()) is None:
        print(f"skipped: {weir_run.program()} is not there; set WEIR to the program")
        sys.exit(77)
    unittest.main()
