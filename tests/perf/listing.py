#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What reading costs: forwarding with and without listings, events and scrapes, on a table of millions of flows.

Usage: listing.py BUILD-FOLDER [--flows 10000000] [--rounds 8] [--seconds 6] [--dir /tmp]

One worker on core 1 forwards; control core and all readers share core 0. Rates are told by the clock and, since a shared machine takes
the worker's core away now and then, by the worker's own processor time too. Needs about 100 octets of memory and 70 of disk a flow."""
import argparse
import json
import os
import re
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


def fill_capture(path, flows):
    """One datagram of each flow, all of now."""
    stamp = struct.pack("<IIII", int(time.time()), 0, 60, 60)
    before = stamp + bytes(12) + b"\x08\x00" + struct.pack(">BBHHHBBH", 0x45, 0, 46, 0, 0, 64, 17, 0)
    after = bytes([192, 0, 2, 1]) + struct.pack(">HHHH", 1024, 53, 26, 0) + bytes(18)
    with open(path, "wb") as file:
        file.write(HEADER)
        for high in range(0, flows, 1 << 16):
            file.write(b"".join(before + struct.pack(">I", 10 << 24 | i) + after for i in range(high, min(flows, high + (1 << 16)))))


class Weir:
    def __init__(self, build, folder, flows):
        self.socket = os.path.join(folder, "weir.sock")
        load, fill, config = (os.path.join(folder, name) for name in ("load.pcap", "fill.pcap", "weir.conf"))
        subprocess.run([sys.executable, os.path.join(ROOT, "config", "pktgen", "captures.py"), "established", "200", load], check=True,
                       stdout=subprocess.DEVNULL)
        fill_capture(fill, flows)
        with open(config, "w", encoding="utf-8") as file:
            file.write('ports = ( { a = "net_pcap0"; b = "net_null0"; }, { a = "net_pcap1"; b = "net_null1"; } );\n'
                       f'tracking: {{ flows = {flows + 100000}; flows6 = 64; checksum = "ignore"; }};\n'
                       "timeouts: { udp_unreplied = 864000; };\n"
                       f'control: {{ http_socket = "{self.socket}"; }};\n')
        self.process = subprocess.Popen(
            [os.path.join(build, "app", "weir"), "--lcores", "0@0,1@1", "--no-huge", "--no-shconf", "-m", str(1200 + flows // 7000), "--no-pci",
             "--file-prefix", os.path.basename(folder), "--vdev", f"net_pcap0,rx_pcap={load},infinite_rx=1", "--vdev", "net_null0,no-rx=1",
             "--vdev", f"net_pcap1,rx_pcap={fill}", "--vdev", "net_null1,no-rx=1", "--", "--config", config, "--quiet"],
            stdout=subprocess.DEVNULL, env=dict(os.environ, RUNTIME_DIRECTORY=folder))

    def get(self, target):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.socket)
            client.sendall(f"GET {target} HTTP/1.0\r\n\r\n".encode())
            with client.makefile("rb") as answer:
                return answer.read().split(b"\r\n\r\n", 1)[1]

    def stats(self):
        return json.loads(self.get("/stats"))

    def wait_filled(self, flows):
        while True:
            if self.process.poll() is not None:
                sys.exit("weir has ended")
            try:
                if self.stats()["total"]["protocols"]["udp"] >= flows:
                    return
            except OSError:
                pass
            time.sleep(0.2)

    def worker_sec(self):
        """Processor time of the thread that uses most of it: the worker."""
        tasks = f"/proc/{self.process.pid}/task"
        times = []
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/schedstat", encoding="utf-8") as file:
                times.append(int(file.read().split()[0]) / 1e9)
        return max(times)

    def rss_mib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


class Readers:
    """A listing, events and a scrape a second, again and again, on core 0."""

    def __init__(self, weir, kinds):
        self.over = threading.Event()
        curl = ["taskset", "-c", "0", "curl", "-s", "--unix-socket", weir.socket, "-o", "/dev/null"]
        self.processes = {}
        commands = {"listing": [*curl, "http://weir/flows"], "events": [*curl, "http://weir/events"]}
        self.commands = {name: command for name, command in commands.items() if name in kinds}
        self.scrapes = "scrapes" in kinds
        self.listings = 0
        self.weir = weir
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        scraped = 0
        while not self.over.wait(0.05):
            if self.scrapes and time.monotonic() > scraped + 1:
                self.weir.get("/metrics")
                scraped = time.monotonic()
            for name, command in self.commands.items():
                if name not in self.processes or self.processes[name].poll() is not None:
                    self.listings += name == "listing"
                    self.processes[name] = subprocess.Popen(command)

    def end(self):
        self.over.set()
        self.thread.join()
        for process in self.processes.values():
            process.kill()
            process.wait()


def rate(weir, seconds):
    """Packets by the clock, and by the worker's processor time, a second."""
    began, used, packets = time.monotonic(), weir.worker_sec(), weir.stats()["total"]["rx_packets"]
    time.sleep(seconds)
    packets = weir.stats()["total"]["rx_packets"] - packets
    return packets / (time.monotonic() - began), packets / (weir.worker_sec() - used)


def polls(weir):
    return {row["le"]: row["count"] for row in weir.stats()["total"]["poll_cycles"]}


def listing_check(weir, flows):
    """Each flow exactly once."""
    seen = bytearray(flows)
    others = 0
    pattern = re.compile(rb'"src":"10\.(\d+)\.(\d+)\.(\d+)","sport":1024,')
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(weir.socket)
        client.sendall(b"GET /flows?proto=udp HTTP/1.0\r\n\r\n")
        with client.makefile("rb") as answer:
            for line in answer:
                found = pattern.search(line)
                if found is None:
                    others += line.startswith(b"{")
                    continue
                a, b, c = found.groups()
                seen[int(a) << 16 | int(b) << 8 | int(c)] += 1
    return flows - seen.count(0), flows - seen.count(0) - seen.count(1), others


def timed(weir, call):
    """What call returns, how long it took by the clock, and how much of that the worker had its core."""
    began, used = time.monotonic(), weir.worker_sec()
    result = call()
    return result, time.monotonic() - began, weir.worker_sec() - used


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--flows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--readers", default="listing,events,scrapes")
    parser.add_argument("--dir", default="/tmp")
    options = parser.parse_args()
    os.sched_setaffinity(0, {0})
    folder = tempfile.mkdtemp(prefix="weir-listing-", dir=options.dir)
    weir = Weir(options.build, folder, options.flows)
    try:
        weir.wait_filled(options.flows)
        (listed, twice, others), seconds, used = timed(weir, lambda: listing_check(weir, options.flows))
        print(f"{options.flows} flows, listed {listed}, of them {twice} more than once, {others} unknown, in {seconds:.1f} s, {used:.1f} s "
              "of the worker's core")
        _, seconds, used = timed(weir, lambda: weir.get("/flows/0000000000000001"))
        print(f"an id that there is not: told after {seconds:.1f} s, {used:.1f} s of the worker's core", flush=True)
        memory, clock, busy = weir.rss_mib(), [], []
        histogram = {False: {}, True: {}}
        for turn in range(options.rounds):
            rates = {}
            for read in (False, True) if turn % 2 == 0 else (True, False):
                readers = Readers(weir, options.readers.split(",")) if read else None
                time.sleep(1.5)
                before = polls(weir)
                rates[read] = rate(weir, options.seconds)
                for le, count in polls(weir).items():
                    histogram[read][le] = histogram[read].get(le, 0) + count - before[le]
                if readers:
                    readers.end()
            clock.append(rates[True][0] / rates[False][0])
            busy.append(rates[True][1] / rates[False][1])
            print(f"Mpps alone {rates[False][0] / 1e6:.2f}, read {rates[True][0] / 1e6:.2f}; a second of the worker's core: "
                  f"{rates[False][1] / 1e6:.2f}, {rates[True][1] / 1e6:.2f}; ratios {clock[-1]:.3f} {busy[-1]:.3f}", flush=True)
        print(f"median ratio by the clock {statistics.median(clock):.3f}, by the worker's time {statistics.median(busy):.3f}")
        print(f"memory {memory:.0f} MiB before, {weir.rss_mib():.0f} MiB after")
        hz = weir.stats()["hz"]
        print("polls of up to ... us:  alone  read")
        for le in sorted(key for key in histogram[True] if key is not None):
            if histogram[False].get(le, 0) + histogram[True][le]:
                print(f"{le / hz * 1e6:12.1f}  {histogram[False].get(le, 0)}  {histogram[True][le]}")
    finally:
        weir.process.terminate()
        weir.process.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
