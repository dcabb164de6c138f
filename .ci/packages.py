#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Is .ci/packages complete? What is installed on a developer's machine hides what a fresh one would miss.

usage: packages.py path FOLDER    fills FOLDER with links to the programs of the listed packages and of what they depend on, and of
                                  Debian's base system: run with that folder as PATH, a program that no package brings is not found
       packages.py check BUILD    the same for what a build took: headers, libraries linked, pkg-config files
"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
# What every Debian machine has, besides what is marked essential or required.
BASE = ["apt", "ca-certificates"]
GROUPS = {"run", "test"}


def listed():
    group, names = None, []
    with open(os.path.join(HERE, "packages"), encoding="utf-8") as file:
        for line in file:
            line = line.split("#")[0].strip()
            if line.startswith("["):
                group = line.strip("[]")
            elif line and group in GROUPS:
                names.append(line)
    return names


def installed():
    """From dpkg: name -> set of what it depends on (each alternative), and virtual name -> its providers; the base system."""
    form = "${Package}\t${db:Status-Status}\t${Essential}\t${Priority}\t${Pre-Depends}, ${Depends}\t${Provides}\n"
    out = subprocess.run(["dpkg-query", "-W", "-f", form], check=True, capture_output=True, text=True).stdout
    depends, providers, base = {}, {}, list(BASE)
    for row in out.splitlines():
        name, state, essential, priority, needs, gives = row.split("\t")
        if state != "installed":
            continue
        depends[name] = {re.split(r"[\s:(]", word.strip())[0] for word in re.split(r"[,|]", needs)} - {""}
        for virtual in gives.split(","):
            providers.setdefault(re.split(r"[\s:(]", virtual.strip())[0], set()).add(name)
        if essential == "yes" or priority == "required":
            base.append(name)
    return depends, providers, base


def closure():
    depends, providers, base = installed()
    seen, todo = set(), base + listed()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        if name in depends:
            seen.add(name)
            todo += depends[name]
        else:
            todo += providers.get(name, set()) - seen
    return seen


def files_of(packages):
    """Every file of these packages, symbolic links of the merged /usr resolved."""
    out = subprocess.run(["dpkg-query", "-L", *sorted(packages)], capture_output=True, text=True).stdout
    found = set()
    for line in out.splitlines():
        if line.startswith("/"):
            found.add(os.path.join(os.path.realpath(os.path.dirname(line)), os.path.basename(line)))
    return found


def fill_path(folder):
    os.makedirs(folder, exist_ok=True)
    known = files_of(closure())
    count = 0
    for place in ("/usr/bin", "/usr/sbin"):
        for name in os.listdir(place):
            path = os.path.join(place, name)
            # Alternatives (cc, awk) belong to no package; what they lead to does.
            if path in known or os.path.realpath(path) in known:
                count += 1
                link = os.path.join(folder, name)
                if not os.path.lexists(link):
                    os.symlink(path, link)
    print(f"{count} programs in {folder}")
    return 0


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def taken_by(build):
    """Paths outside the checkout that a build read, each with the reason it is wanted."""
    for line in output("ninja", "-C", build, "-t", "deps").splitlines():
        if line.startswith("    /usr/"):
            yield line.strip(), "header"
    for dependency in json.loads(output("meson", "introspect", "--dependencies", build)):
        run = subprocess.run(["pkg-config", "--variable=pcfiledir", dependency["name"]], capture_output=True, text=True)
        if run.returncode == 0 and run.stdout.strip():
            yield os.path.join(run.stdout.strip(), dependency["name"] + ".pc"), "pkg-config file"
    for target in json.loads(output("meson", "introspect", "--targets", build)):
        if target["type"] != "executable":
            continue
        for name in target["filename"]:
            if os.path.exists(name):
                for path in re.findall(r"=> (/\S+)", output("ldd", name)):
                    yield path, "library"


def check(build):
    known = files_of(closure())
    wanted = {os.path.realpath(os.path.dirname(path)) + "/" + os.path.basename(path): why for path, why in taken_by(build)}
    missing = [path for path in wanted if path not in known and os.path.realpath(path) not in known]
    for path in sorted(missing):
        owner = subprocess.run(["dpkg", "-S", path], capture_output=True, text=True).stdout.split(":")[0] or "no package"
        print(f"{wanted[path]} {path}: {owner} is not in .ci/packages, nor does a listed package depend on it")
    print(f"packages: {len(wanted)} headers, libraries and pkg-config files of {build} looked up, {len(missing)} not covered")
    return 1 if missing or not wanted else 0


if __name__ == "__main__":
    actions = {"path": fill_path, "check": check}
    if len(sys.argv) != 3 or sys.argv[1] not in actions:
        sys.exit(__doc__)
    sys.exit(actions[sys.argv[1]](sys.argv[2]))
