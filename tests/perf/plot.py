#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Draw ns per packet over the number of flows, from `weir-bench established --json` lines.

Usage: plot.py MEASUREMENTS.jsonl OUT.svg
"""
import json
import math
import sys

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 60, 150, 40, 50
CURVES = (("ns_per_packet", "weir, whole path", "#0b6e4f"),
          ("baseline_rte_hash_ns", "rte_hash and record", "#c0392b"),
          ("baseline_random_line_ns", "one random line", "#7f8c8d"),
          ("baseline_parse_ns", "parse alone", "#2980b9"))


def read(path):
    """Measurements of established IPv4 flows in bursts of 64, by number of flows."""
    with open(path, encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.startswith("{")]
    rows = [row for row in rows if row.get("scenario") == "established" and row["family"] == 4
            and row["burst"] == 64 and row["checksum"] == "hardware"]
    return sorted(rows, key=lambda row: row["flows"])


def count(flows):
    """10000 as 10 k."""
    if flows >= 1000000:
        return f"{flows / 1000000:g} M"
    return f"{flows / 1000:g} k" if flows >= 1000 else str(flows)


def draw(rows):
    """The picture as text."""
    low, high = math.log10(rows[0]["flows"]), math.log10(rows[-1]["flows"])
    top = max(row[key] for row in rows for key, _, _ in CURVES if row[key] is not None)
    step = 10 if top <= 120 else 50
    top = math.ceil(top / step) * step

    def x(flows):
        return LEFT + (math.log10(flows) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(ns):
        return HEIGHT - BOTTOM - ns / top * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="20" font-size="14">ns per packet, established IPv4 flows drawn '
           'at random, bursts of 64</text>']
    for ns in range(0, top + 1, step):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(ns):.1f}" y2="{y(ns):.1f}" '
                   f'stroke="#ddd"/><text x="{LEFT - 8}" y="{y(ns) + 4:.1f}" '
                   f'text-anchor="end">{ns}</text>')
    for row in rows:
        out.append(f'<text x="{x(row["flows"]):.1f}" y="{HEIGHT - BOTTOM + 18}" '
                   f'text-anchor="middle">{count(row["flows"])}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" '
               'text-anchor="middle">flows</text>')
    for key, name, colour in CURVES:
        points = [(x(row["flows"]), y(row[key])) for row in rows if row[key] is not None]
        if not points:
            continue
        line = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.extend(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>'
                   for px, py in points)
        out.append(f'<text x="{points[-1][0] + 8:.1f}" y="{points[-1][1] + 4:.1f}" '
                   f'fill="{colour}">{name}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    """Read, draw, write."""
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    rows = read(sys.argv[1])
    if len(rows) < 2:
        print("plot.py: expected at least two numbers of flows", file=sys.stderr)
        return 1
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write(draw(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
