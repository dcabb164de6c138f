#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir as its user calls it: what goes to which stream, exit status, files that end whole.

usage: cli_test.py WEIR SOURCE-ROOT
"""
import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

WEIR, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
CAPTURE = os.path.join(ROOT, "tests", "captures", "demo.pcap")
TIMEOUT_SEC = 120
NOBODY = 65534


def run(*arguments, **options):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run([WEIR, *arguments], timeout=TIMEOUT_SEC, check=False, **options)


def lines(path):
    with open(path, "rb") as file:
        return file.read().splitlines(keepends=True)


def packets_of(path):
    """(seconds, microseconds, frame) of a pcap with microseconds, in this machine's byte order."""
    with open(path, "rb") as file:
        data = file.read()
    at = 24
    while at < len(data):
        sec, usec, caplen, _ = struct.unpack_from("IIII", data, at)
        yield sec, usec, data[at + 16 : at + 16 + caplen]
        at += 16 + caplen


def write_pcapng(path, packets):
    with open(path, "wb") as file:
        file.write(struct.pack("=IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28))
        file.write(struct.pack("=IIHHII", 1, 20, 1, 0, 0, 20))
        for sec, usec, frame in packets:
            padded = frame + bytes(-len(frame) % 4)
            size, time = 32 + len(padded), sec * 1000000 + usec
            file.write(struct.pack("=IIIIIII", 6, size, 0, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame)))
            file.write(padded + struct.pack("=I", size))


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="weir-test-")
        os.chmod(self.folder, 0o777)
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def test_help_and_version_go_to_standard_output(self):
        done = run("--help")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertTrue(done.stdout.startswith(b"Usage: weir [EAL options] -- [options]\n"))
        done = run("--version")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertRegex(done.stdout.decode(), r"\Aweir \d+\.\d+\.\d+\nDPDK \d+\.\d+\S*\nbuilt for \S+; flow hash \S+\n\Z")
        self.assertNotIn(b"built for native", done.stdout)

    def test_check_says_ok_or_all_that_is_wrong(self):
        for name in ("weir.conf", "weir-rfc.conf"):
            file = os.path.join(ROOT, "config", name)
            done = run("check", "--config", file)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, f"{file}: ok\n".encode(), b""))
        file = self.write("bad.conf", 'workers: { count = 0; };\ntracking: { colour = "red"; };\n')
        done = run("check", "--config", file)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertEqual(
            done.stderr.decode(),
            f"{file}:1: workers.count = 0: expected 1 to 64 workers\n"
            f'{file}:2: tracking.colour = "red": expected a key of tracking; this one is unknown\n'
            f"weir: {file}: 2 errors\n",
        )

    def test_a_bad_configuration_starts_and_writes_nothing(self):
        file = self.write("bad.conf", "workers: { count = 0; };\n")
        done = run("replay", CAPTURE, "--config", file, "--flows", self.path("flows"), "--out", self.path("out"))
        self.assertEqual(done.returncode, 2)
        self.assertEqual(os.listdir(self.folder), ["bad.conf"])

    def test_records_on_standard_output_have_it_to_themselves(self):
        done = run("replay", CAPTURE, "--flows", "-")
        self.assertEqual(done.returncode, 0)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertGreater(len(records), 10)
        self.assertEqual(len({record["id"] for record in records}), len(records))
        self.assertIn(b"TCP flows by final states", done.stderr)

    def test_the_summary_goes_to_standard_output_and_quiet_takes_it_away(self):
        done = run("replay", CAPTURE)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        packets = sum(1 for _ in packets_of(CAPTURE))
        self.assertRegex(done.stdout.decode(), rf"\Apackets +{packets}  \(")
        done = run("replay", CAPTURE, "--quiet")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    def test_pcapng_gives_the_same_records(self):
        write_pcapng(self.path("in.pcapng"), packets_of(CAPTURE))
        for name, capture in (("a", CAPTURE), ("b", self.path("in.pcapng"))):
            done = run("replay", capture, "--flows", self.path(name), "--trace", self.path(name + "t"), "--quiet")
            self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(lines(self.path("a")), lines(self.path("b")))
        self.assertEqual(lines(self.path("at")), lines(self.path("bt")))

    def test_file_names_may_hold_anything(self):
        names = [self.path("in,rx_pcap=[x] 'y'.pcap"), self.path("out,=\n.pcap"), self.path("flows,\xe4")]
        shutil.copy(CAPTURE, names[0])
        done = run("replay", names[0], "--out", names[1], "--flows", names[2], "--quiet")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertGreater(os.path.getsize(names[1]), 1000)
        self.assertGreater(os.path.getsize(names[2]), 1000)

    def test_a_file_that_may_grow_no_further_ends_with_a_whole_record(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (10001, 10001))

        done = run("replay", CAPTURE, "--trace", self.path("trace"), preexec_fn=limit)
        self.assertEqual(done.returncode, 1)
        kept = lines(self.path("trace"))
        self.assertTrue(kept and kept[-1].endswith(b"}\n"))
        missing = sum(1 for _ in packets_of(CAPTURE)) - len(kept)
        self.assertIn(f"trace: File too large; {missing} records not written\n", done.stderr.decode())

    def test_a_capture_that_may_grow_no_further_is_told(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (10001, 10001))

        done = run("replay", CAPTURE, "--out", self.path("out"), preexec_fn=limit)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.decode(), r"out: holds \d+ of \d+ octets: is the disk full\?\n")

    def test_frames_of_64_kib_come_out_whole(self):
        source, sizes = self.path("in.pcap"), (60, 1514, 16128, 16129, 40000, 65407)
        with open(source, "wb") as file:
            file.write(struct.pack("IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
            for number, size in enumerate(sizes):
                frame = bytes(12) + b"\x88\xb5" + bytes([number]) * (size - 14)
                file.write(struct.pack("IIII", 1600000000, number, size, size) + frame)
        done = run("replay", source, "--quiet", "--out", self.path("out.pcap"))
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        frames = [frame for _, _, frame in packets_of(source)]
        self.assertEqual([frame for _, _, frame in packets_of(self.path("out.pcap"))], frames)

    def test_a_reader_that_goes_away_is_told(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = run("replay", CAPTURE, "--flows", "-", "--quiet", stdout=writer)
        os.close(writer)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.decode(), r"weir: standard output: Broken pipe; \d+ records not written\n")

    def test_replays_side_by_side_do_not_disturb_each_other(self):
        # Interrupted by each other at any place, a worker and its control core meet in every order.
        for _ in range(4):
            started = [
                subprocess.Popen([WEIR, "replay", CAPTURE, "--quiet", "--flows", self.path(str(i))], stderr=subprocess.PIPE)
                for i in range(4)
            ]
            for process in started:
                _, message = process.communicate(timeout=TIMEOUT_SEC)
                self.assertEqual((process.returncode, message), (0, b""))
            self.assertEqual(len({tuple(lines(self.path(str(i)))) for i in range(4)}), 1)

    def test_replay_needs_no_privilege(self):
        if os.geteuid() != 0:
            self.skipTest("skipped: has no privilege to give up")
        weir, capture = self.path("weir"), self.path("in.pcap")
        shutil.copy(WEIR, weir)
        shutil.copy(CAPTURE, capture)
        environment = {key: value for key, value in os.environ.items() if key != "XDG_RUNTIME_DIR"}
        done = subprocess.run(
            [weir, "replay", capture, "--quiet", "--flows", self.path("flows")],
            user=NOBODY, group=NOBODY, extra_groups=[], env=environment,
            cwd=self.folder, capture_output=True, timeout=TIMEOUT_SEC, check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertGreater(len(lines(self.path("flows"))), 10)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
