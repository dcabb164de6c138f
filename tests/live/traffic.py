# SPDX-License-Identifier: BSD-3-Clause
"""Traffic of real programs and sockets through the box; each function raises where something is not as it should be."""

import json
import os
import socket
import subprocess
import threading
import time

import paths  # noqa: F401
from recorder import programs
from recorder.lab import V4, V6, Host, receive_all, receive_exactly, run

CONNECTIONS, AT_A_TIME = 1000, 20
SMALL_MTU = 1300
FAMILIES = ((V4, "4"), (V6, "6"))


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def output_of(host, *command):
    done = subprocess.run(("ip", "netns", "exec", host.name, *command), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def pings(lab):
    for family, _ in FAMILIES:
        status, text = output_of(lab.client, "ping", "-q", "-c", "3", "-i", "0.05", "-W", "2", lab.server.address[family])
        expect(status == 0 and "3 received" in text, text)


def curl(lab):
    programs.start_nginx(lab)
    for family, _ in FAMILIES:
        for page, size in (("small.txt", 300), ("large.txt", 15000)):
            status, text = output_of(lab.client, "curl", "-q", "-sS", "--max-time", "10", "--noproxy", "*", "-o",
                                     "/dev/null", "-w", "%{http_code} %{size_download}", programs.url(family, page))
            expect((status, text) == (0, f"200 {size}"), f"curl {page}: {status} {text}")


def iperf3(lab):
    """A second each way; returns Mbit/s."""
    rates = []
    for family, reverse in ((V4, ()), (V6, ("-R",))):
        server = lab.server.spawn("iperf3", "-s", "-1", "-p", "5201", stdout=subprocess.DEVNULL)
        lab.server.wait_listening(5201)
        status, text = output_of(lab.client, "iperf3", "-c", lab.server.address[family], "-p", "5201", "-t", "1", "-J",
                                 *reverse)
        server.wait(10)
        expect(status == 0, text[-300:])
        rates.append(json.loads(text)["end"]["sum_received"]["bits_per_second"] / 1e6)
    expect(min(rates) > 1, f"iperf3: {rates} Mbit/s")
    return "%.0f and %.0f Mbit/s" % tuple(rates)


def answer(listener):
    """Answers each connection with what it says, and waits for the client's FIN."""
    while True:
        try:
            sock, _ = listener.accept()
            sock.sendall(receive_exactly(sock, 64))
            receive_all(sock)
            sock.close()
        except TimeoutError:
            return
        except OSError as error:
            print(f"server: {error}")
            return


def short_connections(lab, count=CONNECTIONS, port=7000):
    """Many connections, some at a time, each with a question and an answer."""
    listener = lab.server.listen(V4, port, 256)
    for _ in range(AT_A_TIME):
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
    failed, numbers, lock = [], iter(range(count)), threading.Lock()

    def ask():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            question = b"%064d" % number
            try:
                with lab.client.socket() as sock:
                    sock.connect((lab.server.address[V4], port))
                    sock.sendall(question)
                    if receive_exactly(sock, 64) != question:
                        failed.append(f"{number}: another answer")
            except (OSError, EOFError) as error:
                failed.append(f"{number}: {error}")

    clients = [threading.Thread(target=ask, daemon=True) for _ in range(AT_A_TIME)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    expect(not failed, f"{len(failed)} of {count} connections failed: {failed[:3]}")


def udp_echo(lab):
    for family, _ in FAMILIES:
        server = lab.server.socket(family, socket.SOCK_DGRAM, 53, timeout_sec=5)
        client = lab.client.socket(family, socket.SOCK_DGRAM, timeout_sec=5)
        for number in range(20):
            client.sendto(b"question %d" % number, (lab.server.address[family], 53))
            data, peer = server.recvfrom(1000)
            server.sendto(data * 3, peer)
            expect(client.recv(1000) == data * 3, "another answer")
        server.close()


def large_datagrams(lab, family, port=5353, size=20_000, count=5):
    """Each way, in pieces; what comes is what was sent."""
    server = lab.server.socket(family, socket.SOCK_DGRAM, port, timeout_sec=5)
    client = lab.client.socket(family, socket.SOCK_DGRAM, timeout_sec=5)
    for _ in range(count):
        question = os.urandom(size)
        client.sendto(question, (lab.server.address[family], port))
        data, peer = server.recvfrom(1 << 16)
        server.sendto(data, peer)
        expect(client.recv(1 << 16) == question, "another answer")
    server.close()


def add_far_host(lab):
    """A host beyond the server, over a link with a small MTU."""
    far = Host("far", 4, 1500)  # it offers segments for 1500, so the sender must learn of the link
    far.address = {V4: "203.0.113.4", V6: "2001:db8:1::4"}
    lab.extra.append(far)
    run("ip", "netns", "add", far.name)
    run("ip", "link", "add", far.device, "netns", far.name, "type", "veth", "peer", "name", "beyond", "netns", "server")
    run("ip", "-n", "server", "link", "set", "beyond", "mtu", str(SMALL_MTU), "up")
    far.configure(False)
    lab.server.run("ethtool", "-K", "beyond", "tx", "off", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for family, router in ((V4, "203.0.113.1/24"), (V6, "2001:db8:1::1/64")):
        nodad = ("nodad",) if family == V6 else ()
        run("ip", "-n", "server", "addr", "add", router, "dev", "beyond", *nodad)
        prefix = {V4: "203.0.113.0/24", V6: "2001:db8:1::/64"}[family]
        run("ip", "-n", "client", "route", "add", prefix, "via", lab.server.address[family])
        run("ip", "-n", "far", "route", "add", "default", "via", router.split("/")[0])
    return far


def icmp_errors(lab):
    """A TTL that ends and a packet too big for the path: both errors must come back and do their work."""
    far = add_far_host(lab)
    for family, said in ((V4, "Time to live exceeded"), (V6, "Hop limit")):
        _, text = output_of(lab.client, "ping", "-c", "1", "-t", "1", "-W", "2", far.address[family])
        expect(said in text, f"no {said!r}: {text}")
    for family, _ in FAMILIES:
        listener = far.listen(family, 9000)
        client = lab.client.socket(family, timeout_sec=10)
        client.connect((far.address[family], 9000))
        server, _ = listener.accept()
        client.sendall(b"m" * 100_000)
        receive_exactly(server, 100_000)
        mtu = client.getsockopt(socket.IPPROTO_IP if family == V4 else socket.IPPROTO_IPV6,
                                14 if family == V4 else 24)  # IP_MTU, IPV6_MTU
        expect(mtu == SMALL_MTU, f"path MTU {mtu}, expected {SMALL_MTU}")
        client.close()
        receive_all(server)
        server.close()


class Transfer:
    """Sends `size` octets from server to client in the background."""

    def __init__(self, lab, size, family=V4, port=9100, timeout_sec=30):
        self.size, self.received, self.error = size, 0, None
        listener = lab.server.listen(family, port)
        self.client = lab.client.socket(family, timeout_sec=timeout_sec)
        self.client.connect((lab.server.address[family], port))
        self.server, _ = listener.accept()
        self.server.settimeout(timeout_sec)
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.send, self.receive)]
        for thread in self.threads:
            thread.start()

    def send(self):
        try:
            self.server.sendall(os.urandom(1 << 16) * (self.size >> 16))
            self.server.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.error = error

    def receive(self):
        try:
            while chunk := self.client.recv(1 << 16):
                self.received += len(chunk)
            self.client.close()
        except OSError as error:
            self.error = error

    def wait_for(self, octets, limit_sec=20):
        deadline = time.monotonic() + limit_sec
        while self.received < octets and self.error is None and time.monotonic() < deadline:
            time.sleep(0.005)

    def finish(self, limit_sec=40):
        for thread in self.threads:
            thread.join(limit_sec)
        expect(self.error is None and self.received == self.size,
               f"{self.received} of {self.size} octets came: {self.error}")
