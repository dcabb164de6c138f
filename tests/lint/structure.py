#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks what no off-the-shelf tool knows: direction of includes, length of files, licence lines, forbidden words, links, top level.

usage: structure.py SOURCE-ROOT FILE...      (paths relative to the root)
"""
import ast
import os
import re
import sys

# For each part of the house: what its files must not include.
DPDK = r"rte_|cmdline|generic/rte_|telemetry"
FORBIDDEN_INCLUDES = [
    ("lib/core/", rf"({DPDK})|(dp|app|weir|weirctl|bench)/", "lib/core stands below all: no DPDK, nothing of lib/dp, include/weir, app"),
    ("lib/api/", rf"({DPDK})|(dp|app|weirctl|bench)/", "lib/api stands on lib/core alone"),
    ("lib/dp/", r"(app|weirctl|bench)/", "lib/dp includes nothing of app"),
    ("include/weir/", r"(app|weirctl|bench)/", "the public headers include nothing of app"),
    ("app/weirctl/", rf"({DPDK})|dp/|app/weir/|\.\./weir/", "weirctl talks to the daemon by its socket only"),
]
# lib/core is a function of its arguments: these headers would give it I/O, a clock, or the system.
CORE_IMPURE = r"stdio\.h|time\.h|unistd\.h|fcntl\.h|sys/(time|socket|types|stat|mman)\.h|pthread\.h|threads\.h|signal\.h|poll\.h"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">]+)[">]', re.MULTILINE)
CALLS_OF_CORE = re.compile(r"\b(malloc|calloc|realloc|free|printf|fprintf|time|clock_gettime|gettimeofday|exit|abort)\s*\(")

MAX_LINES = 500
LONG_FILES = "tests/lint/long-files"  # "PATH  reason" a line

# Names of the machine on which something was written, and of what lies beside a checkout.
MACHINE = re.compile("|".join([r"(?<![\w.])/wor" r"k\b", r"/tmp/" r"h\b", r"(?<![\w.])/roo" r"t/", r"(?<![\w.])/hom" r"e/\w"]))
BESIDE = re.compile(r"\.\./shar" r"ed")

# A link of Markdown to another file of the project, without its anchor.
LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)(?:#[^)]*)?\)")

TOP_LEVEL = {"meson.build", "meson_options.txt", "LICENSE", "README.md", "app", "lib", "include", "config", "tests", "docs"}
SPDX_FOR = (".c", ".h", ".sh", ".py", ".def", "meson.build")


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def includes(path, text):
    for match in INCLUDE.finditer(text):
        name, line = match.group(1), line_of(text, match.start())
        # "../dp/x.h" and "dp/x.h" name the same part.
        plain = re.sub(r"^(\.\./)+(lib/)?", "", name)
        for folder, pattern, rule in FORBIDDEN_INCLUDES:
            if path.startswith(folder) and (re.match(pattern, plain) or re.match(pattern, name)):
                yield line, f"includes {name}: {rule}"
        if path.startswith("lib/core/") and re.fullmatch(CORE_IMPURE, name):
            yield line, f"includes {name}: lib/core has no I/O, clock or system calls"


def core_calls(path, text):
    if not path.startswith("lib/core/") or not path.endswith((".c", ".h")):
        return
    code = re.sub(r'/\*.*?\*/|//[^\n]*|"(\\.|[^"\\])*"', lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.DOTALL)
    for match in CALLS_OF_CORE.finditer(code):
        yield line_of(code, match.start()), f"calls {match.group(1)}(): lib/core has no I/O, clock or allocation"


def words(path, text):
    for match in MACHINE.finditer(text):
        yield line_of(text, match.start()), f"names a path of one machine: {match.group()}"
    if not path.startswith(".ci/"):
        for match in BESIDE.finditer(text):
            yield line_of(text, match.start()), f"names what lies beside the checkout: {match.group()}"


def form(path, text):
    if path.endswith(SPDX_FOR) and "SPDX-License-Identifier: BSD-3-Clause" not in "\n".join(text.splitlines()[:3]):
        yield 1, "has no SPDX line at its top"
    for number, line in enumerate(text.splitlines(), 1):
        if line != line.rstrip() and not path.endswith(".md"):
            yield number, "ends in white space"
    if text and not text.endswith("\n"):
        yield line_of(text, len(text)), "does not end in a newline"
    if path.endswith(".py"):
        try:
            ast.parse(text)
        except SyntaxError as error:
            yield error.lineno, f"is no Python: {error.msg}"


def links(root, path, text):
    if not path.endswith(".md"):
        return
    for match in LINK.finditer(text):
        target = os.path.join(root, os.path.dirname(path), match.group(1))
        if not os.path.exists(target):
            yield line_of(text, match.start()), f"links to {match.group(1)}, which does not exist"


def length(path, text, allowed):
    lines = len(text.splitlines())
    if path in allowed and lines <= MAX_LINES:
        yield 1, f"has {lines} lines: take it off {LONG_FILES}"
    elif path.endswith((".c", ".h", ".py", ".sh")) and path not in allowed and lines > MAX_LINES:
        yield 1, f"has {lines} lines, over {MAX_LINES}: more than one subject? (else: {LONG_FILES}, with the reason)"


def long_files(root):
    """The files that may be long, by the list that gives a reason for each; and what is wrong with that list."""
    name, allowed, faults = os.path.join(root, LONG_FILES), set(), []
    if os.path.exists(name):
        with open(name, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                fields = line.split(maxsplit=1)
                if not fields or fields[0].startswith("#"):
                    continue
                allowed.add(fields[0])
                if len(fields) < 2:
                    faults.append((LONG_FILES, number, f"gives no reason for {fields[0]}"))
                elif not os.path.exists(os.path.join(root, fields[0])):
                    faults.append((LONG_FILES, number, f"{fields[0]} does not exist"))
    return allowed, faults


def main(root, paths):
    allowed, faults = long_files(root)
    for path in paths:
        top = path.split("/")[0]
        if top not in TOP_LEVEL and not top.startswith("."):
            faults.append((path, 1, f"{top} does not belong on the top level"))
        try:
            with open(os.path.join(root, path), encoding="utf-8") as file:
                text = file.read()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue  # captures and the like; a file being deleted
        rows = [*includes(path, text), *core_calls(path, text), *words(path, text), *form(path, text), *links(root, path, text)]
        rows += length(path, text, allowed)
        faults += [(path, line, what) for line, what in rows]
    for path, line, what in faults:
        print(f"{path}:{line}: {what}")
    print(f"structure: {len(paths)} files looked at, {len(faults)} findings")
    return 1 if faults else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
