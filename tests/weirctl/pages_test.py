#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weirctl --help, weirctl(8) and the completion say the same."""
import os
import re
import subprocess

import stub

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
COMPLETION = os.path.join(ROOT, "config", "weirctl.bash-completion")
OPTION = re.compile(r"^  (?:-(\w)| ) +--([a-z-]+)(\S*) ?(\S*) +\S.*$", re.MULTILINE)

VALUES = {"ACTIONS": "drop", "ADDR[/LEN]": "::1", "ipv4|ipv6": "ipv4", "PROTO": "tcp", "PORT": "1", "ID|none": "1", "STATES": "CLOSED", "TIME": "1", "N": "1",
          "KINDS": "new", "FORMAT": "json", "SEC": "1", "PATH": "missing"}


def page():
    with open(os.path.join(ROOT, "docs", "man", "weirctl.8.scd"), encoding="utf-8") as file:
        return file.read()


def complete(*words):
    """What bash offers when Tab is pressed after these words, of which the last is still being typed."""
    script = (f"source {COMPLETION}; COMP_WORDS=(weirctl \"$@\"); COMP_CWORD=$#; _weirctl; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", *words], capture_output=True, text=True, check=True, timeout=stub.PATIENCE_SEC)
    return done.stdout.split()


class Pages(stub.Case):
    def setUp(self):
        super().setUp()
        self.help = self.expect(0, "--help")

    def commands(self):
        part = self.help[self.help.index("Commands:"):self.help.index("Options:")]
        return {name: (operand, letter) for name, operand, letter in re.findall(r"^  (\w+) ?(\[\w+\])? +(-\w)? +\S", part, re.MULTILINE)}

    def options(self):
        """{"name": (letter, what it takes)}"""
        return {name: (letter, (joined or value).strip()) for letter, name, joined, value in OPTION.findall(self.help)}

    def test_the_page_has_the_commands_of_help(self):
        rows = re.findall(r"^\*(\w+)\*(?: (\[_\w+_\]))?(?:, \*(-\w)\*)?.*$", page()[page().index("# COMMANDS"):page().index("# OPTIONS")], re.MULTILINE)
        self.assertEqual({name: (operand.replace("_", ""), letter) for name, operand, letter in rows}, self.commands())
        self.assertGreater(len(rows), 10)

    def test_the_page_has_the_options_of_help(self):
        rows = re.findall(r"^(?:\*-(\w)\*, )?\*--([a-z-]+)\*(.*)$", page()[page().index("# OPTIONS"):], re.MULTILINE)
        self.assertEqual({name: (letter, value.replace("_", "").strip()) for letter, name, value in rows}, self.options())
        self.assertGreater(len(rows), 20)

    def test_version_is_told(self):
        self.assertRegex(self.expect(0, "--version"), r"\Aweirctl \d+\.\d+\.\d+\n\Z")

    def test_completion_knows_all_commands_and_no_others(self):
        self.assertEqual(sorted(complete("")), sorted(self.commands()))
        self.assertEqual(complete("tr"), ["trace"])

    def test_completion_offers_the_options_that_a_command_takes(self):
        fitting = 0
        for command in self.commands():
            offered = complete(command, "--")
            self.assertEqual(len(offered), len(set(offered)))
            for name, (_, value) in self.options().items():
                given = f"--{name}={VALUES[value]}" if value in VALUES else f"--{name}"
                told = self.run_ctl(command, given, "--socket", os.path.join(self.folder, "missing")).stderr
                taken = "not an option" not in told
                if command == "top" and name == "output":
                    taken = False  # it takes none but table
                self.assertEqual(f"--{name}" in offered, taken, (command, name, told))
                fitting += taken
        self.assertGreater(fitting, 100)

    def test_completion_knows_values(self):
        self.assertEqual(complete("list", "--state", "FIN"), ["FIN-WAIT-1", "FIN-WAIT-2"])
        self.assertEqual(complete("list", "--state", "CLOSED,TI"), ["CLOSED,TIME-WAIT"])
        self.assertEqual(complete("-L", "-p", "u"), ["udp"])
        self.assertEqual(complete("events", "-e", "new,re"), ["new,refused"])
        self.assertEqual(complete("-E", "-o", "extended,t"), ["extended,table", "extended,timestamp"])


if __name__ == "__main__":
    stub.main()
