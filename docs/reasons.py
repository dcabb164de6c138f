#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Write docs/reasons.md from lib/core/reason.def, or check that it is as it would be written.

Usage: docs/reasons.py [--check]
Exit code 1 where the page and the list differ.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "lib/core/reason.def"
PAGE = ROOT / "docs/reasons.md"

HEAD = """\
# Reasons

<!-- Written by docs/reasons.py from lib/core/reason.def: change the list, not this page. -->

Every packet that is not plainly tracked and forwarded has exactly one of these reasons. It stands in the trace (`reason`),
in the flow record where the packet was refused (`last_reason`), and in the counters of each worker.

| class | what happens to the packet |
|---|---|
| refuse | dropped, and it changed no state, window or timer; in shadow mode counted and forwarded |
| stale | forwarded: old, repeated or answering; conforming endpoints send such |
| pass | forwarded without being tracked |
"""

ENTRY = re.compile(r'^/\* (?P<section>[^*]+) \*/$|'
                   r'^WEIR_REASON\(\w+,\s*"(?P<name>[^"]+)",\s*(?P<kind>\w+),\s*(?P<text>("[^"]*"\s*)+)\)',
                   re.MULTILINE)
RFC = re.compile(r"RFC (\d+)(?: (\d+(?:\.\d+)*))?")


def linked(text):
    """The text with each RFC and its section as a link."""
    def link(match):
        address = f"https://www.rfc-editor.org/rfc/rfc{match[1]}"
        if match[2]:
            address += f"#section-{match[2]}"
        return f"[{match[0]}]({address})"
    return RFC.sub(link, text)


def page(source):
    """The whole page."""
    lines = [HEAD]
    for entry in ENTRY.finditer(source):
        if entry["section"]:
            lines.append(f"\n## {entry['section']}\n\n| reason | class | meaning |\n|---|---|---|\n")
            continue
        text = "".join(re.findall(r'"([^"]*)"', entry["text"]))
        lines.append(f"| `{entry['name']}` | {entry['kind'].lower()} | {linked(text)} |\n")
    if source.count("\nWEIR_REASON(") != sum(line.startswith("| `") for line in lines):
        sys.exit(f"{LIST}: an entry is not of the form WEIR_REASON(SYMBOL, \"name\", CLASS, \"text\")")
    return "".join(lines)


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    text = page(LIST.read_text(encoding="utf-8"))
    if not sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit("docs/reasons.md is not what lib/core/reason.def says; run docs/reasons.py")


main()
