#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What weirctl asks for which options, and how it shows the answers."""
import itertools
import json
import re
import time

import stub
from stub import flow, jsonl

# One line of conntrack -o extended, as programs that read it take it apart.
CONNTRACK = re.compile(
    r"(?P<l3>ipv[46]) +(?P<l3n>2|10) (?P<l4>\w+) +(?P<l4n>\d+) (?:(?P<left>\d+) )?(?:(?P<state>[A-Z_0-9]+) )?"
    r"src=(?P<src>\S+) dst=(?P<dst>\S+) (?:sport=(?P<sport>\d+) dport=(?P<dport>\d+) |id=\d+ )?packets=(?P<packets>\d+) bytes=(?P<bytes>\d+) "
    r"(?P<unreplied>\[UNREPLIED\] )?"
    r"src=(?P<rsrc>\S+) dst=(?P<rdst>\S+) (?:sport=(?P<rsport>\d+) dport=(?P<rdport>\d+) |id=\d+ )?packets=\d+ bytes=\d+ "
    r"(?P<assured>\[ASSURED\] )?mark=0 use=1(?P<rest>.*)")


class Requests(stub.Case):
    def expect_asked(self, request, *arguments, answer=""):
        self.weir.asked.clear()
        self.says(" ".join([request.split(" ")[0], request.split(" ")[1].split("?")[0]]), answer)
        self.run_ctl(*arguments)
        self.assertEqual(self.weir.asked, [request], arguments)

    def test_options_become_the_query(self):
        for options, query in [
                ([], ""), (["-s", "192.0.2.0/24"], "?src=192.0.2.0/24"), (["--orig-src=::1"], "?src=::1"),
                (["-d", "::/0", "-p", "TCP"], "?dst=::/0&proto=TCP"), (["-r", "192.0.2.9"], "?dst=192.0.2.9"),
                (["-q", "192.0.2.9"], "?src=192.0.2.9"), (["--addr", "192.0.2.9"], "?addr=192.0.2.9"),
                (["--sport", "1", "--dport", "2", "--port", "3"], "?sport=1&dport=2&port=3"),
                (["--orig-port-src", "1", "--orig-port-dst", "2"], "?sport=1&dport=2"),
                (["-p", "icmpv6"], "?proto=icmp6"), (["--vlan", "none"], "?vlan=none"),
                (["-f", "ipv4"], "?addr=0.0.0.0/0"), (["-f", "ipv6"], "?addr=::/0"), (["-f", "ipv6", "-a", "::1"], "?addr=::1"),
                (["--state", "SYN_SENT,est"], "?state=SYN-SENT,ESTABLISHED"), (["--state=FIN_WAIT"], "?state=FIN-WAIT-1,FIN-WAIT-2"),
                (["--state", "CLOSE"], "?state=CLOSED"), (["--state", "close-wait"], "?state=CLOSE-WAIT"),
                (["--orig-state", "syn_recv"], "?orig_state=SYN-RECEIVED"), (["--resp-state", "TIME_WAIT"], "?resp_state=TIME-WAIT"),
                (["--min-age", "5m", "--max-age", "1.5h"], "?min_age=300.000000&max_age=5400.000000"),
                (["--min-idle", "2d", "--max-idle", "7"], "?min_idle=172800.000000&max_idle=7.000000"),
                (["--refused"], "?refused=1"), (["--refused=7"], "?refused=7"), (["--limit", "3"], "?limit=3"),
                (["-s", "a&b=c d%"], "?src=a%26b%3Dc%20d%25")]:
            self.expect_asked("GET /flows" + query, "list", *options)

    def test_commands_have_conntracks_letters(self):
        for argument in ["list", "dump", "-L", "--list", "--dump"]:
            self.expect_asked("GET /flows?proto=udp", argument, "-p", "udp")
        for argument in ["count", "-C", "--count"]:
            self.expect_asked("GET /count", argument)
        for argument in ["delete", "-D", "--delete"]:
            self.expect_asked("DELETE /flows?src=::1", "-s", "::1", argument)
            self.expect_asked("DELETE /flows/0123456789abcdef", argument, "0123456789abcdef")
        for argument in ["flush", "-F", "--flush"]:
            self.expect_asked("DELETE /flows?all=1", argument)
        for argument in ["events", "event", "-E", "--events", "--event"]:
            self.expect_asked("GET /events?proto=tcp&kinds=new,state,end", argument, "-e", "NEW,UPDATES,DESTROY", "-p", "tcp")
        for argument in ["stats", "-S", "--stats"]:
            self.expect_asked("GET /stats", argument)
        self.expect_asked("GET /trace?addr=::1&limit=5", "trace", "-a", "::1", "--limit", "5")
        self.expect_asked("POST /reload", "reload")
        self.expect_asked("GET /health", "health")

    def test_get_takes_the_ends_either_way_round(self):
        self.says("GET /flows", "")
        self.expect(3, "-G", "-s", "::1", "-d", "::2", "--sport", "1", "--dport", "2", "-p", "tcp", err="no such flow")
        self.assertEqual(self.weir.asked, ["GET /flows?src=::1&dst=::2&sport=1&dport=2&proto=tcp",
                                           "GET /flows?src=::2&dst=::1&sport=2&dport=1&proto=tcp"])

    def test_wrong_usage_asks_nothing(self):
        for arguments, error in [
                ([], "expected a command"), (["lst"], "lst: unknown command"), (["list", "x"], "x: surplus"), (["-L", "-C"], "one command"),
                (["delete"], "flush"), (["delete", "1", "-p", "tcp"], "either"), (["get"], "either"), (["flush", "-p", "tcp"], "not an option"),
                (["list", "--kinds", "new"], "not an option"), (["trace", "--vlan", "1"], "not an option"),
                (["delete", "-p", "tcp", "--limit", "1"], "not an option"), (["list", "--nonsense"], "--nonsense"), (["list", "-s"], "missing"),
                (["list", "-s", "::1", "-s", "::2"], "twice"), (["list", "--state", "OPEN"], "TIME-WAIT"), (["list", "--state", ""], "value"),
                (["list", "--state", "CLOSED,"], "TIME-WAIT"), (["events", "-e", "old"], "refused"), (["list", "--min-age", "5x"], "seconds"),
                (["list", "--min-age", "-5"], "seconds"), (["list", "-o", "xml"], "extended"), (["count", "-o", "extended"], "not for count"),
                (["list", "-f", "ipx"], "ipv4"), (["top"], "--once"), (["top", "--once", "-i", "0"], "0.1"), (["list", "-s", "x" * 500], "shorter"),
                (["top", "--once", "-o", "json"], "stats"), (["count", "--socket", "/" + "x" * 200], "too long")]:
            self.expect(2, *arguments, out="", err=error)
        self.assertEqual(self.weir.asked, [])


class Listings(stub.Case):
    def test_json_is_what_weir_says(self):
        lines = jsonl(flow(), flow(id="b", start=1700000001.000007)).replace(", ", ",")
        self.says("GET /flows", lines)
        self.expect(0, "list", "-o", "json", out=lines)

    def test_a_table_is_aligned(self):
        now = time.time()
        self.says("GET /flows", jsonl(
            flow(start=now - 7500.5, end=now - 70.5),
            flow(id="00000000000000b2", proto="udp", orig_state=None, resp_state=None, src="2001:db8::1", dst="2001:db8::2", sport=5, dport=53,
                 start=now - 200000.5, end=now - 100000.5, refused_orig=2, refused_resp=1, vlan=[100, 7]),
            flow(id="00000000000000c3", proto="47", orig_state=None, resp_state=None, sport=0, dport=0, start=now, end=now)))
        rows = self.expect(0, "list").splitlines()
        self.assertEqual(re.split(" {2,}", rows[0]),
                         ["ID", "PROTO", "SOURCE", "DESTINATION", "STATES", "AGE", "IDLE", "PACKETS", "BYTES", "REFUSED", "VLAN"])
        self.assertEqual(re.split(" {2,}", rows[1]), ["00000000000000a1", "tcp", "192.0.2.1:40000", "192.0.2.2:80",
                                                     "ESTABLISHED / ESTABLISHED", "2h05m", "1m10s", "9", "1300", "0"])
        self.assertEqual(re.split(" {2,}", rows[2]), ["00000000000000b2", "udp", "[2001:db8::1]:5", "[2001:db8::2]:53",
                                                     "2d07h", "1d03h", "9", "1300", "3", "100,7"])
        self.assertEqual(re.split(" {2,}", rows[3])[1:4], ["47", "192.0.2.1", "192.0.2.2"])
        self.assertEqual(len(rows), 4)
        for name in ["SOURCE", "DESTINATION", "STATES"]:
            at = rows[0].index(name)
            self.assertTrue(all(row[at - 1] == " " for row in rows), name)
        self.assertEqual(rows[0].index("REFUSED") + len("REFUSED"), len(rows[1]))

    def test_no_flow_is_missing_from_a_long_table(self):
        self.says("GET /flows", jsonl(*(flow(id=f"{i:016x}", sport=i, src=f"10.{i % 250}.{i % 199}.1") for i in range(1, 3000))))
        rows = self.expect(0, "list").splitlines()
        self.assertEqual([row.split()[0] for row in rows[1:]], [f"{i:016x}" for i in range(1, 3000)])

    def test_nothing_matched(self):
        self.says("GET /flows", "")
        self.expect(0, "list", out="")
        self.expect(0, "list", "--limit", "5", out="")
        self.expect(3, "list", "-p", "udp", out="")
        self.expect(3, "list", "-f", "ipv6", "-o", "json", out="")

    def test_extended_is_read_as_conntracks(self):
        now = time.time()
        self.says("GET /flows", jsonl(
            flow(end=now - 10), flow(proto="udp", orig_state=None, resp_state=None, resp_packets=0, resp_bytes=0, end=now),
            flow(src="2001:db8::1", dst="2001:db8::2", proto="icmp6", orig_state=None, resp_state=None, sport=9, dport=9, end=now - 3600),
            flow(proto="99", orig_state=None, resp_state=None, sport=0, dport=0, end=now)))
        rows = [CONNTRACK.fullmatch(line) for line in self.expect(0, "-L", "-o", "extended").splitlines()]
        self.assertNotIn(None, rows)
        tcp, udp, icmp, other = [row.groupdict() for row in rows]
        self.assertEqual({k: v for k, v in tcp.items() if k not in ("left", "rest")}, {
            "l3": "ipv4", "l3n": "2", "l4": "tcp", "l4n": "6", "state": "ESTABLISHED", "src": "192.0.2.1", "dst": "192.0.2.2", "sport": "40000",
            "dport": "80", "packets": "5", "bytes": "400", "unreplied": None, "rsrc": "192.0.2.2", "rdst": "192.0.2.1", "rsport": "80",
            "rdport": "40000", "assured": "[ASSURED] "})
        self.assertAlmostEqual(int(tcp["left"]), 86390, delta=20)
        self.assertEqual(tcp["rest"], " orig_state=ESTABLISHED resp_state=ESTABLISHED")
        self.assertEqual((udp["l4n"], udp["state"], udp["unreplied"], udp["assured"]), ("17", None, "[UNREPLIED] ", None))
        self.assertLessEqual(int(udp["left"]), 30)
        self.assertEqual((icmp["l3"], icmp["l3n"], icmp["l4"], icmp["l4n"], icmp["left"]), ("ipv6", "10", "icmpv6", "58", "0"))
        self.assertEqual((other["l4"], other["l4n"]), ("unknown", "99"))

    def test_extended_tells_what_only_weir_knows(self):
        self.says("GET /flows", jsonl(flow(vlan=[5, 6], refused_orig=1, refused_resp=2, last_reason="seq-above", resp_state="CLOSE-WAIT",
                                           orig_state="FIN-WAIT-2")))
        line = self.expect(0, "-L", "-o", "extended,id")
        self.assertIn(" CLOSE_WAIT src=", line)
        self.assertTrue(line.endswith(" id=00000000000000a1 vlan=5,6 orig_state=FIN-WAIT-2 resp_state=CLOSE-WAIT refused=3 last_reason=seq-above\n"))

    def test_each_pair_of_states_has_one_of_conntracks(self):
        names = ["CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK",
                 "TIME-WAIT"]
        known = {("SYN-SENT", "SYN-RECEIVED"): "SYN_SENT", ("ESTABLISHED", "SYN-RECEIVED"): "SYN_RECV", ("SYN-SENT", "SYN-SENT"): "SYN_SENT2",
                 ("FIN-WAIT-1", "CLOSE-WAIT"): "FIN_WAIT", ("CLOSE-WAIT", "FIN-WAIT-2"): "CLOSE_WAIT", ("FIN-WAIT-1", "FIN-WAIT-1"): "LAST_ACK",
                 ("FIN-WAIT-2", "LAST-ACK"): "LAST_ACK", ("CLOSING", "CLOSING"): "LAST_ACK", ("TIME-WAIT", "LAST-ACK"): "TIME_WAIT",
                 ("CLOSED", "TIME-WAIT"): "TIME_WAIT", ("CLOSED", "CLOSED"): "CLOSE", ("ESTABLISHED", "ESTABLISHED"): "ESTABLISHED",
                 ("CLOSED", "LISTEN"): "NONE", ("ESTABLISHED", "CLOSED"): "CLOSE", ("SYN-RECEIVED", "SYN-RECEIVED"): "SYN_RECV"}
        pairs = list(itertools.product(names, names))
        self.says("GET /flows", jsonl(*(flow(orig_state=orig, resp_state=resp) for orig, resp in pairs)))
        shown = [CONNTRACK.fullmatch(line)["state"] for line in self.expect(0, "-L", "-o", "extended").splitlines()]
        states = dict(zip(pairs, shown))
        for (orig, resp), state in known.items():
            self.assertEqual((states[orig, resp], states[resp, orig]), (state, state), (orig, resp))
        self.assertEqual(set(shown), {"NONE", "SYN_SENT", "SYN_SENT2", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK",
                                      "TIME_WAIT", "CLOSE"})

    def test_get_tells_all_about_a_flow(self):
        record = flow(vlan=[5], refused_resp=2, last_reason="ack-above", resp_state="CLOSE-WAIT")
        self.says("GET /flows/00000000000000a1", record)
        told = self.expect(0, "get", "00000000000000a1")
        for text in ["00000000000000a1", "tcp, VLAN 5", "192.0.2.1:40000  ESTABLISHED", "192.0.2.2:80  CLOSE-WAIT", "22:13:20.000007",
                     "5 packets, 400 bytes, 0 refused", "4 packets, 900 bytes, 2 refused", "ShADad", "ack-above"]:
            self.assertIn(text, told)
        self.assertEqual(json.loads(self.expect(0, "get", "00000000000000a1", "-o", "json")), record)
        self.assertRegex(self.expect(0, "get", "00000000000000a1", "-o", "extended"), CONNTRACK)


    def test_a_record_is_read_however_its_json_is_written(self):
        flows = [flow(), flow(proto="udp", vlan=[7, 4095], orig_state=None, resp_state=None, src="2001:db8::1", dst="2001:db8::2", sport=0),
                 flow(refused_orig=2**40, refused_resp=3, last_reason="seq-above", orig_bytes=2**56, vlan=[1], history="")]
        plain = jsonl(*flows)
        for written in [
                "".join(json.dumps(item) + "\n" for item in flows),                                            # white space
                jsonl(*[dict(reversed(item.items())) for item in flows]),                                      # another order
                jsonl(*[{"new": {"a": [1, "}"]}, **item, "later": "x"} for item in flows]),                    # more than there was
                plain.replace('"id":"0', '"id":"\\u0030').replace('"192', '"\\u0031\\u0039\\u0032')]:                      # escapes
            for options in [["-o", "extended,id"], []]:
                self.says("GET /flows", plain)
                expected = re.sub(r" +\S+[smhd] +\S+[smhd] +", " ", self.expect(0, "list", *options))
                self.says("GET /flows", written)
                self.assertEqual(re.sub(r" +\S+[smhd] +\S+[smhd] +", " ", self.expect(0, "list", *options)), expected, written)

    def test_what_is_no_record_is_told_and_the_rest_shown(self):
        whole = jsonl(flow())
        for wrong in ["{", "{}", "[]", "null", '{"id":"1"}', whole[:-3], whole[:-1] + "x", '{"id":', whole.strip() * 2,
                      whole.replace(":40000", ":-1x").strip(), whole.replace("[]", "[1,2").strip(), "{" * 3000]:
            self.says("GET /flows", wrong + "\n" + whole)
            self.assertEqual(len(self.expect(0, "list", err="no flow record").splitlines()), 2, wrong)


class Answers(stub.Case):
    def test_count(self):
        self.says("GET /count", {"count": 12345678901})
        self.expect(0, "count", out="12345678901\n")
        self.expect(0, "count", "-o", "json", out='{"count": 12345678901}\n')

    def test_delete_and_flush_say_how_many(self):
        self.says("DELETE /flows", {"matched": 5, "deleted": 3})
        self.expect(0, "delete", "-p", "tcp", out="3 flows deleted; 2 more ended by themselves meanwhile\n")
        self.says("DELETE /flows", {"matched": 1, "deleted": 1})
        self.expect(0, "flush", out="1 flow deleted\n")
        self.says("DELETE /flows", {"matched": 0, "deleted": 0})
        self.expect(3, "delete", "-p", "tcp", out="0 flows deleted\n")
        self.expect(0, "flush", out="0 flows deleted\n")

    def test_reload_tells_what_changed(self):
        self.says("POST /reload", {"changed": [{"key": "timeouts.tcp_time_wait", "from": 30, "to": 60},
                                               {"key": "output.flows", "from": "", "to": "/var/log/flows"}], "policy": "loaded"})
        self.expect(0, "reload", out='timeouts.tcp_time_wait: 30 -> 60\noutput.flows: "" -> "/var/log/flows"\n2 keys changed, policy loaded\n')

    def test_reload_tells_what_is_wrong(self):
        self.says("POST /reload", {"error": "the configuration is wrong", "details": ["weir.conf:12: tracking.flows = 3: expected 64 to 9 flows",
                                                                                      "weir.conf:13: no such key"]}, 422)
        error = self.run_ctl("reload")
        self.assertEqual(error.returncode, 1)
        self.assertEqual([line.split(": ", 1)[1] for line in error.stderr.splitlines()],
                         ["the configuration is wrong", "  weir.conf:12: tracking.flows = 3: expected 64 to 9 flows", "  weir.conf:13: no such key"])
        self.says("POST /reload", {"error": "cannot change", "needs_restart": ["workers.burst"]}, 409)
        self.expect(1, "reload", err="  needs a restart: workers.burst\n")

    def test_health(self):
        self.says("GET /health", {"status": "ok", "version": "1.2.3", "pid": 77, "uptime_sec": 61.5, "workers": 2, "flows": 9, "problems": []})
        self.expect(0, "health", out="ok: weir 1.2.3, pid 77, up 1m01s, 2 workers, 9 flows\n")
        self.says("GET /health", {"status": "failing", "version": "1.2.3", "pid": 77, "uptime_sec": 1.5, "workers": 2, "flows": 9,
                                  "problems": ["worker 1 does not poll"]}, 503)
        self.expect(1, "health", out="failing: weir 1.2.3, pid 77, up 1.5s, 2 workers, 9 flows\n  worker 1 does not poll\n")

    def test_events_in_all_formats(self):
        after = flow(orig_state="SYN-SENT", resp_state="SYN-RECEIVED")
        lines = [{"event": "new", "time": 1700000000.25, "flow": flow(orig_state="CLOSED", resp_state="LISTEN")},
                 {"event": "state", "time": 1700000000.5, "before": ["CLOSED", "LISTEN"], "flow": after}, {"lost": 12},
                 {"event": "refused", "time": 1700000001.75, "reason": "seq-above", "flow": flow(refused_orig=1, last_reason="seq-above")},
                 {"lost": 3, "unfiltered": True},
                 {"event": "end", "time": 1700000002.5, "flow": flow(end_reason="timeout", orig_state="TIME-WAIT", resp_state="CLOSED")}]
        self.says("GET /events", jsonl(*lines[:2]) + "\n\n" + jsonl(*lines[2:]))
        self.expect(0, "events", "-o", "json", out=jsonl(*lines))
        done = self.run_ctl("events")
        rows = [re.split(" {2,}", row) for row in done.stdout.splitlines()]
        self.assertEqual(rows[0], ["TIME", "EVENT", "ID", "PROTO", "SOURCE", "DESTINATION", "STATES", "WHAT"])
        self.assertEqual(rows[1][:2], ["22:13:20.250000", "new"])
        self.assertEqual(rows[2][6:], ["SYN-SENT / SYN-RECEIVED", "was CLOSED / LISTEN"])
        self.assertEqual(rows[3][7:], ["seq-above"])
        self.assertEqual(rows[4][7:], ["timeout after 1.5s, 1300 bytes"])
        self.assertIn("12 events were lost: they are not read fast enough", done.stderr)
        self.assertIn("3 events were lost before anybody asked", done.stderr)
        done = self.run_ctl("-E", "-o", "extended,timestamp").stdout.splitlines()
        self.assertEqual([line[:29] for line in done], ["[1700000000.250000]     [NEW]", "[1700000000.500000]  [UPDATE]",
                                                        "[1700000001.750000] [REFUSED]", "[1700000002.500000] [DESTROY]"])
        for line in done:
            self.assertIsNotNone(CONNTRACK.fullmatch(line[30:]), line)
        self.assertIsNone(CONNTRACK.fullmatch(done[3][30:])["left"])
        self.assertTrue(done[2].endswith(" reason=seq-above"))
        self.assertTrue(done[3].endswith(" end_reason=timeout"))

    def test_trace_in_all_formats(self):
        lines = [{"n": 7, "port": 1, "time": 1700000000.25, "verdict": "drop", "class": "invalid", "reason": "seq-above", "id": "a", "dir": "orig",
                  "orig_state": "ESTABLISHED", "resp_state": "CLOSE-WAIT"}, {"lost": 4},
                 {"n": 8, "port": 0, "time": 1700000000.5, "verdict": "forward", "class": "untracked", "reason": None, "id": None, "dir": None,
                  "orig_state": None, "resp_state": None}]
        self.says("GET /trace", jsonl(*lines))
        self.expect(0, "trace", "-o", "json", out=jsonl(*lines))
        done = self.run_ctl("trace")
        rows = [row.split() for row in done.stdout.splitlines()]
        self.assertEqual(rows[1], ["22:13:20.250000", "1", "7", "drop", "invalid", "orig", "a", "ESTABLISHED", "/", "CLOSE-WAIT", "seq-above"])
        self.assertEqual(rows[2], ["22:13:20.500000", "0", "8", "forward", "untracked"])
        self.assertIn("4 packets were lost", done.stderr)


if __name__ == "__main__":
    stub.main()
