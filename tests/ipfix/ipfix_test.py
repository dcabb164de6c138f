#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""IPFIX read back by an independent collector, nfcapd, and compared with the JSON Lines records of the same run.

usage: ipfix_test.py WEIR SOURCE-ROOT
Without nfcapd and nfdump (Debian: nfdump): skipped, exit status 77.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

WEIR, ROOT = sys.argv[1:3]
CAPTURES = os.path.join(ROOT, "tests", "captures")
PORTS = {"tcp": 6, "udp": 17, "sctp": 132}
NUMBERS = PORTS | {"icmp": 1, "icmp6": 58, "gre": 47}
LIMIT = 240  # seconds that anything may take


def until(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {LIMIT} s: {what}")
        time.sleep(0.02)


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def udp_ports_open():
    with open("/proc/net/udp", encoding="ascii") as file:
        return {int(line.split()[1].split(":")[1], 16) for line in file.readlines()[1:]}


@contextlib.contextmanager
def nfcapd(folder, port):
    """The collector, until it has written its file."""
    with subprocess.Popen(["nfcapd", "-b", "127.0.0.1", "-p", str(port), "-w", folder, "-t", "3600"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        until(lambda: port in udp_ports_open(), "nfcapd listens")
        try:
            yield
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(LIMIT)


def drained(port):
    """Has nfcapd read all that its socket holds?"""
    with open("/proc/net/udp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return all(row[4].endswith(":00000000") for row in rows if int(row[1].split(":")[1], 16) == port)


def replay(capture, target, flows, extra=()):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
        config.write(f'output: {{ ipfix = "{target}"; }};\ntracking: {{ flows = 4096; flows6 = 4096; }};\n')
        config.flush()
        return subprocess.run([WEIR, "replay", os.path.join(CAPTURES, capture), "--quiet", "--config", config.name, "--flows", flows,
                               "--checksum", "ignore", *extra], capture_output=True, text=True, timeout=LIMIT, check=False)


def of_json(path):
    """What a record says, in the collector's terms."""
    found = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            r = json.loads(line)
            ports = (r["sport"], r["dport"]) if r["proto"] in PORTS else (0, 0)
            found.append((NUMBERS.get(r["proto"]) or int(r["proto"]), r["src"], ports[0], r["dst"], ports[1], r["orig_packets"],
                          r["orig_bytes"], r["resp_packets"], r["resp_bytes"], int(r["start"] * 1000), int(r["end"] * 1000)))
    return sorted(found)


def objects(text):
    """With -q nfdump puts objects one after the other, with or without commas, depending on its version."""
    decoder, at = json.JSONDecoder(), 0
    while (at := at + len(text[at:]) - len(text[at:].lstrip(" \n,[]"))) < len(text):
        value, at = decoder.raw_decode(text, at)
        yield value


def of_nfdump(folder):
    out = subprocess.run(["nfdump", "-q", "-6", "-N", "-R", folder, "-o", "json"], check=True, capture_output=True, text=True, timeout=LIMIT).stdout
    found = []
    for r in objects(out):
        ports = (r.get("src_port", 0), r.get("dst_port", 0)) if r["proto"] in PORTS.values() else (0, 0)
        found.append((r["proto"], r.get("src4_addr") or r["src6_addr"], ports[0], r.get("dst4_addr") or r["dst6_addr"], ports[1],
                      r["in_packets"], r["in_bytes"], r.get("out_packets", 0), r.get("out_bytes", 0), millis(r["first"]), millis(r["last"])))
    return sorted(found)


def millis(text):
    """2023-11-14T22:13:20.123, which nfdump writes in local time; TZ is set to UTC."""
    day, fraction = text.split(".")
    return int(time.mktime(time.strptime(day, "%Y-%m-%dT%H:%M:%S"))) * 1000 + int(fraction)


class Listener(threading.Thread):
    """A TCP collector of our own: counts records and templates in what it reads, message by message, and hands each message on by UDP."""

    def __init__(self, port=0, close_after=None, onward=None):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        self.close_after = close_after
        self.onward = onward
        self.templates, self.sequences, self.octets, self.ended = 0, [], 0, threading.Event()

    def run(self):
        connection, _ = self.socket.accept()
        with connection, connection.makefile("rb") as stream:
            while head := stream.read(16):
                version, length, _, sequence, _ = struct.unpack("!HHIII", head)
                assert version == 10, version
                body = stream.read(length - 16)
                self.octets += length
                self.sequences.append(sequence)
                self.templates += struct.unpack("!H", body[:2])[0] == 2
                if self.onward:
                    self.hand_on(head + body)
                if self.close_after and len(self.sequences) >= self.close_after:
                    break
        self.socket.close()
        self.ended.set()

    def hand_on(self, message):
        until(lambda: drained(self.onward), "nfcapd has read what came before")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(message, ("127.0.0.1", self.onward))


class Ipfix(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.flows = os.path.join(self.folder, "flows.jsonl")
        self.store = os.path.join(self.folder, "nfcapd")
        os.mkdir(self.store)

    def compare(self, capture):
        port = free_port(socket.SOCK_DGRAM)
        with nfcapd(self.store, port):
            done = replay(capture, f"udp:127.0.0.1:{port}", self.flows)
            until(lambda: drained(port), "nfcapd has read all")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        wanted = of_json(self.flows)
        self.assertGreater(len(wanted), 0)
        self.assertEqual(of_nfdump(self.store), wanted)

    def test_a_collector_reads_what_the_records_say(self):
        self.compare("demo.pcap")

    def test_ipv6(self):
        self.compare("http-v6.pcap")

    def test_many_records_in_many_messages(self):
        self.compare("http-many.pcap")

    def test_what_is_not_tcp(self):
        self.compare("no-tcp.pcap")

    def test_a_udp_collector_that_is_down_does_no_harm(self):
        done = replay("http-many.pcap", f"udp:127.0.0.1:{free_port(socket.SOCK_DGRAM)}", self.flows)
        self.assertEqual(done.returncode, 0)
        self.assertGreater(len(of_json(self.flows)), 10)
        self.assertRegex(done.stderr, r"IPFIX: \d+ records did not reach the collector")

    def test_a_tcp_collector_that_is_down_does_no_harm(self):
        done = replay("demo.pcap", f"tcp:127.0.0.1:{free_port(socket.SOCK_STREAM)}", self.flows)
        self.assertEqual(done.returncode, 0)
        self.assertIn("the collector does not answer; trying again", done.stderr)
        self.assertIn(f"IPFIX: {len(of_json(self.flows))} records did not reach the collector", done.stderr)

    def test_tcp_begins_with_templates_and_counts_records(self):
        listener = Listener()
        listener.start()
        done = replay("http-many.pcap", f"tcp:127.0.0.1:{listener.port}", self.flows)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(listener.ended.wait(LIMIT))
        self.assertEqual(listener.templates, 1)
        self.assertEqual(listener.sequences[0], 0)
        # All records but those of the last message are counted in its sequence number (RFC 7011 3.1).
        self.assertLessEqual(listener.sequences[-1], len(of_json(self.flows)))
        self.assertGreater(listener.octets, 80 * len(of_json(self.flows)))

    def test_what_comes_by_tcp_is_what_the_records_say(self):
        """nfcapd has no TCP: it gets the very messages that came by TCP, one a datagram."""
        for capture in ["demo.pcap", "http-many.pcap", "http-v6.pcap", "no-tcp.pcap"]:
            with self.subTest(capture):
                store = os.path.join(self.folder, capture)
                os.mkdir(store)
                port = free_port(socket.SOCK_DGRAM)
                with nfcapd(store, port):
                    listener = Listener(onward=port)
                    listener.start()
                    done = replay(capture, f"tcp:127.0.0.1:{listener.port}", self.flows)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                    self.assertTrue(listener.ended.wait(LIMIT))
                    until(lambda p=port: drained(p), "nfcapd has read all")
                self.assertEqual(of_nfdump(store), of_json(self.flows))

    def test_a_target_that_is_none_is_told_with_its_line(self):
        for target in ("127.0.0.1:4739", "udp:localhost:4739", "udp:127.0.0.1:0", "udp:127.0.0.1:65536", "tcp:::1:4739", "sctp:127.0.0.1:1"):
            done = replay("demo.pcap", target, self.flows)
            self.assertEqual(done.returncode, 2, target)
            self.assertRegex(done.stderr, r":1: output\.ipfix.*expected \"udp:ADDRESS:PORT\"", target)


if __name__ == "__main__":
    if not (shutil.which("nfcapd") and shutil.which("nfdump")):
        print("skipped: nfcapd and nfdump are not installed (Debian: nfdump)")
        sys.exit(77)
    os.environ["TZ"] = "UTC"
    time.tzset()
    unittest.main(argv=sys.argv[:1])
