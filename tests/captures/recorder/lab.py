# SPDX-License-Identifier: BSD-3-Clause
"""Two hosts in network namespaces with a wire between them, and what one does on them.

    client (192.0.2.1, 2001:db8::1) -- wire with tap -- server (192.0.2.2, 2001:db8::2)

A thread that makes a socket enters the host's namespace for as long as that takes: a socket stays
where it was made. So one program can play both hosts, step by step.
"""

import contextlib
import ctypes
import json
import os
import re
import shutil
import socket
import subprocess
import time

from . import pcapfile
from .wire import Wire, WireOptions

CLONE_NEWNET = 0x40000000
SOCKET_TIMEOUT_SEC = 20
LIBC = ctypes.CDLL(None, use_errno=True)

V4, V6 = socket.AF_INET, socket.AF_INET6
NOBODY = {V4: "192.0.2.77", V6: "2001:db8::77"}  # a neighbour that never answers
BEYOND = {V4: "198.51.100.1", V6: "2001:db8:ffff::1"}  # what the server reports as unreachable

IPV4_MAPPED = re.compile(r"\[::ffff:([0-9.]+)\]")
RFC_STATES = {"ESTAB": "ESTABLISHED", "SYN-RECV": "SYN-RECEIVED", "UNCONN": "CLOSED"}


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, **options)


def reset_on_close(sock):
    """SO_LINGER with time 0: close() becomes the ABORT call of RFC 9293 section 3.10.5."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def abort(sock):
    reset_on_close(sock)
    sock.close()


def receive_all(sock):
    """Reads until the other side's FIN."""
    data = bytearray()
    while chunk := sock.recv(65536):
        data += chunk
    return bytes(data)


def receive_exactly(sock, count):
    data = bytearray()
    while len(data) < count:
        chunk = sock.recv(count - len(data))
        if not chunk:
            raise EOFError("connection ended early")
        data += chunk
    return bytes(data)


class KeptSocket(socket.socket):
    """Never closed by going out of scope: what is still open, `ss` must find open."""

    kept = []

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.kept.append(self)

    def accept(self):
        fd, peer = self._accept()
        sock = KeptSocket(self.family, self.type, self.proto, fileno=fd)
        sock.settimeout(SOCKET_TIMEOUT_SEC)
        return sock, peer


class Host:
    """One namespace with one interface."""

    def __init__(self, name, number, mtu):
        self.name, self.device = name, f"{name}0"
        self.mac = f"02:00:00:00:00:{number:02x}"
        self.address = {V4: f"192.0.2.{number}", V6: f"2001:db8::{number}"}
        self.mtu = mtu
        self.children = []

    def configure(self, offload):
        ip = ["ip", "-n", self.name]
        self.sysctl("net.ipv6.conf.all.accept_dad", 0)
        self.sysctl(f"net.ipv6.conf.{self.device}.accept_dad", 0)
        self.sysctl(f"net.ipv6.conf.{self.device}.router_solicitations", 0)
        run(*ip, "link", "set", self.device, "address", self.mac, "mtu", str(self.mtu))
        if not offload:
            self.run("ethtool", "-K", self.device, "tx", "off", "tso", "off", "gso", "off", "gro", "off",
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run(*ip, "link", "set", "lo", "up")
        run(*ip, "link", "set", self.device, "up")
        run(*ip, "addr", "add", self.address[V4] + "/24", "dev", self.device)
        run(*ip, "addr", "add", self.address[V6] + "/64", "dev", self.device, "nodad")
        for family in (V4, V6):
            run(*ip, "neigh", "add", NOBODY[family], "lladdr", "02:00:00:00:00:77", "dev", self.device)

    def sysctl(self, name, value):
        self.run("sysctl", "-qw", f"{name}={value}")

    def run(self, *command, **options):
        return run("ip", "netns", "exec", self.name, *command, **options)

    def spawn(self, *command, **options):
        """A program in the background; the lab ends it."""
        child = subprocess.Popen(("ip", "netns", "exec", self.name, *command), **options)
        self.children.append(child)
        return child

    @contextlib.contextmanager
    def inside(self):
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            enter(there)
            yield
        finally:
            enter(here)
            os.close(here)
            os.close(there)

    def socket(self, family=V4, kind=socket.SOCK_STREAM, port=0, timeout_sec=SOCKET_TIMEOUT_SEC):
        with self.inside():
            sock = KeptSocket(family, kind)
        sock.settimeout(timeout_sec)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if port:
            sock.bind((self.address[family], port))
        return sock

    def listen(self, family, port, backlog=64):
        sock = self.socket(family, port=port)
        sock.listen(backlog)
        return sock

    def wait_listening(self, port, limit_sec=10):
        deadline = time.monotonic() + limit_sec
        while time.monotonic() < deadline:
            found = self.run("ss", "-Hltn", f"sport = {port}", stdout=subprocess.PIPE).stdout
            if found.strip():
                return
            time.sleep(0.05)
        raise TimeoutError(f"nobody listens on port {port}")

    def tcp_states(self):
        """What `ss` knows of this host's connections, in the RFC's names; a closed one is absent."""
        listing = self.run("ss", "-HOtano", stdout=subprocess.PIPE).stdout
        found = []
        for line in listing.splitlines():
            state, _, _, local, peer, *rest = IPV4_MAPPED.sub(r"\1", line).split()
            if state == "LISTEN":
                continue
            timer = next((r[7:].split(",")[0] for r in rest if r.startswith("timer:(")), None)
            found.append({"state": RFC_STATES.get(state, state), "timer": timer,
                          "local": local, "peer": peer})
        return sorted(found, key=lambda entry: (entry["local"], entry["peer"]))


def enter(namespace_fd):
    if LIBC.setns(namespace_fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Lab:
    """Both hosts and the wire, for one capture. Use as a context manager."""

    def __init__(self, path_base, scratch, file_format="usec", mtu=1500, wire=None):
        self.path_base, self.scratch = path_base, scratch
        self.options = wire or WireOptions()
        suffix, make_writer = pcapfile.FORMATS[file_format]
        self.writer = make_writer(path_base + suffix)
        self.client, self.server = Host("client", 1, mtu), Host("server", 2, mtu)
        self.box = Host("box", 3, mtu)
        self.extra = []  # hosts that a scenario adds
        self.wire = None

    def __enter__(self):
        for host in (self.client, self.server, self.box):
            run("ip", "netns", "add", host.name)
        self.box.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
        self.box.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        for host, port in ((self.client, "tapa"), (self.server, "tapb")):
            self.connect(host, port)
            host.configure(self.options.offload)
        for family, prefix in ((V4, "198.51.100.0/24"), (V6, "2001:db8:ffff::/48")):
            run("ip", "-n", "client", "route", "add", prefix, "via", self.server.address[family])
            run("ip", "-n", "server", "route", "add", "unreachable", prefix)
        self.server.sysctl("net.ipv4.ip_forward", 1)
        self.server.sysctl("net.ipv6.conf.all.forwarding", 1)
        self._let_link_noise_pass()
        self.wire = self.make_wire()
        self.wire.start()
        return self

    def connect(self, host, port):
        """The host's interface, and its other end in the box."""
        run("ip", "link", "add", host.device, "netns", host.name, "type", "veth",
            "peer", "name", port, "netns", "box")
        run("ip", "-n", "box", "link", "set", port, "mtu", str(host.mtu), "up")

    def make_wire(self):
        with self.box.inside():
            return Wire("tapa", "tapb", self.writer, self.options)

    def _let_link_noise_pass(self):
        """Multicast listener reports of the new interfaces are nobody's subject."""
        time.sleep(0.3)

    def finish(self, conforming):
        """Ends the recording and writes what `ss` says of both hosts beside it."""
        self.wire.stop()
        with open(self.path_base + ".ss.json", "w", encoding="ascii") as out:
            json.dump(self.truth(conforming), out, indent=1)
            out.write("\n")

    def truth(self, conforming=True):
        """What both hosts know at this moment, and what became of their segments so far."""
        return {
            "conforming": conforming,
            "hosts": {h.name: {"addresses": list(h.address.values()), "tcp": h.tcp_states()}
                      for h in (self.client, self.server)},
            "control_segments_lost": list(self.wire.lost),
            "forged_packets": list(self.wire.forged_numbers),
        }

    def __exit__(self, *_):
        for host in (self.client, self.server):
            for child in host.children:
                child.terminate()
            for child in host.children:
                child.wait(5)
        for host in (self.client, self.server, self.box, *self.extra):
            run("ip", "netns", "del", host.name)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def settle(self, quiet_sec=0.15, limit_sec=10.0):
        self.wire.wait_idle(quiet_sec, limit_sec)

    def pair(self, family=V4, port=7, client_port=0, listener=None):
        """A connection from client to server, both ends of it, quiet on the wire."""
        listener = listener or self.server.listen(family, port)
        client = self.client.socket(family, port=client_port)
        client.connect((self.server.address[family], port))
        server, _ = listener.accept()
        self.settle(0.05)
        return client, server
