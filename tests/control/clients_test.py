#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Clients of every kind while packets pass: events, traces, listings, and those who are slow, silent, gone or mad."""
import collections
import json
import re
import unittest

import daemon

MANY = 100


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.weir = daemon.Daemon("http-many.pcap", endless=True)

    @classmethod
    def tearDownClass(cls):
        cls.weir.close()

    def tearDown(self):
        self.assertEqual(self.weir.get("/health").status, 200)
        daemon.wait_for("all readers are forgotten", lambda: self.control()["subscribers"] == 0 and self.control()["listings"] == 0)

    def control(self):
        return self.weir.get("/stats").json()["control"]

    def open(self, target):
        client = self.weir.connect()
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: weir\r\n\r\n".encode())
        return client

    def status_of(self, client):
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = client.recv(4096)
            self.assertTrue(part, answer)
            answer += part
        return int(answer.split(b" ")[1])

    def packets(self):
        return self.weir.get("/stats").json()["total"]["packets"]

    def expect_forwarding(self):
        before = self.packets()
        daemon.wait_for("packets pass", lambda: self.packets() > before + 1000)

    def test_events_tell_what_happens(self):
        # Under way may be what the workers told while the reader before wanted fewer kinds: a ring of it, at most.
        events = self.weir.get("/events?limit=14000").lines()
        events = events[next(i for i, event in enumerate(events) if event.get("event") == "new"):]
        kinds = collections.Counter(event.get("event") for event in events)
        kinds.pop(None, None)
        self.assertGreater(sum(kinds.values()), 3000)
        self.assertEqual(set(kinds) - {"refused"}, {"new", "state", "end"})
        living, checked = {}, 0
        for event in events:
            if "lost" in event:
                living.clear()
                continue
            flow = event["flow"]
            if event["event"] == "new":
                self.assertNotIn(flow["id"], living)
            elif flow["id"] in living and event["event"] == "state":
                self.assertEqual(event["before"], living[flow["id"]])
                checked += 1
            self.assertEqual(flow["end_reason"] == "active", event["event"] != "end")
            if event["event"] == "end":
                living.pop(flow["id"], None)
            elif event["event"] == "state":
                living[flow["id"]] = [flow["orig_state"], flow["resp_state"]]
        self.assertGreater(checked, 100)

    def test_events_are_filtered(self):
        port = self.weir.get("/flows?limit=1").lines()[0]["dport"]
        self.assertEqual({event["event"] for event in self.weir.get(f"/events?kinds=end&limit=50&dport={port}").lines() if "event" in event},
                         {"end"})
        events = [event for event in self.weir.get("/events?kinds=state&state=TIME-WAIT&limit=50").lines() if "event" in event]
        self.assertTrue(all("TIME-WAIT" in (event["flow"]["orig_state"], event["flow"]["resp_state"]) for event in events))

    def test_a_trace_shows_the_packets_of_its_filter(self):
        flow = self.weir.get("/flows?limit=1&proto=tcp").lines()[0]
        end = f"src={flow['src']}&sport={flow['sport']}&dst={flow['dst']}&dport={flow['dport']}&proto=tcp"
        traces = [line for line in self.weir.get(f"/trace?limit=200&{end}").lines() if "lost" not in line]
        self.assertEqual(len(traces), 200)
        self.assertEqual({trace["dir"] for trace in traces}, {"orig", "resp"})
        others = [line for line in self.weir.get("/trace?limit=500").lines() if "lost" not in line]
        self.assertGreater(len({trace["id"] for trace in others}), len({trace["id"] for trace in traces}))
        self.assertEqual([trace["n"] for trace in others], sorted(trace["n"] for trace in others))

    def test_traces_side_by_side_get_their_own_packets(self):
        """Eight at once; each filter is one flow, so a packet of another's would show."""
        flows = [flow for flow in self.weir.get("/flows?proto=tcp&limit=50").lines()]
        ends = [f"src={flow['src']}&sport={flow['sport']}&dst={flow['dst']}&dport={flow['dport']}" for flow in flows[:7]]
        clients = [self.open(f"/trace?{end}") for end in ends] + [self.open("/trace")]
        self.assertEqual([self.status_of(client) for client in clients], [200] * 8)
        answer = self.weir.get("/trace?port=2")
        self.assertEqual((answer.status, answer.json()["error"]), (503, "8 traces are under way: expected at most so many at once"))
        ids = []
        for client in clients:
            text = b""
            while text.count(b'"id"') < 300:
                part = client.recv(65536)
                self.assertTrue(part, "a trace without limit has ended")
                text += part
            ids.append(set(re.findall(rb'"id":"([0-9a-f]+)"', text)))
            client.close()
        self.assertGreater(len(ids[7]), 5)
        # The capture plays again and again: a flow comes back under other ids, but never under those of another.
        for one in range(7):
            for other in range(one):
                self.assertFalse(ids[one] & ids[other])
        daemon.wait_for("all traces have ended", lambda: self.control()["subscribers"] == 0)
        self.assertEqual(sum("n" in line for line in self.weir.get("/trace?limit=5").lines()), 5)

    def test_a_slow_reader_loses_events_and_is_told(self):
        with self.open("/events") as slow:
            lost = self.control()["subscriber_lost"]
            daemon.wait_for("events are lost for want of room", lambda: self.control()["subscriber_lost"] > lost + 1000)
            self.expect_forwarding()
            text, told = b"", None
            while not told:
                part = slow.recv(65536)
                self.assertTrue(part)
                text += part
                told = re.search(rb'\n\{"lost":(\d+)\}\n', text)
            self.assertGreater(int(told.group(1)), 0)

    def test_a_hundred_readers_of_events_that_read_nothing(self):
        memory = self.weir.memory_kib()
        clients = [self.open("/events") for _ in range(MANY)]
        self.expect_forwarding()
        self.assertLess(self.weir.memory_kib() - memory, 64 * 1024)
        statuses = collections.Counter(self.status_of(client) for client in clients)
        self.assertEqual(statuses, {200: 32, 503: MANY - 32})
        for client in clients:
            client.close()

    def test_a_hundred_idle_clients_and_a_hundred_with_half_a_request(self):
        clients = [self.weir.connect() for _ in range(2 * MANY)]
        for client in clients[MANY:]:
            client.sendall(b"GET /flows HTTP/1.1\r\nHost: we")
        self.expect_forwarding()
        self.assertEqual(self.weir.get("/health").status, 200)
        daemon.wait_for("the silent are sent away", lambda: self.control()["connections"] < MANY)
        for client in clients:
            client.close()

    def test_a_hundred_clients_that_vanish_mid_stream(self):
        for i in range(MANY):
            client = self.open("/events" if i % 2 else "/flows")
            client.recv(100)
            client.close()
        self.expect_forwarding()
        daemon.wait_for("their connections are closed", lambda: self.control()["connections"] == 1)

    def test_what_is_no_request_does_no_harm(self):
        for octets in [b"", b"\r\n\r\n", b"GARBAGE\r\n\r\n", b"\x16\x03\x01\x00\xa5", b"GET /health HTTP/9.9\r\n\r\n", b"GET\r\n\r\n",
                       b"GET /health HTTP/1.1\r\nHost: w\r\nX: " + b"a" * 200000 + b"\r\n\r\n",
                       b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\n\r\n", b"X: y\r\n" * 5000,
                       b"GET /health HTTP/1.1\r\nHost: w\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
                       b"POST /reload HTTP/1.1\r\nHost: w\r\nContent-Length: -1\r\n\r\n",
                       b"POST /reload HTTP/1.1\r\nHost: w\r\nContent-Length: 99999999999999999999999\r\n\r\n",
                       b"POST /reload HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                       b"POST /reload HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"fff\r\n" + b"x" * 4095 + b"\r\n") * 40]:
            with self.weir.connect() as client:
                try:
                    client.sendall(octets)
                    client.shutdown(daemon.socket.SHUT_WR)
                    answer = client.recv(4096)
                except ConnectionError:
                    answer = b""
            self.assertNotIn(b" 200 ", answer[:20], octets[:60])
            self.assertEqual(self.weir.get("/health").status, 200, octets[:60])

    def test_one_connection_serves_many_requests(self):
        connection = daemon.UnixConnection(self.weir.socket)
        for target in ["/health", "/flows?limit=2", "/count", "/nope", "/stats", "/events?limit=5", "/flows/0123456789abcdef"] * 20:
            connection.request("GET", target)
            answer = daemon.Answer(connection.getresponse())
            self.assertIn(answer.status, (200, 404), target)
            [json.loads(line) for line in answer.body.splitlines()]
        connection.close()

    def test_requests_in_a_row_without_waiting(self):
        with self.weir.connect() as client:
            client.sendall(b"GET /count HTTP/1.1\r\nHost: w\r\n\r\n" * 10 + b"GET /count HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n")
            text = b""
            while part := client.recv(65536):
                text += part
        self.assertEqual(text.count(b"HTTP/1.1 200 "), 11)
        self.assertEqual(len(re.findall(rb'\{"count":\d+\}', text)), 11)


class TheEnd(unittest.TestCase):
    def test_readers_get_the_last_events_and_weir_ends(self):
        weir = daemon.Daemon("demo.pcap")
        self.addCleanup(weir.close)
        flows = {flow["id"] for flow in weir.get("/flows").lines()}
        client = weir.connect()
        client.sendall(b"GET /events?kinds=end HTTP/1.0\r\n\r\n")
        daemon.wait_for("it reads", lambda: weir.get("/stats").json()["control"]["subscribers"] == 1)
        weir.signal(daemon.signal.SIGTERM)
        text = b""
        while part := client.recv(65536):
            text += part
        client.close()
        self.assertEqual(weir.stop(), 0)
        events = [json.loads(line) for line in text.split(b"\r\n\r\n", 1)[1].splitlines()]
        ended = {event["flow"]["id"]: event["flow"]["end_reason"] for event in events}
        self.assertLessEqual(set(ended), flows)
        records = {record["id"]: record["end_reason"] for record in weir.records()}
        self.assertGreater(len(ended), 0)
        self.assertEqual(ended, {i: records[i] for i in ended})
        self.assertIn("shutdown", ended.values())


if __name__ == "__main__":
    unittest.main()
