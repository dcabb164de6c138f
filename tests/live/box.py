# SPDX-License-Identifier: BSD-3-Clause
"""weir as a process in the namespace `box`."""

import contextlib
import http.client
import os
import socket
import subprocess
from dataclasses import dataclass, field

import paths  # noqa: F401
import weir_run

STOP_SEC = 60
# With sched_autogroup_enabled the kernel's own threads compete with a session as a whole: beside one that polls, RCU's
# was kept waiting for a minute, and every socket, interface and namespace that closed with it.
SESSION_NICE = 10
MEMORY_MIB = 256
SMALL = "workers: { mbufs = 8192; };\ntracking: { flows = 20000; flows6 = 10000; };\n"


class UnixConnection(http.client.HTTPConnection):
    """HTTP on a Unix socket."""

    def __init__(self, path):
        super().__init__("weir", timeout=STOP_SEC)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


@dataclass
class Outcome:
    """What a run left: exit status, what it said, its records."""

    status: int
    messages: str
    flows: list = field(default_factory=list)
    trace: list = field(default_factory=list)

    @property
    def counts(self):
        """The totals of the summary by name: packets, flows, forward, drop, ..."""
        lines = (line.split() for line in self.messages.splitlines() if line[:1].isalpha())
        return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}


def lcores(workers, turn=0):
    """Main on one processor, workers on the others in turn; `turn` spreads several boxes."""
    cpus = sorted(os.sched_getaffinity(0))
    places = [f"{n}@{cpus[(n + turn) % len(cpus)]}" for n in range(workers + 1)]
    return ",".join(places)


class Weir:
    """Runs from start() to stop() or kill(); its files are in `directory`."""

    def __init__(self, directory, devices, options=(), config=SMALL, workers=1, turn=0, trace=False):
        self.directory = directory
        self.process = None
        self.config = self.path("weir.conf")
        with open(self.config, "w", encoding="ascii") as out:
            out.write(config + f'control: {{ http_socket = "{self.path("socket")}"; }};\n')
        self.command = ["ip", "netns", "exec", "box", weir_run.program(), "--lcores", lcores(workers, turn),
                        "--no-huge", "--no-shconf", "--no-telemetry", "--no-pci", "-m", str(MEMORY_MIB),
                        "--log-level=*:error", *(f"--vdev={device}" for device in devices), "--",
                        "--config", self.config, "--workers", str(workers), "--flows", self.path("flows"),
                        *(("--trace", self.path("trace")) if trace else ()), *options]

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self):
        """Starts it unless it runs."""
        if self.process is not None and self.process.poll() is None:
            return self
        with open(self.path("messages"), "ab") as messages:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=messages,
                                            stderr=subprocess.STDOUT, start_new_session=True)
        with contextlib.suppress(OSError), open(f"/proc/{self.process.pid}/autogroup", "w", encoding="ascii") as group:
            group.write(str(SESSION_NICE))
        return self

    def said(self):
        return weir_run.read_bytes(self.path("messages")).decode(errors="replace")

    def get(self, path):
        """The body of what GET answers."""
        connection = UnixConnection(self.path("socket"))
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise OSError(f"GET {path}: {response.status} {body[:200]}")
        return body

    def serves(self):
        """Have its ports and workers started? Then it answers."""
        try:
            return bool(self.get("/health"))
        except OSError:
            return False

    def flows(self):
        """The records of all flows that live."""
        return weir_run.records(self.get("/flows"))

    def stop(self):
        """Ends it in an orderly way; its records are whole then."""
        self.process.terminate()
        try:
            status = self.process.wait(STOP_SEC)
        except subprocess.TimeoutExpired:
            status = f"killed: did not end within {STOP_SEC} s, waiting in {', '.join(self.waits())}"
            self.kill()
        flows, trace = (weir_run.records(weir_run.read_bytes(self.path(name))) for name in ("flows", "trace"))
        return Outcome(status, self.said(), flows, trace)

    def waits(self):
        """Where in the kernel each thread is."""
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{self.process.pid}/task/{thread}/wchan", encoding="ascii") as where:
                yield where.read()

    def kill(self):
        """SIGKILL: as a crash."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait()
