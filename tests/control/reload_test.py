#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Reload by HTTP and by SIGHUP: all or nothing, and log rotation."""
import os
import signal
import unittest

import daemon

POLICY = 'default = "drop"; rules = ( { name = "ping"; action = "allow"; proto = "icmp"; } );\n'

STRICTER = """default = "drop"; rules = (
    { name = "from the other side"; action = "allow"; proto = "tcp"; in = "net_null0"; },
    { name = "ping"; action = "allow"; proto = "icmp"; },
    { name = "what is played"; action = "reject"; proto = "tcp"; in = "net_pcap0"; } );
"""


class Reload(unittest.TestCase):
    def setUp(self):
        self.weir = daemon.Daemon("demo.pcap")
        self.addCleanup(self.weir.close)

    def reload(self):
        answer = self.weir.request("POST", "/reload")
        return answer.status, answer.json()

    def config(self):
        return self.weir.get("/config").json()

    def expect_refused(self, status, *words):
        before = self.config()
        got, answer = self.reload()
        self.assertEqual(got, status, answer)
        told = str(answer)
        for word in words:
            self.assertIn(word, told)
        self.assertEqual(self.config(), before)
        self.assertEqual(self.weir.get("/health").status, 200)

    def test_nothing_new_changes_nothing(self):
        self.assertEqual(self.reload(), (200, {"changed": [], "policy": "none"}))

    def test_timeouts_take_effect_at_once(self):
        waiting = self.weir.get("/count?state=CLOSE-WAIT").json()["count"]
        self.assertGreater(waiting, 0)
        self.weir.write_config("timeouts: { tcp_half_closed = 1; };\n")
        self.assertEqual(self.reload(), (200, {"changed": [{"key": "timeouts.tcp_half_closed", "from": 900, "to": 1}], "policy": "none"}))
        self.assertEqual(self.config()["timeouts"]["tcp_half_closed"], 1)
        daemon.wait_for("half-closed flows time out", lambda: self.weir.get("/count?state=CLOSE-WAIT").json()["count"] == 0)
        self.weir.write_config()
        self.assertEqual(self.reload()[1]["changed"], [{"key": "timeouts.tcp_half_closed", "from": 1, "to": 900}])

    def test_a_broken_file_changes_nothing(self):
        self.weir.write_config("timeouts: { tcp_half_closed = 1; tcp_time_wait = 0; };\n")
        self.expect_refused(422, "weir.conf:5: timeouts.tcp_time_wait = 0: expected 1 to 864000 seconds")
        self.weir.write_config("timeouts: {\n")
        self.expect_refused(422, "syntax error")
        os.remove(self.weir.config)
        self.expect_refused(422, "cannot be read")

    def test_a_broken_policy_changes_nothing(self):
        with open(self.weir.path("policy"), "w", encoding="utf-8") as file:
            file.write("nonsense = 1;\n")
        self.weir.write_config(f'policy: {{ file = "{self.weir.path("policy")}"; }};\ntimeouts: {{ tcp_half_closed = 1; }};\n')
        self.expect_refused(422, "nonsense")
        self.weir.write_config(f'policy: {{ file = "{self.weir.path("none-such")}"; }};\ntimeouts: {{ tcp_half_closed = 1; }};\n')
        self.expect_refused(422, "none-such")

    def test_a_policy_is_loaded_and_dropped_again(self):
        with open(self.weir.path("policy"), "w", encoding="utf-8") as file:
            file.write(POLICY)
        for _ in range(20):
            self.weir.write_config(f'policy: {{ file = "{self.weir.path("policy")}"; }};\n')
            status, answer = self.reload()
            while status == 503:  # the workers have yet to let go of the policy before the last
                status, answer = self.reload()
            self.assertEqual((status, answer.get("policy")), (200, "loaded"), answer)
            self.weir.write_config()
            status, answer = self.reload()
            while status == 503:
                status, answer = self.reload()
            self.assertEqual((status, answer.get("policy")), (200, "none"), answer)

    def count(self, query):
        return self.weir.get("/count?" + query).json()["count"]

    def test_known_flows_are_judged_anew_on_request(self):
        before = {query: self.count(query) for query in ("proto=tcp", "proto=icmp", "")}
        self.assertEqual(self.count("policy=allow"), before[""])
        with open(self.weir.path("policy"), "w", encoding="utf-8") as file:
            file.write(STRICTER)
        self.weir.write_config(f'policy: {{ file = "{self.weir.path("policy")}"; }};\n')
        self.assertEqual(self.reload()[0], 200)
        self.assertEqual(self.count(""), before[""])  # by itself a policy ends nothing
        self.assertEqual(self.count("policy=reject"), before["proto=tcp"])
        self.assertEqual(self.count("policy=allow"), before["proto=icmp"])
        self.assertEqual(self.count("policy=drop"), before[""] - before["proto=tcp"] - before["proto=icmp"])
        answer = self.weir.request("DELETE", "/flows?policy=drop,reject").json()
        self.assertEqual(answer["deleted"], before[""] - before["proto=icmp"])
        self.assertEqual({flow["proto"] for flow in self.weir.get("/flows").lines()}, {"icmp"})
        self.assertEqual(self.weir.get("/count?policy=perhaps").status, 400)

    def test_the_rate_of_answers_can_change(self):
        self.weir.write_config("policy: { reject_rate = 7; };\n")
        self.assertEqual(self.reload(), (200, {"changed": [{"key": "policy.reject_rate", "from": 100, "to": 7}], "policy": "none"}))
        self.assertEqual(self.config()["policy"]["reject_rate"], 7)

    def test_records_of_flows_that_begin_can_be_wanted_and_not(self):
        self.weir.write_config(f'output: {{ flows = "{self.weir.flow_file}"; starts = true; }};\n')
        self.assertEqual(self.reload(), (200, {"changed": [{"key": "output.starts", "from": False, "to": True}], "policy": "none"}))
        self.weir.write_config()
        self.assertEqual(self.reload()[1]["changed"], [{"key": "output.starts", "from": True, "to": False}])

    def test_what_cannot_change_is_told(self):
        self.weir.workers = 2
        self.weir.write_config("timeouts: { tcp_half_closed = 1; };\n")
        self.expect_refused(409, "workers.count", "nothing was changed")

    def test_an_output_that_cannot_be_written_changes_nothing(self):
        self.weir.write_config('timeouts: { tcp_half_closed = 1; };\noutput: { flows = "/none/such"; };\n')
        self.expect_refused(422, "/none/such")
        self.assertEqual(self.weir.request("DELETE", "/flows?all=1").status, 200)
        self.assertEqual(self.weir.stop(), 0)
        self.assertGreater(len(self.weir.records()), 0)

    def test_sighup_rotates_the_flow_file_and_reloads(self):
        self.assertEqual(self.weir.request("DELETE", "/flows?proto=icmp").json()["deleted"], 1)
        daemon.wait_for("the record is written", lambda: self.weir.records())
        first = self.weir.records()
        old = self.weir.path("flows.jsonl.1")
        os.rename(self.weir.flow_file, old)
        self.weir.write_config("timeouts: { udp_stream = 777; };\n")
        self.weir.signal(signal.SIGHUP)
        daemon.wait_for("the file is opened anew", lambda: os.path.exists(self.weir.flow_file))
        daemon.wait_for("the timeout changes", lambda: self.config()["timeouts"]["udp_stream"] == 777)
        self.assertIn("reload: done", self.weir.said())
        with open(old, encoding="utf-8") as file:
            self.assertEqual([daemon.json.loads(line) for line in file], first)
        left = {flow["id"] for flow in self.weir.get("/flows").lines()}
        self.assertEqual(self.weir.stop(), 0)
        self.assertLessEqual({record["id"] for record in self.weir.records()} - {record["id"] for record in first}, left)
        self.assertEqual({record["id"] for record in first} & {record["id"] for record in self.weir.records()}, set())

    def test_sighup_with_a_broken_file_goes_on(self):
        before = self.config()
        self.weir.write_config("timeouts: { udp_stream = 0; };\n")
        self.weir.signal(signal.SIGHUP)
        daemon.wait_for("it is told", lambda: "reload: refused" in self.weir.said())
        self.assertEqual(self.config(), before)


if __name__ == "__main__":
    unittest.main()
