#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `meson install` puts where, and whether others can build on it: pkg-config weir, both libraries, the example.

usage: install_test.py BUILD-ROOT SOURCE-ROOT WEIR COMPILER...
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, ROOT, WEIR = sys.argv[1:4]
COMPILER = sys.argv[4:]
CAPTURES = ["demo.pcap", "http-v6.pcap", "vlan.pcap", "forged-blind.pcap", "no-tcp.pcap"]
FILES = ["bin/weir", "bin/weirctl", "bin/weir-bench", "etc/weir/weir.conf", "etc/weir/weir.env", "etc/weir/policy-firewall.conf",
         "etc/weir/policy-open.conf", "etc/weir/weir-rfc.conf", "include/weir/weir.h", "lib/systemd/system/weir.service",
         "lib/sysusers.d/weir.conf", "share/weir/grafana/weir.json", "share/weir/pktgen/captures.py", "share/weir/pktgen/setup.pkt",
         "share/weir/prometheus/weir.rules.yml", "share/weir/prometheus/prometheus.yml", "share/doc/weir/examples/flows.c"]
PAGES = ["man1/weir-bench.1", "man8/weirctl.8", "man5/weir.conf.5", "man5/weir.policy.5", "man8/weir.8"]
NUMBERS = {"tcp": 6, "udp": 17, "sctp": 132, "icmp": 1, "icmp6": 58, "gre": 47}


def run(*command, env=None):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env={**os.environ, **(env or {})})
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def of_example(text):
    """{(addresses and ports, states, packets, end)} of its lines."""
    form = r"^(\S+) (\d+) (\S+) (\d+) proto (\d+) (\S+) / (\S+) packets (\d+) (\d+) end (\S+)$"
    return sorted(re.findall(form, text, re.MULTILINE))


def of_weir(capture, folder):
    path = os.path.join(folder, "flows")
    run(WEIR, "replay", capture, "--quiet", "--flows", path)
    with open(path, encoding="utf-8") as file:
        flows = [json.loads(line) for line in file]
    return sorted((r["src"], str(r["sport"]), r["dst"], str(r["dport"]), str(NUMBERS.get(r["proto"]) or r["proto"]), r["orig_state"] or "-",
                   r["resp_state"] or "-", str(r["orig_packets"]), str(r["resp_packets"]), r["end_reason"]) for r in flows)


class Install(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.dest = os.path.join(cls.folder, "dest")
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", env={"DESTDIR": cls.dest})
        options = {o["name"]: o["value"] for o in json.loads(run("meson", "introspect", "--buildoptions", BUILD))}
        cls.prefix = cls.dest + options["prefix"]
        cls.libdir = os.path.join(cls.prefix, options["libdir"])
        cls.sanitized = options["b_sanitize"] != "none"
        cls.env = {"PKG_CONFIG_SYSROOT_DIR": cls.dest, "PKG_CONFIG_PATH": os.path.join(cls.libdir, "pkgconfig")}

    def test_everything_is_in_its_place(self):
        for path in FILES:
            self.assertTrue(os.path.exists(os.path.join(self.prefix, path)), path)
        if shutil.which("scdoc"):
            for page in PAGES:
                self.assertTrue(glob.glob(os.path.join(self.prefix, "share", "man", page + "*")), page)

    def test_installed_settings_are_valid(self):
        run(os.path.join(self.prefix, "bin", "weir"), "check", "--config", os.path.join(self.prefix, "etc", "weir", "weir.conf"))

    def test_the_library_exports_its_interface_and_nothing_else(self):
        if self.sanitized:
            self.skipTest("a sanitized library exports more")
        with open(os.path.join(self.prefix, "include", "weir", "weir.h"), encoding="utf-8") as file:
            declared = set(re.findall(r"^WEIR_API [^;(]*?\b(weir_\w+)\(", file.read(), re.MULTILINE))
        out = run("nm", "-D", "--defined-only", os.path.join(self.libdir, "libweir.so"))
        self.assertGreater(len(declared), 6)
        self.assertEqual({line.split()[-1] for line in out.splitlines()}, declared)

    def build(self, name, *linking):
        program = os.path.join(self.folder, name)
        flags = run("pkg-config", "--cflags", "weir", env=self.env).split()
        source = os.path.join(self.prefix, "share", "doc", "weir", "examples", "flows.c")
        run(*COMPILER, "-Wall", "-Wextra", "-Werror", *flags, source, "-o", program, *linking)
        return program

    def check(self, program, env=None):
        for name in CAPTURES:
            capture = os.path.join(ROOT, "tests", "captures", name)
            self.assertEqual(of_example(run(program, capture, env=env)), of_weir(capture, self.folder), name)

    def test_the_example_with_the_shared_library_says_what_weir_says(self):
        if self.sanitized:
            self.skipTest("a sanitized library wants a sanitized program")
        libs = run("pkg-config", "--libs", "weir", env=self.env).split()
        self.check(self.build("shared", *libs), {"LD_LIBRARY_PATH": self.libdir})

    def test_the_example_with_the_static_library_says_what_weir_says(self):
        if self.sanitized:
            self.skipTest("a sanitized library wants a sanitized program")
        self.check(self.build("static", os.path.join(self.libdir, "libweir.a")))

    def test_the_header_is_good_for_c_plus_plus_and_alone(self):
        path = os.path.join(self.folder, "alone.cc")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#include <weir/weir.h>\nint main() { weir_setup s; weir_setup_default(&s); return weir_size(&s) == 0; }\n")
        compiler = shutil.which("g++") or shutil.which("clang++")
        if compiler is None:
            self.skipTest("no C++ compiler")
        run(compiler, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I" + os.path.join(self.prefix, "include"), path)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
