#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""weirctl with a running weir: what it shows is what weir knows, what it changes is changed."""
import json
import os
import signal
import sys

import stub

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "control"))
import daemon  # noqa: E402

LONG = ("timeouts: { udp_unreplied = 864000; udp_stream = 864000; icmp = 864000; other = 864000; tcp_syn_sent = 864000;\n"
        "tcp_syn_received = 864000; tcp_adopted = 864000; tcp_half_closed = 864000; tcp_closing = 864000; tcp_time_wait = 864000;\n"
        "tcp_closed = 864000; };\n")


class Live(stub.Case):
    def start(self, *captures, **options):
        self.daemon = daemon.Daemon(*captures, **options)
        self.addCleanup(self.daemon.close)
        self.path = self.daemon.socket

    def lines(self, *arguments):
        return [json.loads(line) for line in self.expect(0, *arguments, "-o", "json").splitlines()]

    def test_flows_are_listed_counted_found_and_deleted(self):
        self.start("demo.pcap", "forged-blind.pcap", "vlan.pcap", config=LONG, workers=2)
        flows = self.lines("list")
        self.assertGreater(len(flows), 20)
        self.assertEqual(self.expect(0, "count"), f"{len(flows)}\n")
        self.assertEqual(self.lines("stats")[0]["total"]["flows"], len(flows))
        self.assertEqual({row.split()[0] for row in self.expect(0, "list").splitlines()[1:]}, {flow["id"] for flow in flows})
        extended = self.expect(0, "-L", "-o", "extended,id").splitlines()
        self.assertEqual({word[3:] for row in extended for word in row.split() if word.startswith("id=") and len(word) > 10},
                         {flow["id"] for flow in flows})
        self.assertIn(f"{len(flows)} flows", self.expect(0, "health"))
        total, shown = self.lines("stats")[0]["total"], self.expect(0, "stats")
        for name in total:
            if name.endswith("_lost") or name == "annex_full":
                self.assertRegex(shown, rf"\n  {name} +{total[name]}\n")

        refused = self.lines("list", "--refused")
        self.assertGreater(len(refused), 0)
        self.assertLess(len(refused), len(flows))
        self.assertTrue(all(flow["refused_orig"] + flow["refused_resp"] > 0 for flow in refused))
        one = flows[0]
        self.assertIn(one["history"], self.expect(0, "get", one["id"]))
        ends = ["-s", one["src"], "-d", one["dst"], "--sport", str(one["sport"]), "--dport", str(one["dport"]), "-p", one["proto"]]
        turned = ["-d", one["src"], "-s", one["dst"], "--dport", str(one["sport"]), "--sport", str(one["dport"]), "-p", one["proto"]]
        for filter_ in (ends, turned):
            self.assertIn(one["id"], [flow["id"] for flow in self.lines("-G", *filter_)])

        self.expect(0, "delete", one["id"], out="1 flow deleted\n")
        self.expect(3, "get", one["id"], out="", err="no flow")
        self.expect(3, "delete", one["id"], out="", err="no flow")
        self.expect(2, "list", "-s", "1.2.3", out="", err="prefix")
        families = [len(self.lines("list", "-f", family)) for family in ("ipv4", "ipv6")]
        self.assertEqual(sum(families), len(flows) - 1)
        self.expect(0, "-D", "-f", "ipv4", out=f"{families[0]} flow{'s' if families[0] != 1 else ''} deleted\n")
        self.expect(0, "flush", out=f"{families[1]} flow{'s' if families[1] != 1 else ''} deleted\n")
        self.expect(0, "count", out="0\n")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(sum(record["end_reason"] == "flushed" for record in self.daemon.records()), len(flows))
        self.expect(4, "count", out="", err=self.path)

    def test_reload_changes_all_or_nothing(self):
        self.start("demo.pcap", config=LONG)
        self.daemon.write_config(LONG.replace("tcp_closed = 864000", "tcp_closed = 863999"))
        self.expect(0, "reload", out="timeouts.tcp_closed: 864000 -> 863999\n1 key changed, policy none\n")
        self.daemon.write_config("timeouts: { tcp_closed = 0; };\n")
        self.expect(1, "reload", out="", err="timeouts.tcp_closed")
        self.daemon.write_config(LONG)
        self.expect(0, "reload", out="timeouts.tcp_closed: 863999 -> 864000\n1 key changed, policy none\n")

    def test_streams_and_top_under_load(self):
        self.start("http-many.pcap", endless=True)
        kinds = {event["event"] for event in self.lines("events", "--limit", "200") if "event" in event}
        self.assertLessEqual({"new", "state", "end"}, kinds)
        self.assertEqual({event["event"] for event in self.lines("events", "-e", "new", "--limit", "20") if "event" in event}, {"new"})
        packets = [packet for packet in self.lines("trace", "-p", "tcp", "--port", "8080", "--limit", "50") if "n" in packet]
        self.assertGreater(len(packets), 10)
        self.assertLessEqual({packet["verdict"] for packet in packets}, {"forward", "drop"})
        process = self.start_ctl("events")
        self.assertIn("WHAT", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=stub.PATIENCE_SEC)
        self.assertEqual(process.returncode, 0)
        top = self.expect(0, "top", "--once", "--interval", "0.5")
        self.assertRegex(top, r"packets/s +[1-9]")
        self.assertRegex(top, r"load lcore 1 +(100|\d+)\.\d %")
        self.assertIn(":8080", top)


if __name__ == "__main__":
    stub.main()
