#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What weir forwards beside testpmd (macswap) over the same ports, by the core's second.

Usage: endtoend.py WEIR [ROUNDS]

Ports: net_pcap that plays a file of acknowledgements on 10 000 flows, both directions, without end,
and net_null that swallows them. These ports vouch for no checksum; weir runs once summing in
software and once not, as behind a card that has done it. Packets are divided by the processor time of the forwarding thread,
so that what else runs on the machine matters little. Needs root, hugepages and dpdk-testpmd.
"""
import json
import os
import random
import re
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

FLOWS = 10000
SECONDS = 4
TICKS = os.sysconf("SC_CLK_TCK")
EAL = ["--lcores", "0@0,1@1", "--in-memory", "--no-telemetry", "-m", "512", "--no-pci"]


def checksum(octets):
    """Internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame(src, dst, ports, seq, ack):
    """A 60-octet frame with a bare acknowledgement."""
    tcp = struct.pack("!HHIIBBHHH", *ports, seq, ack, 5 << 4, 0x10, 65535, 0, 0)
    total = checksum(src + dst + struct.pack("!BBH", 0, 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", total) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0x4000, 64, 6, 0) + src + dst
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return (bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]) + ip + tcp).ljust(60, b"\0")


def write_capture(path):
    """Both ends of all flows acknowledge what the other has, in random order."""
    frames = []
    server = bytes([198, 18, 0, 1])
    for i in range(FLOWS):
        client = bytes([10, 0, i >> 8, i & 255])
        frames.append(frame(client, server, (1024, 443), 1000 + i, 5000 + i))
        frames.append(frame(server, client, (443, 1024), 5000 + i, 1000 + i))
    random.Random(1).shuffle(frames)
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for octets in frames:
            out.write(struct.pack("<IIII", 1, 0, len(octets), len(octets)) + octets)


def thread_seconds(pid):
    """Processor time of the busiest thread: the one that forwards."""
    times = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        times.append((int(fields[11]) + int(fields[12])) / TICKS)
    return max(times)


def run_weir(program, vdevs, folder, checksums):
    """Millions of packets that passed by the second of the worker's core."""
    config = os.path.join(folder, "weir.conf")
    socket = os.path.join(folder, "weir.sock")
    with open(config, "w", encoding="ascii") as out:
        out.write('workers: { mbufs = 65536; };\n'
                  f'tracking: {{ flows = 65536; checksum = "{checksums}"; }};\n'
                  f'control: {{ http_socket = "{socket}"; }};\n')

    def packets():
        text = subprocess.run(["curl", "-s", "--unix-socket", socket, "http://weir/metrics"],
                              capture_output=True, text=True, check=True).stdout
        passed = re.search(r'^weir_reasons_total\{worker="0",reason="none"\} (\d+)', text, re.M)
        return int(passed.group(1))

    with subprocess.Popen([program, *EAL, *vdevs, "--", "--config", config, "--quiet"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as weir:
        while not os.path.exists(socket):
            if weir.poll() is not None:
                sys.exit(f"endtoend.py: weir ended with status {weir.returncode} at its start: no hugepages?")
            time.sleep(0.1)
        time.sleep(1)
        before, used = packets(), thread_seconds(weir.pid)
        time.sleep(SECONDS)
        rate = (packets() - before) / (thread_seconds(weir.pid) - used) / 1e6
        weir.send_signal(signal.SIGINT)
        weir.wait()
    if os.path.exists(socket):
        os.remove(socket)
    return rate


def run_testpmd(vdevs):
    """The same for testpmd, over its whole life."""
    with subprocess.Popen(["dpdk-testpmd", *EAL, *vdevs, "--", "--forward-mode=macswap",
                           "--total-num-mbufs=65536", "--nb-cores=1", "--burst=64"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as testpmd:
        time.sleep(1 + SECONDS)
        used = thread_seconds(testpmd.pid)
        said, _ = testpmd.communicate("\n")
    total = re.search(r"Accumulated forward statistics.*?RX-packets: (\d+)", said, re.S)
    return int(total.group(1)) / used / 1e6


def main():
    """Rounds in turn, medians."""
    if len(sys.argv) not in (2, 3):
        print(__doc__)
        return 2
    rates = {"weir": [], "weir, sums in software": [], "testpmd": []}
    with tempfile.TemporaryDirectory() as folder:
        capture = os.path.join(folder, "acks.pcap")
        write_capture(capture)
        vdevs = ["--vdev", f"net_pcap0,rx_pcap={capture},infinite_rx=1",
                 "--vdev", "net_null0,no-rx=1"]
        for _ in range(int(sys.argv[2]) if len(sys.argv) == 3 else 5):
            rates["weir"].append(run_weir(sys.argv[1], vdevs, folder, "ignore"))
            rates["weir, sums in software"].append(
                run_weir(sys.argv[1], vdevs, folder, "verify"))
            rates["testpmd"].append(run_testpmd(vdevs))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(json.dumps({"rounds": rates, "mpps": medians,
                      "ratio": {name: value / medians["testpmd"]
                                for name, value in medians.items()}}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
