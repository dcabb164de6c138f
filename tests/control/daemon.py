# SPDX-License-Identifier: BSD-3-Clause
"""A running weir, started as its user would, for the tests of the control core."""
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

WEIR = os.environ["WEIR"]
CAPTURES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "captures")
PATIENCE_SEC = 240  # a busy machine may give a test a tenth of a core


def packets_of(name):
    """[(microseconds, kept, full length, octets)] of a capture of classic pcap, and its file header."""
    with open(os.path.join(CAPTURES, name), "rb") as file:
        data = file.read()
    per_usec = {0xA1B2C3D4: 1, 0xA1B23C4D: 1000}[struct.unpack_from("<I", data)[0]]
    packets, at = [], 24
    while at < len(data):
        sec, part, kept, full = struct.unpack_from("<IIII", data, at)
        packets.append((sec * 10**6 + part // per_usec, kept, full, data[at + 16:at + 16 + kept]))
        at += 16 + kept
    return packets, data[4:24]


def captures_as_if_now(names, out):
    """Captures as one, their clocks moved so that the last packet of each is of this moment; returns the number of packets."""
    now, merged = time.time_ns() // 1000, []
    for name in names:
        packets, header = packets_of(name)
        shift = now - max(packet[0] for packet in packets)
        merged += [(usec + shift, *rest) for usec, *rest in packets]
    merged.sort(key=lambda packet: packet[0])
    with open(out, "wb") as file:
        file.write(struct.pack("<I", 0xA1B2C3D4) + header)
        for usec, kept, full, octets in merged:
            file.write(struct.pack("<IIII", *divmod(usec, 10**6), kept, full) + octets)
    return len(merged)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("weir", timeout=PATIENCE_SEC)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)

    def lines(self):
        return [json.loads(line) for line in self.body.splitlines() if line]


def wait_for(what, condition):
    """Wait until condition is true; it may raise OSError while weir is not there yet."""
    end = time.monotonic() + PATIENCE_SEC
    while time.monotonic() < end:
        try:
            if result := condition():
                return result
        except OSError:
            pass
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE_SEC} s in vain: {what}")


class Daemon:
    """weir on a port that plays captures, once (as if their packets came now) or one without end, and a port that receives nothing."""

    def __init__(self, *captures, endless=False, control="", tracking="", config="", workers=1):
        self.folder = tempfile.mkdtemp(prefix="weir-control-")
        self.socket, self.flow_file, self.config = self.path("weir.sock"), self.path("flows.jsonl"), self.path("weir.conf")
        self.packets, self.control, self.tracking, self.workers = None, control, tracking, workers
        self.write_config(config)
        if endless:
            played = f"net_pcap0,rx_pcap={os.path.join(CAPTURES, captures[0])},infinite_rx=1"
        else:
            self.packets = captures_as_if_now(captures, self.path("in.pcap"))
            played = f"net_pcap0,rx_pcap={self.path('in.pcap')}"
        self.prefix = os.path.basename(self.folder)
        cores = os.cpu_count()
        lcores = ",".join(f"{i}@{i % cores}" for i in range(workers + 1))
        self.errors = open(self.path("stderr"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [WEIR, "--lcores", lcores, "--no-huge", "--no-shconf", "-m", "384", "--no-pci", "--file-prefix", self.prefix,
             "--vdev", played, "--vdev", "net_null0,no-rx=1", "--", "--config", self.config, "--quiet"],
            stdout=subprocess.DEVNULL, stderr=self.errors, env=dict(os.environ, RUNTIME_DIRECTORY=self.folder))
        try:
            self.wait_ready()
        except BaseException:
            self.close()
            raise

    def path(self, name):
        return os.path.join(self.folder, name)

    def write_config(self, text=""):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write('ports = ( { a = "net_pcap0"; b = "net_null0"; } );\n'
                       f"tracking: {{ flows = 65536; flows6 = 65536; {self.tracking} }};\n"
                       f"workers: {{ count = {self.workers}; mbufs = 8192; }};\n"
                       f'control: {{ http_socket = "{self.socket}"; {self.control} }};\n')
            file.write(text if "output:" in text else text + f'output: {{ flows = "{self.flow_file}"; }};\n')

    def wait_ready(self):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"weir has ended with {self.process.returncode}: {self.said()}")
            total = self.get("/stats").json()["total"]
            return total["packets"] >= (self.packets or 1)
        wait_for("weir serves, and has seen its capture", ready)

    def said(self):
        self.errors.flush()
        with open(self.path("stderr"), encoding="utf-8") as file:
            return file.read()

    def request(self, method, target, **options):
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, target, **options)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, target, **options):
        return self.request("GET", target, **options)

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE_SEC)
        client.connect(self.socket)
        return client

    def ask_raw(self, octets):
        """What comes back until the server closes."""
        with self.connect() as client:
            answer = b""
            try:
                client.sendall(octets)
            except OSError:
                pass  # it may answer and close before it has read all
            try:
                while part := client.recv(65536):
                    answer += part
            except ConnectionError:
                pass
            return answer

    def telemetry(self, command):
        path = os.path.join(self.folder, "dpdk", self.prefix, "dpdk_telemetry.v2")
        if not os.path.exists(path):
            path = os.path.join(self.folder, self.prefix, "dpdk_telemetry.v2")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            client.settimeout(PATIENCE_SEC)
            client.connect(path)
            client.recv(16384)
            client.sendall(command.encode())
            return json.loads(client.recv(65536))[command.split(",")[0]]

    def memory_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """End it as systemd would; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SEC)

    def records(self):
        with open(self.flow_file, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_SEC)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.errors.close()
        shutil.rmtree(self.folder, ignore_errors=True)
