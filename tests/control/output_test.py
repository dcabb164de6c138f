#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Records into a pipe whose reader stops, goes away, or comes too late."""
import fcntl
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import daemon

CAPTURE = os.path.join(daemon.CAPTURES, "http-many.pcap")
PIPE_SIZE = 4096  # the least there is, so that it is full soon


class Replay(unittest.TestCase):
    """A capture waits for whoever reads its records."""

    def start(self, *options):
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        process = subprocess.Popen([daemon.WEIR, "replay", self.capture, "--quiet", *options], stdout=writer, stderr=subprocess.PIPE)
        os.close(writer)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, reader

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="weir-output-")
        cls.capture = os.path.join(cls.folder.name, "many.pcap")
        # So much that neither pipe nor buffer nor rings hold its trace.
        packets, header = daemon.packets_of("http-many.pcap")
        with open(cls.capture, "wb") as file:
            file.write(b"\xd4\xc3\xb2\xa1" + header)
            for turn in range(1 + 60000 // len(packets)):
                for usec, kept, full, octets in packets:
                    file.write(daemon.struct.pack("<IIII", *divmod(usec + turn * 600 * 10**6, 10**6), kept, full) + octets)
        cls.packets = (1 + 60000 // len(packets)) * len(packets)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def wait_blocked(self, reader):
        """The pipe is full, and stays so."""
        def full():
            before = self.waiting(reader)
            time.sleep(0.5)
            return before > 0 and before == self.waiting(reader)
        daemon.wait_for("the pipe is full", full)

    def waiting(self, reader):
        count = bytearray(4)
        fcntl.ioctl(reader, 0x541B, count)  # FIONREAD
        return int.from_bytes(count, "little")

    def test_a_reader_that_pauses_misses_nothing(self):
        process, reader = self.start("--trace", "-")
        self.wait_blocked(reader)
        with open(reader, encoding="utf-8") as file:
            numbers = [json.loads(line)["n"] for line in file]
        self.assertEqual(numbers, list(range(self.packets)))
        self.assertEqual(process.wait(daemon.PATIENCE_SEC), 0)
        self.assertEqual(process.stderr.read(), b"")

    def test_an_interruption_is_heard_although_nobody_reads(self):
        process, reader = self.start("--trace", "-")
        self.wait_blocked(reader)
        process.send_signal(signal.SIGINT)
        process.wait(daemon.PATIENCE_SEC)
        self.assertRegex(process.stderr.read(), b"standard output: its reader took nothing; [1-9][0-9]* records not written")
        os.close(reader)

    def test_a_reader_that_goes_away_ends_the_replay(self):
        process, reader = self.start("--trace", "-")
        os.read(reader, 100)
        os.close(reader)
        self.assertEqual(process.wait(daemon.PATIENCE_SEC), 1)
        self.assertRegex(process.stderr.read(), b"standard output: Broken pipe; [1-9][0-9]* records not written")


class Starts(unittest.TestCase):
    def test_each_flow_is_told_when_it_begins_and_when_it_ends(self):
        with tempfile.TemporaryDirectory(prefix="weir-output-") as folder:
            path, config = os.path.join(folder, "flows"), os.path.join(folder, "weir.conf")
            with open(config, "w", encoding="utf-8") as file:
                file.write(f'output: {{ flows = "{path}"; starts = true; }};\n')
            for workers in ("1", "2"):
                subprocess.run([daemon.WEIR, "replay", CAPTURE, "--quiet", "--config", config, "--workers", workers], check=True, timeout=daemon.PATIENCE_SEC)
                with open(path, encoding="utf-8") as file:
                    records = [json.loads(line) for line in file]
                begun = set()
                for record in records:
                    if record["id"] in begun:
                        begun.remove(record["id"])
                        self.assertGreater(record["orig_packets"] + record["resp_packets"], 0)
                    else:
                        self.assertEqual(record["end_reason"], "active")
                        begun.add(record["id"])
                self.assertFalse(begun)
                self.assertGreater(len(records), 50)


class Traffic(unittest.TestCase):
    """Traffic waits for nobody."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-output-")
        self.addCleanup(self.folder.cleanup)
        self.pipe = os.path.join(self.folder.name, "pipe")
        os.mkfifo(self.pipe)
        self.reader = os.open(self.pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.weir = daemon.Daemon("http-many.pcap", endless=True, config=f'output: {{ flows = "{self.pipe}"; }};\n')
        self.addCleanup(self.weir.close)

    def stats(self):
        return self.weir.get("/stats").json()

    def metric(self, name):
        lines = self.weir.get("/metrics").body.decode().splitlines()
        return next(int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    def expect_life(self):
        before = self.stats()["total"]["packets"]
        daemon.wait_for("packets pass", lambda: self.stats()["total"]["packets"] > before + 1000)

    def test_a_reader_that_stops_costs_records_and_nothing_else(self):
        daemon.wait_for("records are lost", lambda: self.stats()["control"]["records_unwritten"] > 1000)
        self.expect_life()
        daemon.wait_for("health tells", lambda: self.weir.get("/health").status == 503)
        self.assertEqual(self.weir.get("/health").json()["problems"], ["whoever reads an output takes nothing"])
        self.assertGreater(self.metric('weir_unwritten_total{output="flows"}'), 1000)
        daemon.wait_for("it is said", lambda: "records are being lost" in self.weir.said())
        text, before = b"", self.stats()["control"]["records_written"]

        def reads():
            nonlocal text
            try:
                text += os.read(self.reader, 1 << 20)
            except BlockingIOError:
                pass
            return self.stats()["control"]["records_written"] > before + 1000
        daemon.wait_for("records go on once they are read", reads)
        self.assertGreater(len([json.loads(line) for line in text.splitlines()[:-1]]), 100)
        os.close(self.reader)

    def test_a_reader_that_goes_away_ends_nothing(self):
        os.close(self.reader)
        daemon.wait_for("records are lost", lambda: self.stats()["control"]["records_unwritten"] > 1000)
        self.expect_life()
        self.assertEqual(self.weir.get("/health").json()["problems"], ["an output cannot be written"])
        # One that comes is served from the next reload on.
        self.reader = os.open(self.pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.weir.signal(signal.SIGHUP)
        daemon.wait_for("all is well again", lambda: self.weir.get("/health").json()["problems"] != ["an output cannot be written"])
        os.close(self.reader)


class Collector(unittest.TestCase):
    def test_one_that_is_down_is_told_and_counted_and_found_again(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
            weir = daemon.Daemon("http-many.pcap", endless=True, config=f'output: {{ ipfix = "tcp:127.0.0.1:{port}"; }};\n')
            self.addCleanup(weir.close)
            self.assertEqual(weir.get("/health").json()["problems"], ["the IPFIX collector does not answer"])
            daemon.wait_for("records are lost", lambda: weir.get("/stats").json()["control"]["ipfix_lost"] > 100)
            self.assertIn("\nweir_ipfix_up 0\n", weir.get("/metrics").body.decode())
            listener.listen()
            client, _ = listener.accept()
            with client:
                daemon.wait_for("it is well", lambda: weir.get("/health").status == 200)
                daemon.wait_for("records go out", lambda: weir.get("/stats").json()["control"]["ipfix_records"] > 100 if client.recv(65536) else 0)
            self.assertRegex(weir.get("/metrics").body.decode(), r"\nweir_ipfix_records_total [1-9]")


if __name__ == "__main__":
    unittest.main()
