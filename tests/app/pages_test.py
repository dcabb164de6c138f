#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Manual pages against what they describe: every option of --help, every key, default and bound of weir.conf.

usage: pages_test.py WEIR SOURCE-ROOT
"""
import os
import re
import subprocess
import sys
import unittest

WEIR, ROOT = sys.argv[1], sys.argv[2]


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def options_of_help():
    text = subprocess.run([WEIR, "--help"], check=True, capture_output=True, text=True).stdout
    return dict(re.findall(r"^  --([a-z-]+) ?(\S*) ", text, re.MULTILINE))


def options_of_page():
    rows = re.findall(r"^\*--([a-z-]+)\*(.*)$", read("docs", "man", "weir.8.scd"), re.MULTILINE)
    return {name: value.strip().replace("_|_", "|").replace("_", "") for name, value in rows}


def keys_of_file():
    """{"group.key": (default, bounds or None)} as config/weir.conf has them."""
    keys, group, comment = {}, None, []
    for line in read("config", "weir.conf").splitlines():
        line = line.strip()
        if line.startswith("#"):
            comment.append(line[1:].strip())
        elif match := re.fullmatch(r"(\w+):", line):
            group = match.group(1)
        elif match := re.fullmatch(r"(\w+) = (.*);", line):
            bounds = re.search(r"; (\d+) to (\d+) ", " ".join(comment))
            if group:
                keys[f"{group}.{match.group(1)}"] = (match.group(2), bounds and bounds.groups())
        if not line.startswith("#"):
            comment = []
    return keys


def keys_of_page():
    keys, group = {}, None
    page = read("docs", "man", "weir.conf.5.scd").replace("\\_", "_")
    for block in re.split(r"\n\n", page):
        if match := re.match(r"# (\w+)", block):
            group = match.group(1).lower()
        elif (match := re.match(r"\*(\w+)\*\n", block)) and group != "ports":
            text = " ".join(block.split("\n\t")[1:])
            default = re.search(r"[Dd]efault (\S+)\.$", text)
            bounds = re.search(r"(\d+) to (\d+) [a-z ]+; default", text)
            keys[f"{group}.{match.group(1)}"] = (default and default.group(1), bounds and bounds.groups())
    return keys


class Pages(unittest.TestCase):
    maxDiff = None

    def test_weir_8_has_exactly_the_options_of_help(self):
        self.assertGreater(len(options_of_help()), 10)
        self.assertEqual(options_of_page(), options_of_help())

    def test_weir_conf_5_has_exactly_the_keys_of_the_file(self):
        self.assertGreater(len(keys_of_file()), 20)
        self.assertEqual(keys_of_page(), keys_of_file())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
