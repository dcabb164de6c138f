#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Prometheus and Grafana examples: valid, and of metrics and labels that docs/metrics.md has.

usage: monitoring_test.py SOURCE-ROOT
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = sys.argv[1]
RULES = os.path.join(ROOT, "config", "prometheus", "weir.rules.yml")
BOARD = os.path.join(ROOT, "config", "grafana", "weir.json")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def metrics():
    """name -> labels, histograms as their parts."""
    found = {}
    for name, kind, labels in re.findall(r"^\| `(weir_\w+)` \| (\w+) \| (.*?) \|", read(os.path.join(ROOT, "docs", "metrics.md")), re.MULTILINE):
        labels = set(re.findall(r"`(\w+)`", labels)) | {"instance", "job"}
        if kind == "histogram":
            found.update({f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels})
        else:
            found[name] = labels
    return found


def expressions_of_rules():
    return re.findall(r"expr:\s*(?:>-\s*)?((?:.*\n(?:          .*\n)*))", read(RULES))


def expressions_of_board():
    board = json.loads(read(BOARD))
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]


class Monitoring(unittest.TestCase):
    def check_names(self, expressions):
        known = metrics()
        self.assertGreater(len(known), 30)
        names = set()
        for expression in expressions:
            for name, braces in re.findall(r"\b(weir_\w+)(\{[^}]*\})?", expression):
                names.add(name)
                self.assertIn(name, known, expression)
                for label in re.findall(r"(\w+)=~?\"|(\w+)!=", braces):
                    self.assertIn(label[0] or label[1], known[name], expression)
        self.assertGreater(len(names), 8)

    def test_rules_name_metrics_that_exist(self):
        self.check_names(expressions_of_rules())

    def test_the_dashboard_names_metrics_that_exist(self):
        self.check_names(expressions_of_board())

    def test_legends_name_labels_that_a_metric_of_theirs_has(self):
        known = metrics()
        for panel in json.loads(read(BOARD))["panels"]:
            for target in panel.get("targets", []):
                labels = set().union(*(known[name] for name in re.findall(r"\bweir_\w+", target["expr"])))
                for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                    self.assertIn(label, labels, target)

    def test_panels_have_their_own_places_and_numbers(self):
        panels = json.loads(read(BOARD))["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        cells = [(x, y) for panel in panels for place in [panel["gridPos"]] for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])]
        self.assertEqual(len(cells), len(set(cells)))
        self.assertLess(max(x for x, _ in cells), 24)

    def test_prometheus_takes_configuration_and_rules_and_they_fire(self):
        if shutil.which("promtool") is None:
            self.skipTest("promtool is not installed (Debian: prometheus)")
        with tempfile.TemporaryDirectory() as folder:
            for path in (RULES, os.path.join(ROOT, "config", "prometheus", "prometheus.yml"), os.path.join(ROOT, "tests", "ops", "rules_test.yml")):
                shutil.copy(path, folder)
            for command in (["check", "config", "prometheus.yml"], ["check", "rules", "weir.rules.yml"], ["test", "rules", "rules_test.yml"]):
                done = subprocess.run(["promtool", *command], cwd=folder, capture_output=True, text=True, timeout=240, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_alert_says_who_and_what(self):
        alerts = re.split(r"(?m)^      - ", read(RULES))[1:]
        for alert in (text for text in alerts if text.startswith("alert:")):
            self.assertRegex(alert, r"severity: (critical|warning|info)")
            self.assertIn("$labels.instance", alert)
            self.assertIn("description:", alert)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
