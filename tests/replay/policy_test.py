#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Who may start a flow, and what a rejected sender is told: every key of a rule, every action, every octet of an answer.

The program is WEIR (default build/app/weir). Exit status 1 on failure, 77 if it is not there.
"""

import shutil
import struct
import sys
import unittest

import ports_test
import storm
import weir_run
from ports_test import at

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
HERE, THERE = storm.address4(1), storm.address4(9000)
HERE6, THERE6 = storm.address6(1), storm.address6(9000)
TAG = struct.pack(">HH", 0x8100, 7)
MSS = b"\x02\x04\x05\xb4"
ICMP6 = 58


def segment(src, dst, flags, seq=1000, ack=0, data=b"", options=b""):
    head = struct.pack(">HHIIBBHHH", 40000, 80, seq, ack, 5 + len(options) // 4 << 4, flags, 512, 0, 0) + options
    pseudo = src + dst + struct.pack(">HH", storm.TCP, len(head) + len(data))
    return head[:16] + struct.pack(">H", storm.checksum(pseudo + head + data)) + head[18:] + data


def datagram(src, dst, data=b"x", sport=5000, dport=53):
    return storm.udp(src, dst, sport, dport, data)


def udp4(src=HERE, dst=THERE, **fields):
    return storm.ip4(src, dst, storm.UDP, datagram(src, dst, **fields))


def udp6(src=HERE6, dst=THERE6, **fields):
    return storm.ip6(src, dst, storm.UDP, datagram(src, dst, **fields))


def echo(src=HERE, dst=THERE, number=77):
    message = struct.pack(">BBHHH", 8, 0, 0, number, 1) + b"echo"
    return storm.ip4(src, dst, storm.ICMP, message[:2] + struct.pack(">H", storm.checksum(message)) + message[4:])


def tagged(frame, tag=TAG):
    return frame[:12] + tag + frame[12:]


def of_family(family):
    """Makes frames of it with a segment each, from tags, options and what the segment says."""
    make, here, there = (storm.ip4, HERE, THERE) if family == 4 else (storm.ip6, HERE6, THERE6)
    return lambda tags, options, *said: tagged(make(here, there, storm.TCP, segment(here, there, *said, options)), tags)


class Headers:
    """A frame taken apart, lengths and checksums verified on the way."""

    def __init__(self, frame, test):
        self.link, ip = frame[:12], frame[12:]
        self.tags = b""
        while ip[:2] == b"\x81\x00":
            self.tags, ip = self.tags + ip[:4], ip[4:]
        ip = ip[2:]
        if ip[0] >> 4 == 4:
            test.assertEqual(ip[0], 0x45)
            test.assertEqual(storm.checksum(ip[:20]), 0, "IP checksum")
            test.assertEqual(struct.unpack(">H", ip[2:4])[0], len(ip))
            self.proto, self.src, self.dst, self.payload = ip[9], ip[12:16], ip[16:20], ip[20:]
            pseudo = b"" if self.proto == storm.ICMP else self.src + self.dst + struct.pack(">HH", self.proto, len(self.payload))
        else:
            test.assertEqual(struct.unpack(">H", ip[4:6])[0], len(ip) - 40)
            self.proto, self.src, self.dst, self.payload = ip[6], ip[8:24], ip[24:40], ip[40:]
            pseudo = self.src + self.dst + struct.pack(">IHBB", len(self.payload), 0, 0, self.proto)
        test.assertEqual(storm.checksum(pseudo + self.payload), 0, "checksum")


class Policy(ports_test.Bench):
    def judged(self, rule, frames, default="drop", **run):
        """Which of the frames that come in by net_pcap0 pass."""
        config = self.policy(f'default = "{default}"; rules = ( {{ {rule} }} );\n')
        sent, flows, trace = self.run_weir([at(frames), []], config, **run)
        self.assertEqual(sent[1], [frame for line, frame in zip(trace, frames) if line["verdict"] == "forward"])
        return [line["verdict"] == "forward" for line in trace], sent[0], flows, trace

    def test_each_key_of_a_rule_matches_what_it_names_and_nothing_else(self):
        near, far = udp4(), udp4(src=storm.address4(300), dst=storm.address4(70))
        frames = [near, far, udp6(), udp6(dst=storm.address6(5)), udp4(sport=6000, dport=8055), tagged(udp4(sport=5001)), echo(),
                  storm.ip4(HERE, THERE, storm.TCP, segment(HERE, THERE, SYN)), storm.ip4(HERE, THERE, 47, bytes(12))]
        everything = list(range(len(frames)))
        rows = {
            "": everything,
            'in = "net_pcap0";': everything,
            'in = "net_pcap1";': [],
            'proto = "udp";': [0, 1, 2, 3, 4, 5],
            'proto = "icmp";': [6],
            'proto = "tcp";': [7],
            'proto = "gre";': [8],
            'proto = "47";': [8],
            'src = "10.0.0.1";': [0, 4, 5, 6, 7, 8],
            'src = "10.0.1.0/24";': [1],
            'dst = "10.0.0.0/24";': [1],
            'dst = "10.0.0.0/8";': [0, 1, 4, 5, 6, 7, 8],
            'dst = "2001:db8::5";': [3],
            'src = "2001:db8::/32";': [2, 3],
            'src = "2001:db8::/127"; dst = "2001:db8::2300/120";': [2],
            'dport = "8000-8099";': [4],
            'dport = 80;': [7],
            'sport = 77;': [6],
            'sport = 6000; dport = 8055;': [4],
            'vlan = 7;': [5],
            'vlan = "none";': [0, 1, 2, 3, 4, 6, 7, 8],
            'proto = "udp"; vlan = 7; dport = 80;': [],
        }
        for keys, expected in rows.items():
            passed = self.judged(f'action = "allow"; {keys}', frames)[0]
            self.assertEqual([n for n, good in enumerate(passed) if good], expected, keys)

    def test_the_first_rule_that_matches_decides(self):
        config = self.policy('default = "drop"; rules = ( { action = "drop"; dport = 53; src = "10.0.0.1"; },\n'
                             '{ action = "allow"; dport = 53; }, { action = "drop"; dport = "0-100"; } );\n')
        frames = [udp4(), udp4(src=storm.address4(2)), udp4(dport=54), udp4(dport=101)]
        for workers in (1, 2):
            _, _, trace = self.run_weir([at(frames)], config, workers=workers)
            self.assertEqual([line["verdict"] for line in sorted(trace, key=lambda line: line["n"])],
                             ["drop", "forward", "drop", "drop"])

    def test_what_is_not_tracked_leaves_no_flow_and_what_is_known_is_not_judged(self):
        answer = udp4(src=THERE, dst=HERE, sport=53, dport=5000)
        passed, _, flows, _ = self.judged('action = "notrack"; dport = 53;', [udp4(), answer])
        self.assertEqual((passed, flows), ([True, False], []))
        passed, _, flows, _ = self.judged('action = "allow"; dport = 53;', [udp4(), answer, udp4()])
        self.assertEqual((passed, len(flows)), ([True] * 3, 1))

    def rejected(self, frames, config=""):
        """What the sender of these is told."""
        config += self.policy('default = "reject"; rules = ();\n')
        sent, flows, trace = self.run_weir([at(frames), []], config)
        self.assertEqual((sent[1], flows), ([], []))
        self.assertEqual({line["reason"] for line in trace}, {"policy-reject"})
        return sent[0]

    def test_a_segment_is_answered_by_the_rst_that_its_sender_takes(self):
        """RFC 9293 3.10.7.1: sequence and acknowledgement numbers come from the segment."""
        rows = [  # flags, seq, ack, data -> flags, seq, ack of the RST
            ((SYN, 1000, 0, b""), (RST | ACK, 0, 1001)),
            ((SYN, 0xFFFFFFFF, 0, b"fast open"), (RST | ACK, 0, 9)),
            ((SYN | ACK, 1000, 555, b""), (RST, 555, 0)),
            ((ACK, 1000, 0x80000000, b"data"), (RST, 0x80000000, 0)),
            ((FIN | ACK, 1000, 556, b"last"), (RST, 556, 0)),
        ]
        asked = [(make(tags, options, *row), tags, expected) for row, expected in rows
                 for make in (of_family(4), of_family(6)) for tags in (b"", TAG, TAG + TAG) for options in (b"", MSS)]
        said = self.rejected([frame for frame, _, _ in asked])
        self.assertEqual(len(said), len(asked))
        for answer, (frame, tags, expected) in zip(said, asked):
            self.check_reset(Headers(answer, self), Headers(frame, self), tags, expected)

    def check_reset(self, answer, asked, tags, expected):
        self.assertEqual((answer.link, answer.tags), (asked.link[6:] + asked.link[:6], tags))
        self.assertEqual((answer.proto, answer.src, answer.dst), (storm.TCP, asked.dst, asked.src))
        sport, dport, seq, ack, offset, flags, _, _, urgent = struct.unpack(">HHIIBBHHH", answer.payload)
        self.assertEqual((sport, dport, offset, urgent), (80, 40000, 5 << 4, 0))
        self.assertEqual((flags, seq, ack), expected)

    def test_anything_else_is_answered_by_an_icmp_error_that_quotes_it(self):
        """RFC 1812 5.2.7.1 and 4.3.2.3, RFC 4443 3.1: prohibited; as much as fits 576 and 1280 octets."""
        for frame in (udp4(), udp4(data=bytes(900)), echo(), storm.ip4(HERE, THERE, 47, bytes(12)), tagged(udp4())):
            said = Headers(*self.rejected([frame]), self)
            ip = frame[18:] if frame[12:14] == TAG[:2] else frame[14:]
            self.assertEqual((said.proto, said.src, said.dst), (storm.ICMP, THERE, HERE))
            self.assertEqual(said.payload[:2] + said.payload[4:8], bytes((3, 13, 0, 0, 0, 0)))
            self.assertEqual(said.payload[8:], ip[:548])
        for frame in (udp6(), udp6(data=bytes(1400)), storm.ip6(HERE6, THERE6, 50, bytes(40))):
            said = Headers(*self.rejected([frame]), self)
            self.assertEqual((said.proto, said.src, said.dst), (ICMP6, THERE6, HERE6))
            self.assertEqual(said.payload[:2] + said.payload[4:8], bytes((1, 1, 0, 0, 0, 0)))
            self.assertEqual(said.payload[8:], frame[14:][:1232])

    def test_nobody_is_told_where_that_could_do_harm(self):
        """RFC 1122 3.2.2 and RFC 4443 2.4 e: no answer to an error, a RST, what went to many or came from no single host."""
        error = struct.pack(">BBHI", 3, 1, 0, 0) + udp4(src=storm.address4(50))[14:]
        error = error[:2] + struct.pack(">H", storm.checksum(error)) + error[4:]
        many, many6, group = bytes((239, 1, 2, 3)), bytes((0xff, 2)) + bytes(13) + b"\1", b"\x01\x00\x5e\x00\x00\x09"
        frames = [storm.ip4(HERE, THERE, storm.ICMP, error), storm.ip4(HERE, THERE, storm.TCP, segment(HERE, THERE, RST)),
                  udp4(dst=many), udp6(dst=many6), udp4(dst=b"\xff" * 4), group + udp4()[6:],
                  udp4(src=bytes(4)), udp4(src=many), udp4(src=b"\xff" * 4), udp4(src=bytes((127, 0, 0, 1))),
                  udp6(src=bytes(16)), udp6(src=many6), udp6(src=bytes(15) + b"\1")]
        frames += [storm.ip4(src, THERE, storm.TCP, segment(src, THERE, SYN)) for src in (bytes(4), many)]
        self.assertEqual(self.rejected(frames), [])

    def test_icmp_errors_are_limited_in_rate_and_resets_are_not(self):
        frames = [udp4(sport=n + 1) for n in range(300)]
        said = self.rejected(frames, "")  # 0.3 s by their time stamps
        self.assertTrue(1 <= len(said) <= 130, len(said))
        resets = [storm.ip4(HERE, THERE, storm.TCP, segment(HERE, THERE, SYN, n)) for n in range(300)]
        self.assertEqual(len(self.rejected(resets)), 300)


if __name__ == "__main__":
    if shutil.which(weir_run.program()) is None:
        print(f"skipped: {weir_run.program()} is not there; set WEIR to the program")
        sys.exit(77)
    unittest.main()
