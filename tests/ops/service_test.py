#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The unit as systemd reads it, and what weir tells the service manager.

usage: service_test.py WEIR UNIT
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

WEIR, UNIT = map(os.path.abspath, sys.argv[1:3])
PORTS = ["--no-huge", "--no-shconf", "-m", "768", "--no-pci", "--no-telemetry", "--lcores", "0@0,1@0", "--vdev=net_null0", "--vdev=net_null1"]
LIMIT = 240
EXPOSURE_MAX = 35  # tenths; systemd calls up to 4.0 "OK"


def directives(text):
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


def catches(pid, number):
    """Has the process a handler for this signal?"""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        mask = re.search(r"^SigCgt:\s+(\w+)", file.read(), re.MULTILINE).group(1)
    return int(mask, 16) >> (number - 1) & 1


class Unit(unittest.TestCase):
    def setUp(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("systemd-analyze is not installed (Debian: systemd)")
        with open(UNIT, encoding="utf-8") as file:
            self.text = file.read()

    def test_systemd_has_nothing_to_say_against_the_unit(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "weir.service")
            # Where it is not installed, the program and its pages are not where the unit says.
            text = re.sub(r"(?<==)\S*/bin/weir(?= )", WEIR, self.text)
            with open(copy, "w", encoding="utf-8") as file:
                file.write(text)
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, timeout=LIMIT, check=False)
            said = [line for line in done.stderr.splitlines() if "weir" in line]
            self.assertEqual((said, done.returncode), ([], 0))

    def test_the_unit_is_hardened(self):
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", UNIT],
                              capture_output=True, text=True, timeout=LIMIT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-400:] + done.stderr)

    def test_the_unit_starts_weir_with_options_that_it_has(self):
        start = directives(self.text)["ExecStart"]
        have = subprocess.run([WEIR, "--help"], check=True, capture_output=True, text=True).stdout
        for option in re.findall(r"--([a-z-]+)", start.split(" -- ")[1]):
            self.assertIn(f"--{option}", have)


class Notify(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.settimeout(LIMIT)

    def run_weir(self, path):
        env = {**os.environ, "NOTIFY_SOCKET": path, "RUNTIME_DIRECTORY": self.folder}
        weir = subprocess.Popen([WEIR, *PORTS, f"--file-prefix=notify{os.getpid()}", "--", "--quiet"], env=env, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE)
        self.addCleanup(weir.stderr.close)
        self.addCleanup(weir.wait)
        self.addCleanup(weir.kill)
        return weir

    def told(self):
        return self.socket.recv(256).decode().splitlines()[0]

    def test_ready_reloading_and_stopping_are_told(self):
        path = os.path.join(self.folder, "notify")
        self.socket.bind(path)
        weir = self.run_weir(path)
        self.assertEqual(self.told(), "READY=1")
        weir.send_signal(signal.SIGHUP)
        self.assertEqual(self.told(), "RELOADING=1")
        self.assertEqual(self.told(), "READY=1")
        weir.send_signal(signal.SIGTERM)
        self.assertEqual(self.told(), "STOPPING=1")
        self.assertEqual(weir.wait(LIMIT), 0)

    def test_an_abstract_socket_will_do(self):
        name = f"weir-notify-{os.getpid()}"
        self.socket.bind("\0" + name)
        weir = self.run_weir("@" + name)
        self.assertEqual(self.told(), "READY=1")
        weir.send_signal(signal.SIGTERM)
        self.assertEqual(weir.wait(LIMIT), 0)

    def test_a_socket_that_nobody_reads_does_no_harm(self):
        weir = self.run_weir(os.path.join(self.folder, "nobody"))
        end = time.monotonic() + LIMIT
        while not catches(weir.pid, signal.SIGTERM):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        weir.send_signal(signal.SIGTERM)
        self.assertEqual(weir.wait(LIMIT), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
