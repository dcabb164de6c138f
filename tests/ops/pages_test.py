#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Manual pages against what they describe: weir-bench(1) and --help, weir.policy(5) and the reader of the file.

usage: pages_test.py WEIR WEIR-BENCH SOURCE-ROOT
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

WEIR, BENCH, ROOT = (os.path.abspath(path) for path in sys.argv[1:4])
CAPTURE = os.path.join(ROOT, "tests", "captures", "demo.pcap")


def page(name):
    with open(os.path.join(ROOT, "docs", "man", name), encoding="utf-8") as file:
        return file.read().replace("\\_", "_")


def section(text, title):
    return re.search(rf"^# {title}\n(.*?)(?=^# |\Z)", text, re.MULTILINE | re.DOTALL).group(1)


def entries(text):
    """The words that a section explains: lines of the form *word* and perhaps a value."""
    return re.findall(r"^\*(-?-?[a-z_0-9-]+)\*(.*)$", text, re.MULTILINE)


def examples(text):
    return re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def policy_answer(policy):
    """Replay a capture under a policy; exit status and what was said of the file."""
    with tempfile.TemporaryDirectory() as folder:
        rules, config = os.path.join(folder, "policy.conf"), os.path.join(folder, "weir.conf")
        with open(rules, "w", encoding="utf-8") as file:
            file.write(policy)
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'policy: {{ file = "{rules}"; }};\ntracking: {{ flows = 1024; flows6 = 1024; }};\n')
        done = subprocess.run([WEIR, "replay", CAPTURE, "--quiet", "--config", config], capture_output=True, text=True,
                              timeout=240, check=False)
    return done.returncode, done.stderr


class Bench(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.help = subprocess.run([BENCH, "--help"], check=True, capture_output=True, text=True).stdout
        self.page = page("weir-bench.1.scd")

    def test_the_page_has_exactly_the_options_of_help(self):
        told = dict(re.findall(r"^  --([a-z0-9-]+) ?(\S*) ", self.help, re.MULTILINE))
        rows = entries(section(self.page, "OPTIONS"))
        self.assertGreater(len(told), 10)
        self.assertEqual({name[2:]: value.strip().replace("_|_", "|").replace("_", "") for name, value in rows}, told)

    def test_the_page_has_exactly_the_scenarios_of_help(self):
        told = re.findall(r"^  ([a-z][a-z-]*) ", self.help.split("Scenarios:")[1].split("Options:")[0], re.MULTILINE)
        self.assertGreater(len(told), 5)
        self.assertEqual([name for name, _ in entries(section(self.page, "SCENARIOS"))], told)

    def test_the_page_has_exactly_the_fields_of_json(self):
        def fields(*arguments):
            done = subprocess.run([BENCH, *arguments, "--flows", "1k", "--no-huge", "--json"],
                                  check=True, capture_output=True, text=True, timeout=600)
            return re.findall(r'"([a-z0-9_]+)":', done.stdout.splitlines()[-1])

        def told(text):
            return re.findall(r"_([a-z][a-z0-9_]*[a-z0-9])_\b", text)

        one, targets, memory = re.split(r"(?m)^\*all\*|^\*--memory\*", section(self.page, "OUTPUT"))
        self.assertEqual(told(one), fields("established", "--seconds", "0.05"))
        with open(os.path.join(ROOT, "app", "bench", "all.c"), encoding="utf-8") as file:  # measuring them takes minutes
            form = "".join(re.findall(r'json_form = "(.*)"\n +"(.*)";', file.read())[0])
        self.assertEqual(told(targets), re.findall(r'\\"([a-z0-9_]+)\\":', form))
        self.assertLessEqual(set(told(memory)), set(fields("--memory")))


class Policy(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.page = page("weir.policy.5.scd")

    def test_the_page_has_exactly_the_keys_that_the_reader_knows(self):
        _, said = policy_answer('default = "allow"; rules = ( { action = "allow"; nosuchkey = 1; } );')
        told = re.search(r"nosuchkey: expected (.*); this key is unknown", said).group(1).replace(" or ", ", ").split(", ")
        self.assertEqual([name for name, _ in entries(section(self.page, "KEYS OF A RULE"))], told)
        _, said = policy_answer('default = "allow"; nosuchkey = 1;')
        told = re.search(r"nosuchkey: expected (.*); this key is unknown", said).group(1).split(" or ")
        self.assertEqual([name for name, _ in entries(section(self.page, "KEYS"))], told)

    def test_the_page_has_exactly_the_actions_that_the_reader_knows(self):
        _, said = policy_answer('default = "nosuchaction";')
        told = re.search(r"expected (.*)$", said, re.MULTILINE).group(1).replace(" or ", ", ").split(", ")
        self.assertEqual(re.findall(r'^\t"(\w+)": ', self.page, re.MULTILINE), told)

    def test_each_example_of_the_page_is_a_policy(self):
        found = examples(self.page)
        self.assertEqual(len(found), 2)
        for example in found:
            self.assertEqual(policy_answer(example)[0], 0, example)

    def test_shipped_policies_are_taken(self):
        for name in ("policy-open.conf", "policy-firewall.conf"):
            with open(os.path.join(ROOT, "config", name), encoding="utf-8") as file:
                policy = file.read().replace("net_af_packet0", "net_pcap0")
            self.assertEqual(policy_answer(policy)[0], 0, name)

    def test_a_rule_with_a_mistake_is_told_with_its_place(self):
        status, said = policy_answer('default = "drop";\nrules = (\n  { action = "allow"; src = "192.0.2.0/33"; } );\n')
        self.assertNotEqual(status, 0)
        self.assertRegex(said, r'policy\.conf:3: rule 1: src = "192\.0\.2\.0/33": expected a prefix length from 0 to 32')


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
