#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the control core tells: every path, every filter, and that the numbers of all its ways of telling add up."""
import collections
import ipaddress
import json
import os
import re
import shutil
import socket
import subprocess
import unittest

import daemon

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
CAPTURES = ["demo.pcap", "forged-blind.pcap", "vlan.pcap", "qinq.pcap"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def by_id(flows):
    """Flows in an order that is the same for any number of workers; an answer, or a list of them."""
    return sorted(flows if isinstance(flows, list) else flows.lines(), key=lambda flow: flow["id"])


def samples(text):
    """[(name, labels, value)] of a page of metrics."""
    rows = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
            rows.append((name, dict(re.findall(r'(\w+)="([^"]*)"', labels or "")), float(value)))
    return rows


def sum_of(rows, name, **labels):
    return sum(value for have, given, value in rows if have == name and all(given.get(k) == v for k, v in labels.items()))


class Api(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.weir = daemon.Daemon(*CAPTURES, control=f'http_tcp = "127.0.0.1:{cls.port}";', workers=2,
                                 config="timeouts: { udp_unreplied = 864000; udp_stream = 864000; icmp = 864000; other = 864000;\n"
                                 "tcp_syn_sent = 864000; tcp_syn_received = 864000; tcp_adopted = 864000; tcp_half_closed = 864000;\n"
                                 "tcp_closing = 864000; tcp_time_wait = 864000; tcp_closed = 864000; };\n")
        cls.flows = cls.weir.get("/flows").lines()

    @classmethod
    def tearDownClass(cls):
        cls.weir.close()

    def ids(self, query):
        answer = self.weir.get("/flows?" + query)
        self.assertEqual(answer.status, 200, answer.body)
        return sorted(flow["id"] for flow in answer.lines())

    def expect_filter(self, query, condition, least=1):
        wanted = sorted(flow["id"] for flow in self.flows if condition(flow))
        self.assertGreaterEqual(len(wanted), least, query)
        self.assertLess(len(wanted), len(self.flows), query)
        self.assertEqual(self.ids(query), wanted, query)
        self.assertEqual(self.weir.get("/count?" + query).json(), {"count": len(wanted)}, query)

    def expect_error(self, status, answer, *words):
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertEqual(list(answer.json()), ["error"])
        for word in words:
            self.assertIn(word, answer.json()["error"])

    def test_a_listing_has_every_flow_once(self):
        self.assertGreater(len(self.flows), 30)
        self.assertEqual(len({flow["id"] for flow in self.flows}), len(self.flows))
        self.assertEqual({flow["end_reason"] for flow in self.flows}, {"active"})

    def test_filters_pick_what_they_say(self):
        def inside(flow, end, prefix):
            return ipaddress.ip_address(flow[end]) in ipaddress.ip_network(prefix)
        for prefix in ["192.0.2.1", "192.0.2.2", "192.0.2.64/26", "2001:db8::1", "2001:db8::/32"]:
            self.expect_filter(f"addr={prefix}", lambda f, p=prefix: inside(f, "src", p) or inside(f, "dst", p))
        self.expect_filter("src=2001:db8::1", lambda f: f["src"] == "2001:db8::1")
        self.expect_filter("dst=192.0.2.64/26", lambda f: inside(f, "dst", "192.0.2.64/26"))
        self.expect_filter("dport=8080", lambda f: f["dport"] == 8080)
        self.expect_filter("sport=500", lambda f: f["sport"] == 500)
        port = self.flows[0]["sport"]
        self.expect_filter(f"port={port}", lambda f: port in (f["sport"], f["dport"]))
        self.expect_filter("proto=udp", lambda f: f["proto"] == "udp")
        self.expect_filter("proto=58", lambda f: f["proto"] == "icmp6")
        tag = next(flow["vlan"] for flow in self.flows if len(flow["vlan"]) == 2)[1]
        self.expect_filter(f"vlan={tag}", lambda f: tag in f["vlan"])
        self.expect_filter("vlan=none", lambda f: f["vlan"] == [])
        self.expect_filter("state=close-wait", lambda f: "CLOSE-WAIT" in (f["orig_state"], f["resp_state"]))
        self.expect_filter("orig_state=TIME-WAIT", lambda f: f["orig_state"] == "TIME-WAIT")
        self.expect_filter("resp_state=CLOSED,SYN-RECEIVED", lambda f: f["resp_state"] in ("CLOSED", "SYN-RECEIVED"))
        self.expect_filter("refused=1", lambda f: f["refused_orig"] + f["refused_resp"] >= 1)
        self.expect_filter("proto=tcp&src=192.0.2.1&state=CLOSED",
                           lambda f: f["proto"] == "tcp" and f["src"] == "192.0.2.1" and "CLOSED" in (f["orig_state"], f["resp_state"]))

    def test_ages_are_counted_from_now(self):
        self.assertEqual(self.ids("max_age=100000"), self.ids(""))
        self.assertEqual(self.ids("min_age=100000"), [])
        self.assertEqual(self.ids("min_idle=100000"), [])
        # Ten seconds lie far from every packet that the test could race with.
        start = sorted(flow["start"] for flow in self.flows)
        now = self.weir.get("/stats").json()["time"]
        gap, low = max((b - a, a) for a, b in zip(start, start[1:]))
        older = sorted(flow["id"] for flow in self.flows if flow["start"] <= low)
        if gap > 1:
            self.assertEqual(self.ids(f"min_age={now - low - gap / 2:.6f}"), older)

    def test_a_limit_ends_a_listing(self):
        self.assertEqual(len(self.ids("limit=7")), 7)
        self.assertEqual(len(self.ids("limit=4294967295")), len(self.flows))

    def test_a_flow_is_found_by_its_id(self):
        for flow in self.flows[::7]:
            answer = self.weir.get("/flows/" + flow["id"])
            self.assertEqual((answer.status, answer.json()), (200, flow))
        self.expect_error(404, self.weir.get("/flows/0123456789abcdef"), "no flow")
        for wrong in ["x", "", "0123456789abcdef0", "0x23456789abcdef", "0" * 16]:
            self.expect_error(400, self.weir.get("/flows/" + wrong), "16")

    def test_wrong_parameters_are_told(self):
        for query, word in [("src=1.2.3", "prefix"), ("src=1.2.3.4/33", "prefix"), ("dst=::/129", "prefix"), ("addr=", "prefix"),
                            ("sport=65536", "65535"), ("dport=-1", "port"), ("proto=tpc", "tcp"), ("proto=256", "255"),
                            ("vlan=4095", "4094"), ("state=OPEN", "TCP states"), ("state=CLOSED,", "TCP states"),
                            ("min_age=nan", "seconds"), ("max_age=-1", "seconds"), ("min_idle=1e99", "seconds"), ("refused=x", "number"),
                            ("limit=0", "4294967295"), ("limit=4294967296", "4294967295"), ("src", "prefix"), ("from=::1", "unknown"),
                            ("proto=tcp&proto=udp", "twice"), ("all=1", "unknown"), ("kinds=new", "unknown")]:
            self.expect_error(400, self.weir.get("/flows?" + query), word)
        self.expect_error(400, self.weir.get("/count?limit=1"), "unknown")
        self.expect_error(400, self.weir.get("/stats?pretty=1"), "unknown")
        self.expect_error(400, self.weir.get("/events?kinds=new,old"), "state, end")
        self.expect_error(400, self.weir.get("/trace?vlan=1"), "unknown")
        self.expect_error(400, self.weir.get("/trace?addr=::1&port=1"), "alone")
        self.expect_error(400, self.weir.get("/trace?src=::1&dst=1.2.3.4"), "family")
        self.expect_error(400, self.weir.request("DELETE", "/flows"), "all=1")
        self.expect_error(400, self.weir.request("DELETE", "/flows?all=1&proto=tcp"), "not both")
        self.expect_error(400, self.weir.request("DELETE", "/flows?proto=tcp&limit=1"), "unknown")
        self.expect_error(400, self.weir.request("DELETE", "/flows?all=0"), "expected 1")
        self.assertEqual(by_id(self.weir.get("/flows")), by_id(self.flows))

    def test_wrong_methods_and_paths_are_told(self):
        for path, method, allowed in [("/health", "POST", "GET, HEAD"), ("/stats", "DELETE", "GET, HEAD"), ("/flows", "PUT", "GET, DELETE"),
                                      ("/flows/0123456789abcdef", "POST", "GET, DELETE"), ("/events", "HEAD", "GET"),
                                      ("/reload", "GET", "POST"), ("/count", "BREW", "GET")]:
            answer = self.weir.request(method, path)
            self.assertEqual((answer.status, answer.headers["Allow"]), (405, allowed), path)
        for path in ["/", "/flow", "/flowsx", "/stats/", "/../etc/passwd", "/%00"]:
            self.expect_error(404, self.weir.get(path), "/flows/ID")
        head = self.weir.request("HEAD", "/config")
        self.assertEqual((head.status, head.body), (200, b""))

    def test_requests_too_large_are_told(self):
        self.expect_error(414, self.weir.get("/flows?src=" + "1" * 9000), "8192")
        self.expect_error(431, self.weir.get("/health", headers={"X-Long": "x" * 20000}), "16384")
        raw = self.weir.ask_raw(b"POST /reload HTTP/1.1\r\nHost: weir\r\nContent-Length: 70000\r\n\r\n")
        self.assertRegex(raw, rb'(?s)^HTTP/1.1 413 .*\{"error":"no request needs a body"\}')
        self.assertEqual(self.weir.request("POST", "/reload", body=b"x" * 1000).status, 200)

    def test_tcp_reads_and_changes_nothing(self):
        def over_tcp(method, target):
            connection = daemon.http.client.HTTPConnection("127.0.0.1", self.port, timeout=daemon.PATIENCE_SEC)
            connection.request(method, target)
            answer = daemon.Answer(connection.getresponse())
            connection.close()
            return answer
        self.assertEqual(by_id(over_tcp("GET", "/flows")), by_id(self.flows))
        self.assertEqual(over_tcp("GET", "/health").status, 200)
        for method, target in [("DELETE", "/flows?all=1"), ("DELETE", "/flows/" + self.flows[0]["id"]), ("POST", "/reload")]:
            self.expect_error(403, over_tcp(method, target), "Unix socket")
        self.assertEqual(by_id(over_tcp("GET", "/flows")), by_id(self.flows))

    def test_numbers_add_up(self):
        stats, rows = self.weir.get("/stats").json(), samples(self.weir.get("/metrics").body.decode())
        total, flows = stats["total"], self.flows
        self.assertEqual(total["packets"], self.weir.packets)
        self.assertEqual(total["rx_packets"], self.weir.packets)
        self.assertEqual(stats["ports"][0]["rx_packets"], self.weir.packets)
        self.assertEqual(stats["ports"][0]["rx_bytes"], total["rx_bytes"])
        self.assertEqual(sum(total["reasons"].values()), self.weir.packets)
        self.assertEqual(sum(total["verdicts"].values()), self.weir.packets)
        self.assertEqual(stats["ports"][1]["tx_packets"], total["verdicts"]["forward"])
        self.assertEqual(total["flows"], len(flows))
        self.assertEqual(sum(table["flows"] for table in total["tables"]), len(flows))
        self.assertEqual(total["created"] - sum(total["ended"].values()), len(flows))
        states = collections.Counter((flow["orig_state"], flow["resp_state"]) for flow in flows if flow["proto"] == "tcp")
        self.assertEqual({(row["orig"], row["resp"]): row["flows"] for row in total["states"]}, states)
        self.assertEqual(total["protocols"]["tcp"], sum(states.values()))
        self.assertEqual(total["protocols"]["udp"], sum(flow["proto"] == "udp" for flow in flows))
        self.assertEqual(total["protocols"]["icmp"], sum(flow["proto"].startswith("icmp") for flow in flows))
        self.assertEqual(sum(row["count"] * 1 for row in total["poll_cycles"]) >= total["polls"] - len(stats["workers"]), True)
        for name in ["packets", "rx_packets", "flows", "created"]:
            self.assertEqual(sum(worker[name] for worker in stats["workers"]), total[name], name)
        self.assertEqual(sum_of(rows, "weir_packets_total"), self.weir.packets)
        self.assertEqual(sum_of(rows, "weir_bytes_total"), total["bytes"])
        self.assertEqual(sum_of(rows, "weir_port_received_packets_total", port="net_pcap0"), self.weir.packets)
        self.assertEqual(sum_of(rows, "weir_burst_packets_sum"), self.weir.packets)
        self.assertEqual(sum_of(rows, "weir_flows"), len(flows))
        self.assertEqual(sum_of(rows, "weir_table_flows"), len(flows))
        self.assertEqual(sum_of(rows, "weir_tcp_flows"), sum(states.values()))
        for reason, packets in total["reasons"].items():
            self.assertEqual(sum_of(rows, "weir_reasons_total", reason=reason), packets, reason)
        for (orig, resp), count in states.items():
            self.assertEqual(sum_of(rows, "weir_tcp_flows", orig_state=orig, resp_state=resp), count)
        for verdict, packets in total["verdicts"].items():
            self.assertEqual(sum_of(rows, "weir_packets_total", verdict=verdict), packets, verdict)
        for reason, count in total["ended"].items():
            self.assertEqual(sum_of(rows, "weir_flows_ended_total", reason=reason), count, reason)
        for protocol, count in total["protocols"].items():
            self.assertEqual(sum_of(rows, "weir_flows", protocol=protocol), count, protocol)
        self.assertEqual(sum_of(rows, "weir_flows_created_total"), total["created"])
        self.assertEqual(sum_of(rows, "weir_steered_packets_total"), total["handed_out"])
        self.assertGreater(total["handed_out"], 0)
        self.assertEqual(total["handed_in"], total["handed_out"])
        for what, name in [("record", "records_lost"), ("event", "events_lost"), ("trace", "trace_lost"), ("steered_packet", "steer_lost"),
                           ("annex", "annex_full"), ("captured_packet", "capture_lost")]:
            self.assertEqual(sum_of(rows, "weir_lost_total", what=what), total[name], what)
        for name in ["inbox", "outgoing"]:
            self.assertEqual(sum_of(rows, f"weir_{name}_capacity"), total[name]["size"], name)
        self.assertEqual(sum_of(rows, "weir_annex_capacity"), total["annex"]["size"])
        bursts = 0
        for bucket in total["burst_fill"]:
            bursts += bucket["count"]
            self.assertEqual(sum_of(rows, "weir_burst_packets_bucket", le=f"{bucket['le']}.0"), bursts, bucket)
        for port in stats["ports"]:
            for name, metric in [("rx_packets", "received_packets"), ("rx_bytes", "received_bytes"), ("tx_packets", "sent_packets"),
                                 ("tx_bytes", "sent_bytes"), ("tx_lost", "send_lost_packets"), ("rx_missed", "receive_missed_packets"),
                                 ("rx_errors", "receive_errors"), ("rx_no_buffer", "receive_no_buffer")]:
                self.assertEqual(sum_of(rows, f"weir_port_{metric}_total", port=port["name"]), port[name], (port["name"], name))
        moving = {"polls", "polls_idle", "swept", "busy_cycles", "idle_cycles"}
        for worker in stats["workers"]:
            here = [row for row in rows if row[1].get("worker") == str(worker["id"])]
            for name, metric in [("polls", "polls"), ("polls_idle", "idle_polls"), ("swept", "swept_records"), ("busy_cycles", "busy_cycles")]:
                self.assertGreaterEqual(sum_of(here, f"weir_{metric}_total"), worker[name], name)
            self.assertLessEqual(moving, set(worker))
        refused = sum(flow["refused_orig"] + flow["refused_resp"] for flow in flows)
        self.assertGreater(refused, 0)
        self.assertGreaterEqual(total["verdicts"]["drop"], refused)

    def expect_same_numbers(self, told, numbers):
        """Telemetry's numbers of one or all workers against those of /stats; those that move only grow."""
        for name, value in numbers.items():
            if name in ("polls", "polls_idle", "swept", "busy_cycles", "idle_cycles"):
                self.assertGreaterEqual(told[name], value, name)
            elif name in ("inbox", "outgoing", "annex"):
                self.assertEqual((told[f"{name}_used"], told[f"{name}_size"]), (value["used"], value["size"]), name)
            elif name in ("verdicts", "ended", "protocols"):
                group = {"verdicts": "verdict", "ended": "ended", "protocols": "protocol"}[name]
                self.assertEqual({f"{group}/{key}".replace("-", "_"): count for key, count in value.items()},
                                 {key: count for key, count in told.items() if key.startswith(group + "/")})
            elif name == "burst_fill":
                self.assertEqual([told[f"burst_fill/{row['le']}"] for row in value], [row["count"] for row in value])
            elif name == "poll_cycles":
                self.assertGreaterEqual(sum(told[f"poll_cycles/{row['le']}"] for row in value), sum(row["count"] for row in value))
            elif name == "idle_share":
                self.assertGreaterEqual(told["idle_percent"] + 1, int(100 * value))
            elif name == "cycles_per_packet":
                self.assertEqual(told[name], int(value))
            elif name == "tables":
                self.assertEqual([(told[f"table{row['family']}_flows"], told[f"table{row['family']}_capacity"]) for row in value],
                                 [(row["flows"], row["capacity"]) for row in value])
            elif name not in ("reasons", "states", "id"):
                self.assertEqual(told[name], value, name)

    def test_telemetry_says_the_same(self):
        stats = self.weir.get("/stats").json()
        total = stats["total"]
        told = self.weir.telemetry("/weir/stats")
        self.expect_same_numbers(told, total)
        for name, value in stats["control"].items():
            if name not in ("connections", "requests"):
                self.assertEqual(told[name], value, name)
        self.assertGreaterEqual(told["requests"], stats["control"]["requests"])
        self.assertEqual((told["mempool_used"], told["mempool_size"]), (stats["mempool"]["used"], stats["mempool"]["size"]))
        for worker in stats["workers"]:
            self.expect_same_numbers(self.weir.telemetry(f"/weir/workers,{worker['id']}"), worker)
        self.assertEqual(self.weir.telemetry("/weir/ports"), [port["port"] for port in stats["ports"]])
        for port in stats["ports"]:
            self.assertEqual(self.weir.telemetry(f"/weir/ports,{port['port']}"),
                             {name: value for name, value in port.items() if name not in ("port", "name", "peer", "mode")})
        self.assertEqual(told["verdict/forward"], total["verdicts"]["forward"])
        self.assertEqual({name: count for name, count in told.items() if name.startswith("state/")},
                         {f"state/{row['orig']}/{row['resp']}".replace("-", "_"): row["flows"] for row in total["states"]})
        self.assertEqual({name.replace("-", "_"): count for name, count in total["reasons"].items()}, self.weir.telemetry("/weir/reasons"))
        self.assertEqual(self.weir.telemetry("/weir/workers"), [0, 1])
        workers = [self.weir.telemetry(f"/weir/workers,{i}") for i in range(2)]
        self.assertEqual(sum(worker["packets"] for worker in workers), total["packets"])
        self.assertEqual(self.weir.telemetry("/weir/health")["status"], "ok")
        self.assertEqual(self.weir.telemetry("/weir/config")["control/http_socket"], self.weir.socket)
        self.assertEqual(set(self.weir.telemetry("/weir/flows")), {flow["id"] for flow in self.flows})
        self.assertEqual(set(self.weir.telemetry("/weir/flows,proto=tcp&dport=8080")),
                         {flow["id"] for flow in self.flows if (flow["proto"], flow["dport"]) == ("tcp", 8080)})
        self.assertEqual(len(self.weir.telemetry("/weir/flows,limit=3")), 3)
        for wrong in ["/weir/workers,2", "/weir/workers,x", "/weir/ports,2", "/weir/ports,-1", "/weir/flows,proto=tpc", "/weir/flows,foo=1"]:
            self.assertIsNone(self.weir.telemetry(wrong), wrong)

    def test_metrics_are_well_formed_and_documented(self):
        answer = self.weir.get("/metrics")
        self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        text = answer.body.decode()
        types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        helps = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE))
        with open(os.path.join(ROOT, "docs", "metrics.md"), encoding="utf-8") as file:
            rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", file.read(), re.MULTILINE)
        self.assertEqual({name: kind for name, kind, _, _ in rows}, types)
        self.assertEqual({name: text for name, _, _, text in rows}, helps)
        labels = collections.defaultdict(set)
        for name, given, _ in samples(text):
            labels[name if name in types else re.sub(r"_(bucket|sum|count)$", "", name)] |= set(given) - {"le"}
        self.assertEqual({name: set(re.findall(r"`(\w+)`", given)) for name, _, given, _ in rows}, labels)
        if shutil.which("promtool"):
            checked = subprocess.run(["promtool", "check", "metrics"], input=answer.body, capture_output=True, check=False)
            self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, b""))

    def test_every_number_is_documented(self):
        with open(os.path.join(ROOT, "docs", "http-api.md"), encoding="utf-8") as file:
            block = file.read().split("## Numbers in `/stats`", 1)[1].split("## ", 1)[0]
        words, groups = set(re.findall(r"[a-z_0-9]+", block)), ("verdicts", "reasons", "ended", "protocols")

        def names(value):
            for name, inner in value.items() if isinstance(value, dict) else []:
                yield name
                yield from names(inner) if name not in groups else []
            for inner in value if isinstance(value, list) else []:
                yield from names(inner)
        self.assertEqual(set(names(self.weir.get("/stats").json())) - words, set())

    def test_openmetrics_is_given_to_whoever_asks(self):
        answer = self.weir.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"})
        self.assertIn("application/openmetrics-text; version=1.0.0", answer.headers["Content-Type"])
        text = answer.body.decode()
        self.assertTrue(text.endswith("\n# EOF\n"))
        types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        plain = {(name, tuple(sorted(labels.items()))) for name, labels, _ in samples(self.weir.get("/metrics").body.decode())}
        self.assertEqual({(name, tuple(sorted(labels.items()))) for name, labels, _ in samples(text)}, plain)
        for name, _, _ in samples(text):
            family = name if name in types else re.sub(r"_(bucket|sum|count|total)$", "", name)
            self.assertIn(family, types, name)
            self.assertEqual(types[family] == "counter", name.endswith("_total"), name)

    def test_health_and_config(self):
        answer = self.weir.get("/health")
        health = answer.json()
        self.assertEqual((answer.status, health["status"], health["problems"]), (200, "ok", []))
        self.assertEqual((health["pid"], health["workers"], health["flows"]), (self.weir.process.pid, 2, len(self.flows)))
        config = self.weir.get("/config").json()
        self.assertEqual(config["tracking"]["flows"], 65536)
        self.assertEqual(config["control"], {"http_socket": self.weir.socket, "http_mode": "0660", "http_group": "",
                                             "http_tcp": f"127.0.0.1:{self.port}"})

    def test_the_socket_has_its_mode_and_is_not_taken_over(self):
        self.assertEqual(os.stat(self.weir.socket).st_mode & 0o7777, 0o660)
        second = subprocess.run([daemon.WEIR, "--lcores", "0@0,1@0,2@0", "--no-huge", "--no-shconf", "--no-telemetry", "-m", "256", "--no-pci",
                                 "--vdev", "net_null0,no-rx=1", "--vdev", "net_pcap0,rx_pcap=" + self.weir.path("in.pcap"), "--",
                                 "--config", self.weir.config, "--flows", self.weir.path("second"), "--quiet"],
                                capture_output=True, text=True, check=False, timeout=daemon.PATIENCE_SEC)
        self.assertEqual(second.returncode, 1, second.stderr)
        self.assertIn("somebody listens there already", second.stderr)
        self.assertEqual(self.weir.get("/health").status, 200)


class Deletion(unittest.TestCase):
    def setUp(self):
        self.weir = daemon.Daemon(*CAPTURES)
        self.addCleanup(self.weir.close)

    def test_what_is_deleted_is_recorded_as_flushed(self):
        flows = {flow["id"]: flow for flow in self.weir.get("/flows").lines()}
        waits = {i for i, flow in flows.items() if flow["proto"] == "tcp" and flow["vlan"]}
        one = next(i for i, flow in flows.items() if not flow["vlan"] and flow["proto"] == "tcp")
        self.assertGreater(len(waits), 1)
        tags = {flow["vlan"][0] for flow in flows.values() if flow["vlan"]}
        deleted = [self.weir.request("DELETE", f"/flows?proto=tcp&vlan={tag}").json() for tag in tags]
        self.assertEqual(sum(answer["deleted"] for answer in deleted), len(waits))
        self.assertEqual(self.weir.request("DELETE", "/flows/" + one).json(), {"matched": 1, "deleted": 1})
        self.assertEqual(self.weir.request("DELETE", "/flows/" + one).status, 404)
        left = {flow["id"] for flow in self.weir.get("/flows").lines()}
        self.assertEqual(left & (waits | {one}), set())
        rest = self.weir.request("DELETE", "/flows?all=1").json()
        self.assertEqual(rest["matched"], rest["deleted"])
        self.assertEqual(self.weir.get("/count").json(), {"count": 0})
        stats = self.weir.get("/stats").json()["total"]
        self.assertEqual(stats["flows"], 0)
        self.assertEqual(self.weir.stop(), 0)
        records = self.weir.records()
        flushed = {record["id"] for record in records if record["end_reason"] in ("flushed", "fin", "rst")}
        self.assertLessEqual(waits | {one}, flushed)
        self.assertEqual(len(records), stats["created"])
        self.assertEqual(sum(record["end_reason"] == "flushed" for record in records), stats["ended"]["flushed"])
        passed = sum(record["orig_packets"] + record["resp_packets"] for record in records)
        refused = sum(record["refused_orig"] + record["refused_resp"] for record in records)
        no_flow = stats["reasons"]["not-ip"] + stats["reasons"]["not-tracked"]
        self.assertEqual(passed + refused + no_flow, stats["packets"])
        self.assertEqual(refused, stats["verdicts"]["drop"])
        self.assertFalse(os.path.exists(self.weir.socket))


if __name__ == "__main__":
    unittest.main()
