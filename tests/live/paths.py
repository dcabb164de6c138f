# SPDX-License-Identifier: BSD-3-Clause
"""Puts the shared parts of the other tests on the module path: hosts and wires, and the judges of replays."""

import os
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
for folder in ("captures", "replay"):
    sys.path.append(os.path.join(TESTS, folder))
