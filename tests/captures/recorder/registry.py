# SPDX-License-Identifier: BSD-3-Clause
"""The list of captures: name, what it takes to record it, and the function that plays it."""

from dataclasses import dataclass

LIMIT_SEC = 90


@dataclass
class Scenario:
    """`lab` holds arguments for Lab; `conforming` is false where forged segments are on the wire."""

    name: str
    play: object
    lab: dict
    conforming: bool = True
    limit_sec: int = LIMIT_SEC


SCENARIOS = {}


def scenario(name, conforming=True, limit_sec=LIMIT_SEC, **lab):
    def register(play):
        SCENARIOS[name] = Scenario(name, play, lab, conforming, limit_sec)
        return play
    return register
