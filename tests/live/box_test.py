#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir between two hosts, on every kind of virtual port there is: programs, firewall, crash, workers.

box_test.py [--list] [NAME...]      default: all tests; each in namespaces of its own and bounded in time
"""

import contextlib
import errno
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter

import surroundings
import traffic
from box import SMALL, Weir, lcores
from boxlab import BoxLab, ChainLab, DirectLab, NoBox
from recorder import protocols
from recorder.lab import V4, V6
from recorder.wire import Trouble, WireOptions
from traffic import FAMILIES, Transfer, expect

LIMIT_SEC = 180
SKIP_STATUS = 77
DRIVERS = ("af_packet", "af_xdp", "tap")
FIREWALL = os.path.join(os.path.dirname(surroundings.paths.TESTS), "config", "policy-firewall.conf")
DROPPED_MAY_BE = {"rst-time-wait"}
TESTS = {}


class Skip(Exception):
    """Not to be had here."""


def test(function, *arguments):
    TESTS["-".join((function.__name__.replace("_", "-"), *arguments))] = lambda: function(*arguments)
    return function


def check_sums(outcome, dropped=False, missed=False):
    """Received = forwarded + dropped + answered, what was forwarded was sent, and nothing was dropped unawares."""
    counts = outcome.counts
    expect(outcome.status == 0, f"exit status {outcome.status}: {outcome.messages[-300:]}")
    handled = sum(counts.get(verdict, 0) for verdict in ("forward", "drop", "answer", "consume"))
    expect(counts["packets"] == handled > 0, f"received {counts['packets']}, handled {handled}")
    for trouble in ("broken",) if missed else ("missed", "broken"):
        expect(counts.get(trouble, 0) == 0, f"{trouble}: {counts.get(trouble)}")
    refused = {line["reason"] for line in outcome.trace if line["verdict"] != "forward"} - DROPPED_MAY_BE
    expect(dropped or not refused, f"refused: {refused}")


def tcp_flows(outcome, port):
    return [f for f in outcome.flows if f["proto"] == "tcp" and f["dport"] == port]


def scratch():
    return tempfile.mkdtemp(prefix="live-")


@contextlib.contextmanager
def opened(driver, **weir):
    """A lab whose box passes packets; Skip where this driver is not to be had."""
    lab = DirectLab(scratch(), driver, **weir)
    try:
        with lab:
            lab.wait_ready()
            yield lab
    except NoBox as error:
        if driver == "af_xdp" and "no port" in str(error):
            raise Skip(str(error)) from error
        raise


def with_driver(driver):
    """Programs, sockets and ICMP errors; every flow has its record, all counters add up."""
    with opened(driver, trace=True) as lab:
        traffic.pings(lab)
        traffic.curl(lab)
        rates = traffic.iperf3(lab)
        traffic.short_connections(lab)
        traffic.udp_echo(lab)
        traffic.icmp_errors(lab)
        outcome = lab.weir.stop()
    check_sums(outcome)
    flows = tcp_flows(outcome, 7000)
    expect(len(flows) == traffic.CONNECTIONS, f"{len(flows)} records of {traffic.CONNECTIONS} connections")
    expect({f["orig_state"] for f in flows} <= {"TIME-WAIT", "CLOSED"}, "not all connections were closed")
    related = {line["class"] for line in outcome.trace if line["class"] == "related"}
    expect(related, "no ICMP error was matched to its flow")
    return rates


for name in DRIVERS:
    test(with_driver, name)


@test
def firewall():
    """The shipped policy: inside starts anything, outside nothing but ping, and ident is refused at once."""
    with opened("af_packet", config=SMALL + f'policy: {{ file = "{FIREWALL}"; }};\n') as lab:
        for family, _ in FAMILIES:
            for host in (lab.client, lab.server):
                host.listen(family, 8000)
                host.listen(family, 113)
            expect(connect(lab.client, lab.server, family, 8000) == 0, "inside cannot connect")
            expect(connect(lab.server, lab.client, family, 8000, 1) == errno.EAGAIN, "outside is not dropped")
            since = time.monotonic()
            expect(connect(lab.server, lab.client, family, 113) == errno.ECONNREFUSED, "ident is not refused")
            expect(time.monotonic() - since < 1, "refused, but late")
            status, text = traffic.output_of(lab.server, "ping", "-c", "1", "-W", "2", lab.client.address[family])
            expect(status == 0, text)
        outcome = lab.weir.stop()
    check_sums(outcome, dropped=True)
    expect(outcome.counts.get("drop", 0) > 0 and outcome.counts.get("answer", 0) >= 2, outcome.messages)


def connect(source, target, family, port, timeout_sec=5):
    """errno of a connection attempt; EAGAIN for none within the time."""
    with source.socket(family, timeout_sec=timeout_sec) as sock:
        return sock.connect_ex((target.address[family], port))


@test
def shadow():
    """The same policy, but in shadow everything passes and is only counted."""
    with opened("af_packet", config=SMALL + f'policy: {{ file = "{FIREWALL}"; }};\n', options=("--shadow",), trace=True) as lab:
        for family, _ in FAMILIES:
            lab.client.listen(family, 8000)
            expect(connect(lab.server, lab.client, family, 8000) == 0, "shadow holds a connection up")
        outcome = lab.weir.stop()
    check_sums(outcome)
    expect("policy-drop" in outcome.messages, "nothing was counted")
    expect({line["verdict"] for line in outcome.trace} == {"forward"}, "shadow dropped something")


@test
def killed():
    """SIGKILL in the middle of a transfer: the next weir takes it up and it goes on."""
    with opened("af_packet") as lab:
        transfer = Transfer(lab, 64 << 20)
        transfer.wait_for(8 << 20)
        lab.weir.kill()
        at = transfer.received
        expect(at < transfer.size, "over before the kill")
        lab.weir.start()
        transfer.finish()
        outcome = lab.weir.stop()
    check_sums(outcome)
    flow = tcp_flows(outcome, 9100) or [f for f in outcome.flows if f["sport"] == 9100]
    expect(len(flow) == 1, f"{len(flow)} records of the adopted connection")
    expect(flow[0]["refused_orig"] == flow[0]["refused_resp"] == 0, f"refused: {flow[0]['last_reason']}")
    return f"killed after {at >> 20} of {transfer.size >> 20} MiB"


@test
def memif():
    """Shared memory to another DPDK program, which sends and receives as fast as it can."""
    if shutil.which("dpdk-testpmd") is None:
        raise Skip("dpdk-testpmd is not installed")
    surroundings.run("ip", "netns", "add", "box")
    folder = scratch()
    ends = [f"net_memif{n},id=0,socket={folder}/memif{n},socket-abstract=no" for n in range(2)]
    weir = Weir(folder, [end + ",role=server" for end in ends])
    sender = None
    try:
        weir.start()
        wait_until(weir.serves, "weir does not start", weir)
        sender = subprocess.Popen(
            ["dpdk-testpmd", "--lcores", lcores(1), "--no-huge", "--no-shconf", "--no-telemetry", "--no-pci",
             "-m", "128", *(f"--vdev={end},role=client" for end in ends), "--", "--forward-mode=flowgen",
             "--total-num-mbufs=8192", "--auto-start"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        wait_until(lambda: forwarded(weir) > 100_000, "too few packets", weir)
        said = sender.communicate("stop\nquit\n", 20)[0]
        outcome = weir.stop()
    finally:
        weir.kill()
        if sender is not None and sender.poll() is None:
            sender.kill()
    check_sums(outcome)
    received = [int(n) for n in re.findall(r"RX-packets: +(\d+)", said)]
    expect(len(received) >= 2 and min(received[:2]) > 1000, said[-600:])
    counted = sum(f["orig_packets"] + f["resp_packets"] for f in outcome.flows)
    expect(counted == outcome.counts["forward"], f"{counted} packets in flow records")
    return f"{outcome.counts['forward']} frames"


def forwarded(weir):
    return json.loads(weir.get("/stats"))["total"]["verdicts"]["forward"]


def wait_until(reached, what, weir, limit_sec=20):
    deadline = time.monotonic() + limit_sec
    while not reached():
        expect(weir.process.poll() is None and time.monotonic() < deadline, f"{what}: {weir.said()[-300:]}")
        time.sleep(0.05)


def workers(driver, queues):
    """Two workers, with as many queues or with one: the same records, no packet refused."""
    device_options = f",qpairs={queues},framecnt=4096" if driver == "af_packet" else ""
    with opened(driver, device_options=device_options, workers=2, trace=True) as lab:
        rates = traffic.iperf3(lab)
        traffic.short_connections(lab, 300)
        traffic.udp_echo(lab)
        outcome = lab.weir.stop()
    expect(f"net_{driver}1: {queues} receive queue" in outcome.messages, "another number of queues: " + outcome.messages)
    check_sums(outcome)
    expect(len(tcp_flows(outcome, 7000)) == 300, "another number of records")
    return rates


for driver_queues in (("af_packet", "1"), ("af_packet", "2"), ("tap", "2")):
    test(workers, *driver_queues)


SLOTS = ",framesz=12288,blocksz=12288,framecnt=512"
CHAINS = {
    "memif": tuple(f"net_memif0,role={role},id=0,socket={{0}}/link,socket-abstract=no,bsize=9216"
                   for role in ("server", "client")),
    "vhost": ("net_vhost0,iface={0}/link", "net_virtio_user0,path={0}/link,queues=1,queue_size=1024"),
}


def large(lab, mtu):
    """Echo requests and segments that fill the MTU, both families; and frames that a small one carries, too."""
    for family, header in ((V4, 28), (V6, 48)):
        for size in (mtu - header, 64):
            status, text = traffic.output_of(lab.client, "ping", "-q", "-c", "3", "-i", "0.05", "-W", "2", "-M", "do", "-s",
                                             str(size), lab.server.address[family])
            expect(status == 0 and "3 received" in text, f"{size} octets: {text}")


def check_large(outcome, mtu, port):
    """Bulk transfers went in segments that fill the MTU, and none was refused."""
    check_sums(outcome, missed=True)  # net_pcap: the kernel drops what libpcap's buffer has no room for
    expect(outcome.counts.get("drop", 0) == 0, outcome.messages[-600:])
    bulk = max(tcp_flows(outcome, port), key=lambda f: f["orig_bytes"] + f["resp_bytes"])
    segment = max(bulk["orig_bytes"] / bulk["orig_packets"], bulk["resp_bytes"] / bulk["resp_packets"])
    expect(mtu * 0.9 < segment <= mtu, f"{segment} octets in a packet on average")


def jumbo(driver, mtu, device_options=""):
    """Frames far beyond 1500 octets, between ports that are told so."""
    pair = f'ports = ( {{ a = "net_{driver}0"; b = "net_{driver}1"; mtu = {mtu}; }} );\n'
    with opened(driver, device_options=device_options, mtu=int(mtu), config=SMALL + pair) as lab:
        large(lab, int(mtu))
        rates = traffic.iperf3(lab)
        outcome = lab.weir.stop()
    check_large(outcome, int(mtu), 5201)
    return rates


for driver_mtu in (("af_packet", "9000", SLOTS), ("af_xdp", "3200"), ("pcap", "9000")):
    TESTS["jumbo-" + driver_mtu[0]] = functools.partial(jumbo, *driver_mtu)


def jumbo_link(name):
    """The same through two weirs and what connects them."""
    with ChainLab(scratch(), CHAINS[name], "af_packet", device_options=SLOTS, mtu=9000) as lab:
        lab.wait_ready()
        large(lab, 9000)
        for family, port in ((V4, 9100), (V6, 9101)):
            Transfer(lab, 8 << 20, family, port).finish()
        outcomes = [weir.stop() for weir in (lab.weir, lab.second)]
    for outcome in outcomes:
        check_large(outcome, 9000, 9100)
        check_large(outcome, 9000, 9101)


for name in CHAINS:
    test(jumbo_link, name)


@test
def too_large():
    """Frames that the other port cannot send are lost, and counted as that; all others go on."""
    links = [link.replace("bsize=9216", "rsize=6") for link in CHAINS["memif"]]  # 64 slots: they come round often
    with ChainLab(scratch(), links, "af_packet", device_options=SLOTS, mtu=9000) as lab:
        lab.wait_ready()
        for family, _ in FAMILIES:
            for size, count in ((4000, 0), (64, 70), (1900, 10)):
                _, text = traffic.output_of(lab.client, "ping", "-q", "-f", "-c", str(count or 20), "-W", "1", "-M", "do",
                                            "-s", str(size), lab.server.address[family])
                expect(f" {count} received" in text, f"{size} octets: {text}")
        outcome = lab.weir.stop()
    expect("weir: port net_af_packet0 has an MTU of 9000, but its peer net_memif0 one of 2022" in outcome.messages,
           outcome.messages)
    lost = re.search(r"not sent +(\d+)", outcome.messages)
    expect(lost and int(lost[1]) >= 2 * 20, f"not counted: {outcome.messages[-600:]}")


def no_jumbo(driver, mtu, expected, device_options=""):
    """What a driver cannot carry is refused at the start, and it says what it can."""
    pair = f'ports = ( {{ a = "net_{driver}0"; b = "net_{driver}1"; mtu = {mtu}; }} );\n'
    lab = DirectLab(scratch(), driver, device_options, config=SMALL + pair)
    try:
        with lab:
            lab.weir.process.wait(10)
            said = lab.weir.said()
    except NoBox as error:
        said = str(error)
    expect(f"weir: port net_{driver}0: {expected}" in said, said)


for name, refused in (
        ("tap", ("tap", 9000, "its driver takes no MTU of 9000: expected 46 to 1504\n")),
        ("af_packet", ("af_packet", 9000, "its driver takes no MTU of 9000: expected 46 to 1956; its --vdev says")),
        ("af_xdp", ("af_xdp", 3500, "its driver takes no MTU of 3500: expected 68 to 3238; a frame")),
        ("slots", ("af_packet", 9000, "arguments of its --vdev: expected blocksz=", ",framesz=12288,blocksz=16384"))):
    TESTS["no-jumbo-" + name] = functools.partial(no_jumbo, *refused)


@test
def missing_port():
    """One port of two cannot be made: a message that names it, and no start."""
    lab = DirectLab(scratch(), "af_packet", device_options="x")
    with lab:
        status, said = lab.weir.process.wait(10), lab.weir.said()
    expect(status == 2, f"exit status {status}")
    expect("weir: port net_af_packet0 (iface=tapax) cannot be made" in said, said)


def unsent(lab):
    """Frames that are counted as not sent, by weir or by a driver."""
    return sum(port["tx_lost"] + port["tx_errors"] for port in json.loads(lab.weir.get("/stats"))["ports"])


def fragmented(driver):
    """Datagrams in pieces, both families: one flow each, and no piece is refused."""
    with opened(driver, trace=True) as lab:
        for family, _ in FAMILIES:
            status, text = traffic.output_of(lab.client, "ping", "-q", "-c", "5", "-i", "0.05", "-W", "2", "-s", "5000",
                                             lab.server.address[family])
            expect(status == 0 and "5 received" in text, text)
            traffic.large_datagrams(lab, family)
        outcome = lab.weir.stop()
    check_sums(outcome)
    flows = [f for f in outcome.flows if f["proto"] == "udp" and f["dport"] == 5353 and len(f["src"]) < 40]
    expect([(f["orig_packets"] > 20, f["resp_packets"] > 20) for f in flows] == [(True, True)] * 2, f"flows: {flows}")


for name in ("af_xdp", "tap"):
    test(fragmented, name)


@test
def put_together():
    """net_af_packet's kernel puts pieces of IPv4 together: what is too large then is lost, and that is counted."""
    with opened("af_packet", trace=True) as lab:
        before = lab.weir.said()
        for size in (1600, 5000):
            _, text = traffic.output_of(lab.client, "ping", "-q", "-c", "10", "-i", "0.02", "-W", "1", "-s", str(size),
                                        lab.server.address[V4])
            expect(" 0 received" in text, f"it is no longer so; then docs/tuning.md is wrong: {before}{text}")
        lost = unsent(lab)
        outcome = lab.weir.stop()
    check_sums(outcome, dropped=True)
    cut = outcome.counts.get("drop", 0)
    expect(lost >= 10 and cut >= 10, f"{lost} not sent and {cut} refused, of 20: {outcome.messages[-600:]}")


@test
def tunnels():
    """GRE, ESP and IPv4 in IP, by address pair and key."""
    with opened("af_packet", trace=True) as lab:
        protocols.exchange_raw(lab)
        outcome = lab.weir.stop()
    check_sums(outcome)
    found = Counter(f["proto"] for f in outcome.flows if f["orig_packets"] and f["resp_packets"])
    expect((found["gre"], found["50"], found["4"]) == (6, 2, 2), f"flows by protocol: {found}")


@test
def sctp():
    """Associations of a real stack, from INIT to SHUTDOWN COMPLETE."""
    if not os.path.exists(protocols.USRSCTP + "client"):
        raise Skip("libusrsctp-examples is not installed")
    with opened("af_packet", trace=True) as lab:
        protocols.start_echo_server(lab)
        for family, _ in FAMILIES:
            protocols.converse(lab, family)
        outcome = lab.weir.stop()
    check_sums(outcome)
    ended = [f for f in outcome.flows if f["proto"] == "sctp" and f["dport"] == 7 and f["end_reason"] == "fin"]
    expect(len(ended) == 2, f"{len(ended)} associations ended in order: {outcome.flows}")


@test
def loss():
    """A large transfer, both families, 1 % lost, doubled and held back on either side of the box."""
    trouble = Trouble(0.01, 0.01, 0.01, 5)
    lab = BoxLab(os.path.join(scratch(), "loss"), scratch(), wire=WireOptions(seed=5, before=trouble, after=trouble))
    with lab:
        lab.wait_ready()
        for family, port in ((V4, 9200), (V6, 9201)):
            Transfer(lab, 2 << 20, family, port).finish()
        lab.settle()
        lab.finish(True)
    check_sums(lab.outcome)
    expect(lab.outcome.counts["forward"] > 3000, "too few packets for the transfer")


@test
def links():
    """Both links go down and come up again: connections go on, and what was not sent meanwhile is counted."""
    with opened("af_packet") as lab:
        transfer = Transfer(lab, 32 << 20)
        transfer.wait_for(4 << 20)
        for action in ("down", "up"):
            for device in ("tapa", "tapb"):
                lab.box.run("ip", "link", "set", device, action)
            time.sleep(0.2)
        transfer.finish()
        before = unsent(lab)
        lab.box.run("ip", "link", "set", "tapb", "down")
        traffic.output_of(lab.client, "ping", "-q", "-c", "20", "-i", "0.02", "-W", "1", lab.server.address[V4])
        expect(unsent(lab) >= before + 20, f"{unsent(lab) - before} of 20 frames counted as not sent")
        outcome = lab.weir.stop()
    expect(outcome.status == 0, outcome.messages[-300:])


def play(name):
    """The status of a child that plays one test in namespaces of its own."""
    child = os.fork()
    if child == 0:
        signal.alarm(LIMIT_SEC)
        since = time.monotonic()
        word, status, text = "ok", 0, None
        try:
            surroundings.isolate_again()
            text = TESTS[name]()
        except Skip as error:
            word, status, text = "skip", SKIP_STATUS, str(error)
        except BaseException as error:  # noqa: BLE001 (whatever it was, the parent must know)
            word, status, text = "FAIL", 1, f"{type(error).__name__}: {error}"
        print(f"{word:5} {name} ({time.monotonic() - since:.1f} s){': ' + text if text else ''}", flush=True)
        os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, 1, SKIP_STATUS):
        why = f"no end within {LIMIT_SEC} s" if status == -signal.SIGALRM else f"ended by {status}"
        print(f"FAIL  {name}: {why}", flush=True)
    return status


def main():
    names = sys.argv[1:] or list(TESTS)
    if names == ["--list"]:
        print("\n".join(TESTS))
        return 0
    surroundings.enter(("curl", "nginx", "iperf3"))
    tempfile.tempdir = tempfile.mkdtemp(prefix="live-tests-")
    found = [play(name) for name in names]
    shutil.rmtree(tempfile.tempdir, ignore_errors=True)
    passed, skipped = found.count(0), found.count(SKIP_STATUS)
    print(f"live: {passed} passed, {len(found) - passed - skipped} failed, {skipped} skipped")
    return 1 if passed + skipped < len(found) else 0 if passed else SKIP_STATUS


if __name__ == "__main__":
    sys.exit(main())
