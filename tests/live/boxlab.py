# SPDX-License-Identifier: BSD-3-Clause
"""The lab of the recorder with weir where its tap is: what is lost before weir and what behind it, the wire decides.

    client -- [lose, double, hold back] -- weir -- [lose, double, hold back] -- server
"""

import os
import subprocess
import time
from dataclasses import dataclass

import paths  # noqa: F401
from box import Weir
from recorder.lab import V4, V6, Lab, run
from recorder.wire import AFTER, TO_CLIENT, TO_SERVER, Wire, packet_socket

READY_SEC = 60
SAMPLE_SEC = 0.6  # at the least from one sample to the next
BOX_SIDES = (("wirea", "weira"), ("wireb", "weirb"))


class BoxWire(Wire):
    """Gives frames to the box instead of the tap, and takes on what comes out of it on the other side."""

    def __init__(self, devices, box_devices, writer, options):
        super().__init__(*devices, writer, options)
        toward_client, toward_server = (packet_socket(device, False) for device in box_devices)
        self._into_box = {TO_SERVER: toward_client, TO_CLIENT: toward_server}
        self._out_of_box = {TO_SERVER: toward_server, TO_CLIENT: toward_client}

    def _sockets(self):
        return super()._sockets() + list(self._into_box.values())

    def _receive(self):
        super()._receive()
        for direction, port in self._out_of_box.items():
            self._take_from(port, AFTER, direction)

    def _leave_tap(self, direction, data):
        """What is not recorded goes past the box: so a flow can be first seen in its middle."""
        if not self.recording:
            super()._leave_tap(direction, data)
            return
        try:
            self._into_box[direction].send(data)
        except BlockingIOError:
            pass  # a full transmit queue: one more loss before the box


class NoBox(Exception):
    """weir does not pass what it should."""


@dataclass
class Sample:
    """What hosts and weir said while nothing moved, after so many packets."""

    packets: int
    time: float
    truth: dict
    flows: list


def wait_serving(weir):
    deadline = time.monotonic() + READY_SEC
    while not weir.serves():
        if weir.process.poll() is not None or time.monotonic() > deadline:
            raise NoBox(f"weir does not start: {weir.said()[-300:]}")
        time.sleep(0.05)


class Ready:
    """Waiting until weir passes what the hosts send; `weir` is the process between them."""

    READY_SEC = READY_SEC

    def wait_ready(self):
        """Until a ping passes, IPv4 and IPv6; so the hosts know each other's MAC addresses."""
        deadline = time.monotonic() + self.READY_SEC
        for family in (V4, V6):
            while not self.ping(family):
                if self.weir.process.poll() is not None or time.monotonic() > deadline:
                    raise NoBox(f"no ping passes the box; it said: {self.weir.said()[-300:]}")

    def ping(self, family):
        command = ("ping", "-q", "-c", "1", "-W", "0.3", self.server.address[family])
        return subprocess.run(("ip", "netns", "exec", "client", *command), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0


class BoxLab(Ready, Lab):
    """The client and server of a Lab, and weir between them; `outcome` is there after finish()."""

    def __init__(self, path_base, scratch, turn=0, **options):
        super().__init__(path_base, scratch, **options)
        devices = [f"net_af_packet{n},iface={device}" for n, (_, device) in enumerate(BOX_SIDES)]
        self.weir = Weir(scratch, devices, turn=turn, trace=True)
        self.outcome = None
        self.samples = []

    def make_wire(self):
        for near, far in BOX_SIDES:
            run("ip", "-n", "box", "link", "add", near, "type", "veth", "peer", "name", far)
            for device in (near, far):
                run("ip", "-n", "box", "link", "set", device, "up")
        self.weir.start()
        with self.box.inside():
            return BoxWire(("tapa", "tapb"), [near for near, _ in BOX_SIDES], self.writer, self.options)

    def settle(self, quiet_sec=0.15, limit_sec=10.0):
        super().settle(quiet_sec, limit_sec)
        self.sample()

    def sample(self):
        """Compares nothing yet; keeps nothing if something moved meanwhile."""
        if self.samples and time.time() < self.samples[-1].time + SAMPLE_SEC:
            return
        before = self.wire.last_activity()
        packets, found, flows = self.wire.recorded, self.truth(), self.weir.flows()
        if before is not None and self.wire.last_activity() == before:
            self.samples.append(Sample(packets, time.time(), found, flows))

    def finish(self, conforming):
        super().finish(conforming)
        self.outcome = self.weir.stop()

    def __exit__(self, *error):
        self.weir.kill()
        keep = os.environ.get("WEIR_LIVE_KEEP")
        if keep:
            run("cp", "-r", self.scratch, os.path.join(keep, os.path.basename(self.path_base)))
        super().__exit__(*error)


class DirectLab(Ready, Lab):
    """weir alone between the hosts, on ports of one driver: nothing is lost but by weir."""

    INTERFACE = {"pcap": "rx_iface_in={0},tx_iface={0}"}  # how others name theirs: iface=

    def __init__(self, scratch, driver, device_options="", mtu=1500, **weir):
        super().__init__(os.path.join(scratch, "direct"), scratch, mtu=mtu)
        self.driver = driver
        self.weir = self.make_weir(scratch, [self.device(n, end) + device_options for n, end in enumerate("ab")], **weir)

    def device(self, number, end):
        return f"net_{self.driver}{number}," + self.INTERFACE.get(self.driver, "iface={0}").format("tap" + end)

    def make_weir(self, scratch, devices, **weir):
        return Weir(scratch, devices, **weir)

    def connect(self, host, port):
        """net_tap makes the interface itself, when it starts; it moves to its host while weir runs."""
        if self.driver != "tap":
            super().connect(host, port)
            return
        self.weir.start()
        wait_serving(self.weir)  # until then it may open more queues of the interface by its name
        run("ip", "-n", "box", "link", "set", port, "netns", host.name, "name", host.device)

    def make_wire(self):
        return self.weir

    def __exit__(self, *error):
        self.weir.kill()
        super().__exit__(*error)


class ChainLab(DirectLab):
    """Two weirs in a row, with ports that have no interface between them: `links` are those of the first and the second."""

    READY_SEC = 90  # two that poll, on as few processors as hosts have to share with them

    def __init__(self, scratch, links, driver, **options):
        self.links, self.second = links, None
        super().__init__(scratch, driver, **options)

    def make_weir(self, scratch, devices, **weir):
        where = [os.path.join(scratch, name) for name in ("first", "second")]
        for folder in where:
            os.makedirs(folder)
        self.second = Weir(where[1], [self.links[1].format(scratch), devices[1]], turn=1, **weir)
        return Weir(where[0], [devices[0], self.links[0].format(scratch)], **weir)

    def make_wire(self):
        self.weir.start()
        wait_serving(self.weir)  # it makes the socket that the second one connects to
        self.second.start()
        return self.weir

    def __exit__(self, *error):
        self.second.kill()
        super().__exit__(*error)
