#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The captures that pktgen loops are the loads they claim to be: as weir sees them, in the first round and in later ones.

usage: pktgen_test.py WEIR SOURCE-ROOT
"""
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

WEIR, ROOT = sys.argv[1:3]
FOLDER = os.path.join(ROOT, "config", "pktgen")
CONNECTIONS = 200


class Pktgen(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def looped(self, load, rounds):
        """Reasons of all packets, and flow records."""
        subprocess.run([sys.executable, os.path.join(FOLDER, "captures.py"), load, str(CONNECTIONS), self.path("in.pcap")], check=True)
        with open(self.path("in.pcap"), "rb") as file:
            data = file.read()
        with open(self.path("loop.pcap"), "wb") as file:
            file.write(data[:24] + data[24:] * rounds)
        subprocess.run([WEIR, "replay", self.path("loop.pcap"), "--quiet", "--trace", self.path("t"), "--flows", self.path("f")], check=True)
        with open(self.path("t"), encoding="utf-8") as file:
            reasons = collections.Counter(json.loads(line)["reason"] for line in file)
        with open(self.path("f"), encoding="utf-8") as file:
            return reasons, [json.loads(line) for line in file]

    def test_established_is_plain_but_for_repeated_handshakes(self):
        reasons, flows = self.looped("established", 3)
        self.assertEqual(len(flows), CONNECTIONS)
        self.assertEqual({(f["orig_state"], f["resp_state"]) for f in flows}, {("ESTABLISHED", "ESTABLISHED")})
        self.assertEqual(sum(f["refused_orig"] + f["refused_resp"] for f in flows), 0)
        self.assertEqual(sum(reasons.values()), 3 * 33 * CONNECTIONS)
        self.assertEqual(sum(reasons.values()) - reasons[None], 2 * 3 * CONNECTIONS)

    def test_setup_opens_each_connection_anew_in_each_round(self):
        reasons, flows = self.looped("setup", 3)
        self.assertEqual(len(flows), 3 * CONNECTIONS)
        self.assertEqual({f["end_reason"] for f in flows}, {"rst"})
        self.assertEqual(reasons, {None: 3 * 4 * CONNECTIONS})

    def test_scripts_and_page_name_files_that_exist(self):
        with open(os.path.join(ROOT, "docs", "benchmark-pktgen.md"), encoding="utf-8") as file:
            named = set(re.findall(r"\b(\w+\.pkt)\b", file.read()))
        self.assertEqual(named, {name for name in os.listdir(FOLDER) if name.endswith(".pkt")})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
