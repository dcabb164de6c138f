#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs clang-tidy over the project's files, in parallel, and only over those that changed since they were last found clean.

usage: tidy.py SOURCE-ROOT BUILD-ROOT
"""
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys

# What gcc takes and clang-tidy does not, or what only matters to code generation.
GCC_ONLY = re.compile(r"-flto.*|-f(no-)?fat-lto.*|-fuse-linker-plugin|-Werror|-M[DQFP]?|-fdiagnostics.*|-march=.*|-mtune=.*")
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
# The same instruction sets for every machine, so that intrinsics parse.
TARGET = ["-march=x86-64-v3", "-maes", "-mpclmul"]


def arguments(entry, source):
    """The compiler's arguments as clang-tidy can take them; system folders marked as such, so that they are not judged."""
    words = shlex.split(entry["command"]) if "command" in entry else entry["arguments"]
    if os.path.basename(words[0]) == "ccache":
        words = words[1:]
    kept, skip = [], False
    for word in words[1:]:
        if skip or GCC_ONLY.fullmatch(word):
            skip = not skip and word in ("-MQ", "-MF", "-o")
            continue
        if word == "-o":
            skip = True
        elif word.startswith("-I/") and not word[2:].startswith(source):
            kept += ["-isystem", word[2:]]
        else:
            kept.append(word)
    return ["clang", *kept, *TARGET, "-Wno-unknown-warning-option", "-Wno-unused-command-line-argument"]


def commands(source, build):
    """One command for each of the project's own C files, the first that compiles it."""
    with open(os.path.join(build, "compile_commands.json")) as file:
        entries = json.load(file)
    found = {}
    for entry in entries:
        path = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        if path.startswith(source + os.sep) and not path.startswith(build + os.sep):
            found.setdefault(path, {"directory": entry["directory"], "file": path, "arguments": arguments(entry, source)})
    return found


def closure(path, roots, seen):
    """The project's files that path includes, itself among them."""
    if path in seen:
        return seen
    seen.add(path)
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    for name in INCLUDE.findall(text):
        for root in [os.path.dirname(path), *roots]:
            candidate = os.path.normpath(os.path.join(root, name))
            if os.path.isfile(candidate):
                closure(candidate, roots, seen)
                break
    return seen


def digest(command, source):
    """A fingerprint of all that the verdict on a file depends on."""
    path = command["file"]
    roots = [os.path.join(source, "include"), os.path.join(source, "lib")]
    folder, configs = os.path.dirname(path), []
    while folder.startswith(source):
        configs.append(os.path.join(folder, ".clang-tidy"))
        folder = os.path.dirname(folder)
    total = hashlib.sha256(json.dumps(command).encode())
    for name in sorted(closure(path, roots, set())) + [c for c in configs if os.path.isfile(c)] + [__file__]:
        with open(name, "rb") as file:
            total.update(file.read())
    return total.hexdigest()


def judge(path, database):
    run = subprocess.run(["clang-tidy", "-p", database, "--quiet", path], capture_output=True, text=True)
    return path, run.returncode, run.stdout, run.stderr


def main(source, build):
    source, build = os.path.realpath(source), os.path.realpath(build)
    database = os.path.join(build, "lint")
    stamps = os.path.join(database, "clean")
    os.makedirs(stamps, exist_ok=True)
    found = commands(source, build)
    with open(os.path.join(database, "compile_commands.json"), "w") as file:
        json.dump(list(found.values()), file, indent=1)

    stamp = {path: os.path.join(stamps, digest(command, source)) for path, command in found.items()}
    todo = [path for path in found if not os.path.exists(stamp[path])]
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, code, out, err in pool.map(lambda p: judge(p, database), todo):
            if code == 0:
                open(stamp[path], "w").close()
                continue
            bad += 1
            print(out.strip() or err.strip())
    print(f"clang-tidy: {len(todo)} of {len(found)} files looked at, {bad} with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
