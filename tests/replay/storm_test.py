#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Storms of pieces and of malformed frames: nothing is lost without a reason or kept, workers make no difference.

The program is WEIR (default build/app/weir). Exit status 1 on failure, 77 if something needed is not there.
"""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from collections import Counter

import capture_file
import storm
import weir_run

PIECES, MALFORMED = 4000, 20000
LIMIT_SEC = 60
EAL = ("--no-huge", "--no-shconf", "--no-telemetry", "--no-pci", "-m", "384", "--log-level=*:error")
HELD = 1988  # octets that a capture of refused packets has of each


def write(path, packets):
    with open(path, "wb") as out:
        out.write(b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + bytes(8) + b"\x00\x00\x01\x00\x01\x00\x00\x00")
        for time_us, frame in packets:
            for word in (time_us // 1_000_000, time_us % 1_000_000, len(frame), len(frame)):
                out.write(word.to_bytes(4, "little"))
            out.write(frame)
    return path


def lcores(workers):
    cpus = sorted(os.sched_getaffinity(0))
    return ",".join(f"{n}@{cpus[n % len(cpus)]}" for n in range(workers + 1))


class Storm(unittest.TestCase):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="storm-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.packets = {"pieces": storm.fragments(PIECES, 1), "malformed": storm.malformed(MALFORMED, 2)}
        cls.paths = {name: write(cls.path(name + ".pcap"), packets) for name, packets in cls.packets.items()}

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder, name)

    def replay(self, capture, *options):
        result = weir_run.replay(capture, self.folder, *options)
        self.assertEqual(result.status, 0, result.messages)
        return result

    def config(self, text):
        path = self.path("weir.conf")
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        return path

    def tshark(self, path, *fields):
        if shutil.which("tshark") is None:
            self.skipTest("tshark is not there")
        command = ["tshark", "-n", "-r", path, "-T", "fields", *(word for field in fields for word in ("-e", field))]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    # Every packet has one fate, whoever carries it out.

    def check_replay(self, name):
        packets = self.packets[name]
        first = self.replay(self.paths[name])
        self.assertEqual([line["n"] for line in sorted(first.trace, key=lambda l: l["n"])], list(range(len(packets))))
        for line in first.trace:
            self.assertTrue(line["verdict"] == "forward" or line["reason"], line)
        self.check_output(first, packets)
        for workers in ("2", "4"):
            several = self.replay(self.paths[name], "--workers", workers)
            self.assertEqual(self.comparable(several.flows), self.comparable(first.flows))
            fates = {(line["n"], line["verdict"], line["reason"]) for line in several.trace}
            self.assertEqual(fates, {(line["n"], line["verdict"], line["reason"]) for line in first.trace})
        return first

    @staticmethod
    def comparable(flows):
        return sorted(json.dumps(flow, default=str, sort_keys=True) for flow in flows)

    def check_output(self, replay, packets):
        """What was forwarded left as it came."""
        sent = Counter(capture_file.read(replay.out_path)[1])
        forwarded = Counter(packets[line["n"]][1] for line in replay.trace if line["verdict"] == "forward")
        self.assertEqual(sent, forwarded)

    def test_pieces_have_the_same_fate_with_any_number_of_workers(self):
        reasons = Counter(line["reason"] for line in self.check_replay("pieces").trace)
        for reason in ("frag-overlap", "frag-tiny", "frag-length", "frag-timeout", "frag-limit"):
            self.assertGreater(reasons[reason], 0, reasons)

    def test_malformed_frames_have_the_same_fate_with_any_number_of_workers(self):
        reasons = Counter(line["reason"] for line in self.check_replay("malformed").trace)
        self.assertGreater(len(reasons), 12, reasons)

    # Counters, and buffers.

    def check_counters(self, names, *, workers, config=""):
        socket_path = self.path("socket")
        ports = [f"--vdev=net_pcap{n},rx_pcap={self.paths[name]},tx_pcap={self.path(f'out{n}')}"
                 for n, name in enumerate(names)]
        text = f'control: {{ http_socket = "{socket_path}"; }};\nworkers: {{ mbufs = 16384; }};\n' \
            "tracking: { flows = 50000; flows6 = 50000; };\n"
        command = [weir_run.program(), "--lcores", lcores(workers), *EAL, *ports, "--", "--quiet",
                   "--config", self.config(text + config), "--workers", str(workers)]
        expected = sum(len(self.packets[name]) for name in names)
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            try:
                stats = self.wait_for(socket_path, process, lambda s: s["total"]["packets"] >= expected
                                      and s["mempool"]["used"] == 0)
            finally:
                process.terminate()
                try:
                    process.wait(LIMIT_SEC)
                except subprocess.TimeoutExpired:
                    process.kill()
        total = stats["total"]
        self.assertEqual(total["rx_packets"], expected)
        self.assertEqual(total["packets"], expected)
        self.assertEqual(sum(total["verdicts"].values()), expected)
        self.assertEqual(sum(total["reasons"].values()), expected)
        self.assertEqual(total["handed_out"], total["handed_in"])
        self.assertEqual((total["steer_lost"], total["tx_lost"]), (0, 0))
        self.assertEqual(total["tx_packets"], total["verdicts"]["forward"])
        return total

    def wait_for(self, socket_path, process, reached):
        """The statistics once they are so; the last ones if they never are."""
        deadline = time.monotonic() + LIMIT_SEC
        stats = None
        while time.monotonic() < deadline and process.poll() is None:
            stats = self.stats(socket_path) or stats
            if stats and reached(stats):
                return stats
            time.sleep(0.05)
        if process.poll() is not None:
            self.fail(f"weir ended with {process.returncode}: {process.stderr.read()[-500:]}")
        self.fail(f"not reached: {stats and (stats['total']['packets'], stats['mempool'])}")

    @staticmethod
    def stats(socket_path):
        connection = http.client.HTTPConnection("weir")
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(socket_path)
            connection.request("GET", "/stats")
            return json.loads(connection.getresponse().read())
        except OSError:
            return None
        finally:
            connection.close()

    def test_all_is_counted_and_no_buffer_is_kept(self):
        for workers in (1, 2, 4):
            with self.subTest(workers=workers):
                total = self.check_counters(["pieces", "malformed"], workers=workers)
                self.assertEqual(total["handed_out"] > 0, workers > 1)

    def test_workers_that_hand_over_to_each_other_do_not_wait_for_each_other(self):
        """Two queues for two workers, both with far less room for the other's packets than a burst has."""
        queues = ",".join(f"rx_pcap={path}" for path in self.paths.values())
        done = weir_run.run("--lcores", lcores(2), *EAL, f"--vdev=net_pcap0,{queues}", "--", "--exit-at-end",
                            "--workers", "2", "--config",
                            self.config("workers: { inbox = 16; burst = 256; };\n"
                                        "tracking: { flows = 50000; flows6 = 50000; };\n"))
        self.assertEqual(done.returncode, 0, done.stderr)
        expected = sum(len(packets) for packets in self.packets.values())
        self.assertRegex(done.stderr + done.stdout, rb"packets +%d " % expected)

    # Refused packets in a capture.

    def test_refused_packets_are_captured_with_their_reason(self):
        for name, options in (("pieces", ()), ("malformed", ("--shadow",)), ("malformed", ("--workers", "2"))):
            capture = self.path("refused.pcapng")
            config = self.config("capture: { rate = 1000000; };\n")
            replay = self.replay(self.paths[name], "--capture", capture, "--config", config, *options)
            refused = {line["n"]: line for line in self.replay(self.paths[name]).trace if line["verdict"] != "forward"}
            self.assertEqual({line["n"]: line["reason"] for line in replay.trace if line["n"] in refused},
                             {n: line["reason"] for n, line in refused.items()})
            rows = self.tshark(capture, "frame.packet_id", "frame.comment", "frame.time_epoch", "frame.len")
            found = {int(row[0]): row for row in rows}
            self.assertEqual(len(rows), len(refused))
            reasons = {n: line["reason"] for n, line in refused.items()}
            self.assertEqual({n: row[1] for n, row in found.items()}, reasons)
            frames = capture_file.read(capture)[1]
            for row, frame in zip(rows, frames):
                time_us, original = self.packets[name][int(row[0])]
                self.assertEqual(frame, original[:HELD])
                self.assertEqual((row[2][:-3].replace(".", ""), int(row[3])), (str(time_us), len(original)))

    def test_the_capture_is_bounded_in_size(self):
        capture = self.path("small.pcapng")
        self.replay(self.paths["malformed"], "--capture", capture, "--config",
                    self.config('capture: { rate = 1000000; size = "64k"; };\n'))
        sizes = [os.path.getsize(path) for path in (capture, capture + ".1")]
        self.assertLessEqual(sum(sizes), 65536)
        self.assertGreater(sizes[1], 20000)
        last = max(line["n"] for line in self.replay(self.paths["malformed"]).trace if line["verdict"] != "forward")
        numbers = [int(row[0]) for path in (capture + ".1", capture) for row in self.tshark(path, "frame.packet_id")]
        self.assertEqual(len(numbers), len(set(numbers)))
        self.assertIn(last, numbers)

    def test_the_capture_is_bounded_in_rate(self):
        capture = self.path("rare.pcapng")
        config = self.config("capture: { rate = 10; };\n")
        self.replay(self.paths["malformed"], "--capture", capture, "--config", config)
        seconds = MALFORMED * 1500 // 1_000_000
        count = len(capture_file.read(capture)[1])
        self.assertLessEqual(count, 10 * (seconds + 2))
        self.assertGreater(count, 10 * (seconds - 2))

    def test_a_capture_that_cannot_be_written_is_told(self):
        for path, words in ((self.folder, b"Is a directory"), ("/dev/full", b"expected a regular file")):
            done = weir_run.run("replay", self.paths["malformed"], "--capture", path)
            self.assertEqual(done.returncode, 1)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    if shutil.which(weir_run.program()) is None:
        print(f"skipped: {weir_run.program()} is not there; set WEIR to the program")
        sys.exit(77)
    unittest.main()
