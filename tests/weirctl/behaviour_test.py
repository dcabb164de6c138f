#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How weirctl fails, streams, ends, and uses a terminal."""
import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

import stub
from stub import flow, jsonl

NOBODY = 65534


def stats(step):
    """An answer to GET /stats, the step-th; each second has the same growth."""
    def worker(number):
        return {"id": number, "lcore": number + 1, "busy_cycles": 250 * step, "idle_cycles": 750 * step, "rx_packets": 500 * step}
    total = {"rx_packets": 1000 * step, "rx_bytes": 125000 * step, "tx_packets": 900 * step, "created": 50 * step, "flows": 4321,
             "ended": {"fin": 20 * step, "rst": 10 * step}, "verdicts": {"forward": 900 * step, "drop": 70 * step, "answer": 30 * step},
             "reasons": {"none": 900 * step, "seq-above": 70 * step, "policy": 30}, "protocols": {"tcp": 4000, "udp": 321},
             "states": [{"orig": "ESTABLISHED", "resp": "ESTABLISHED", "flows": 3000}, {"orig": "FIN-WAIT-2", "resp": "CLOSE-WAIT", "flows": 1000}],
             "tables": [{"family": 4, "flows": 4321, "capacity": 100000}]}
    return {"version": "1.2.3", "uptime_sec": float(step), "total": total, "workers": [worker(0), worker(1)], "ports": [], "control": {}}


class Terminal:
    """weirctl on a terminal of its own."""

    def __init__(self, case, *arguments, size=(40, 120), **more):
        self.master, slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        environment = {**case.environment(), "TERM": "xterm", **more}
        if "NO_COLOR" not in more:
            environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen([stub.WEIRCTL, *arguments], stdin=slave, stdout=slave, stderr=slave, env=environment)
        self.text = ""
        case.addCleanup(self.close)

    def resize(self, lines, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read_some(self, patience):
        if select.select([self.master], [], [], patience)[0]:
            try:
                self.text += os.read(self.master, 65536).decode(errors="replace")
                return True
            except OSError:
                pass
        return False

    def wait_for(self, text, since=0):
        end = time.monotonic() + stub.PATIENCE_SEC
        while text not in self.text[since:]:
            self.read_some(0.1)
            if time.monotonic() > end:
                raise AssertionError(f"{text!r} has not come: {self.text[-3000:]!r}")
        return len(self.text)

    def press(self, keys):
        os.write(self.master, keys.encode())

    def end(self):
        """Everything to the end; returns the exit status."""
        end = time.monotonic() + stub.PATIENCE_SEC
        while self.process.poll() is None and time.monotonic() < end:
            self.read_some(0.05)
        while self.read_some(0.05):
            pass
        return self.process.wait(1)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


class Failures(stub.Case):
    def test_no_socket(self):
        missing = os.path.join(self.folder, "missing")
        for command in (["list"], ["health"], ["flush"], ["events"], ["top", "--once"]):
            self.expect(4, *command, "--socket", missing, out="", err="no such socket: is weir running, with this path as control.http_socket?")

    def test_nobody_listens(self):
        dead = os.path.join(self.folder, "dead")
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(dead)
        self.expect(4, "count", "--socket", dead, out="", err="nobody listens there: weir has ended")

    def test_permission(self):
        if os.getuid() != 0:
            self.skipTest("becoming another user needs root")
        self.says("GET /count", {"count": 1})
        os.chmod(self.path, 0o660)
        program = os.path.join(self.folder, "weirctl")
        with open(stub.WEIRCTL, "rb") as old, open(program, "wb") as new:
            new.write(old.read())
        os.chmod(program, 0o755)
        done = subprocess.run([program, "count"], env=self.environment(), capture_output=True, text=True, check=False,
                              preexec_fn=lambda: (os.setgroups([]), os.setgid(NOBODY), os.setuid(NOBODY)))
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("permission denied: expected a member of the socket's group, or root", done.stderr)

    def test_what_answers_is_no_weir(self):
        self.says("GET /count", "<html>hello</html>")
        self.expect(1, "count", out="", err="what answers there is not weir")
        self.says("GET /flows", "<html>no</html>", 404)
        self.expect(1, "list", out="", err="weir answered 404, without a reason")
        self.says("GET /flows", "<html>yes</html>\n")
        self.expect(0, "list", out="", err="no flow record: <html>")

    def test_errors_are_told_and_have_their_status(self):
        for status, expected in [(400, 2), (403, 1), (409, 1), (500, 1), (503, 1)]:
            for request, command in [("GET /flows", "list"), ("GET /count", "count"), ("GET /events", "events"), ("GET /stats", "stats")]:
                self.says(request, {"error": "this is why"}, status)
                for output in ("table", "json"):
                    self.expect(expected, command, "-o", output, out="", err="this is why")
        self.says("GET /flows/0123456789abcdef", {"error": "no flow has this id"}, 404)
        self.expect(3, "get", "0123456789abcdef", out="", err="no flow has this id")
        self.says("DELETE /flows/0123456789abcdef", {"error": "no flow has this id"}, 404)
        self.expect(3, "delete", "0123456789abcdef", out="", err="no flow has this id")

    def test_a_listing_that_breaks_off_fails(self):
        def broken(handler):
            handler.chunk(jsonl(flow()))
            handler.close_connection = True
        self.says("GET /flows", broken)
        self.assertEqual(self.expect(1, "list", "-o", "json", err="weir broke off its answer"), jsonl(flow()))
        self.assertIn("192.0.2.1", self.expect(1, "list", err="weir broke off its answer"))

    def test_output_that_cannot_be_written_fails(self):
        self.says("GET /flows", jsonl(*(flow(id=str(i)) for i in range(1000))))
        self.says("GET /count", {"count": 1})
        for command in ("list", "count"):
            with open("/dev/full", "w", encoding="utf-8") as full:
                done = subprocess.run([stub.WEIRCTL, command], env=self.environment(), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, 1, command)
            self.assertIn("standard output: No space left on device", done.stderr)


class Streams(stub.Case):
    """A stream that weir leaves open, until the test says that it may end."""

    def setUp(self):
        super().setUp()
        self.may_end = threading.Event()
        self.addCleanup(self.may_end.set)

    def stream(self, *lines):
        def body(handler):
            for line in lines:
                handler.chunk(line)
            self.may_end.wait(stub.PATIENCE_SEC)
            handler.whole()
        return body

    def test_lines_come_as_they_are_sent_and_interruption_is_the_end(self):
        event = jsonl({"event": "new", "time": 1.5, "flow": flow()})
        self.says("GET /events", self.stream(event[:50], event[50:]))
        self.says("GET /trace", self.stream(jsonl({"n": 1, "verdict": "drop"})))
        for command, number in [("events", signal.SIGINT), ("events", signal.SIGTERM), ("trace", signal.SIGINT)]:
            process = self.start_ctl(command, "-o", "json")
            self.assertIn("{", process.stdout.readline())
            process.send_signal(number)
            out, err = process.communicate(timeout=stub.PATIENCE_SEC)
            self.assertEqual((process.returncode, out, err), (0, "", ""))

    def test_a_reader_that_goes_is_no_failure(self):
        lines = [jsonl({"event": "new", "time": 1.5, "flow": flow()})]
        self.says("GET /events", self.stream(*lines))
        self.says("GET /flows", self.stream(*(jsonl(flow(id=str(i))) for i in range(20000))))
        for command in ("events", "list"):
            process = self.start_ctl(command)
            process.stdout.readline()
            process.stdout.close()
            self.assertEqual(process.wait(stub.PATIENCE_SEC), 0, command)
            self.assertEqual(process.stderr.read(), "")

    def test_a_listing_that_is_interrupted_is_not_done(self):
        self.says("GET /flows", self.stream(jsonl(flow())))
        process = self.start_ctl("list", "-o", "json")
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        self.assertIn("interrupted: there may be more", process.communicate(timeout=stub.PATIENCE_SEC)[1])
        self.assertEqual(process.returncode, 1)

    def test_a_table_does_not_wait_for_the_end(self):
        self.says("GET /flows", self.stream(jsonl(flow())))
        process = self.start_ctl("list")
        self.assertIn("SOURCE", process.stdout.readline())
        self.assertIn("192.0.2.1:40000", process.stdout.readline())
        self.may_end.set()
        self.assertEqual(process.communicate(timeout=stub.PATIENCE_SEC), ("", ""))
        self.assertEqual(process.returncode, 0)


class Screens(stub.Case):
    def setUp(self):
        super().setUp()
        self.step = 0
        self.weir.answers["GET /flows"] = (200, self.flows)
        self.weir.answers["GET /stats"] = (200, self.stats)

    def stats(self, handler):
        self.step += 1
        handler.chunk(json.dumps(stats(self.step)))
        handler.whole()

    def flows(self, handler):
        """One flow has sent much since the last listing, one little, one nothing."""
        handler.chunk(jsonl(flow(id="1", src="10.0.0.1", orig_bytes=10**9 * self.step), flow(id="2", src="10.0.0.2", orig_bytes=10**6 * self.step),
                            flow(id="3", src="10.0.0.3", refused_orig=10**6 * self.step)))
        handler.whole()

    def test_one_frame_is_plain_text(self):
        text = self.expect(0, "top", "--once", "--interval", "0.2")
        self.assertNotIn("\033", text)
        self.assertTrue(text.startswith("weir 1.2.3  up 2.0s  2 workers  4.32k of 100k flows"), text)
        for line in [r"packets/s +1\.00k", r"bits/s +1\.00M", r"sent/s +900", r"flows +4\.32k", r"new flows/s +50", r"ended flows/s +30",
                     r"refused/s +100", r"load lcore 1 +25\.0 %", r"load lcore 2 +25\.0 %", r"ESTABLISHED / ESTABLISHED +3\.00k +seq-above +70 +140",
                     r"FIN-WAIT-2 / CLOSE-WAIT +1\.00k +policy +0 +30", r"udp +321"]:
            self.assertRegex(text, "(?m)^" + line)
        self.assertIn("\u2588", text)
        talkers = text[text.index("TOP FLOWS"):].splitlines()
        self.assertIn("10.0.0.1:40000 > 192.0.2.2:80", talkers[1])
        self.assertIn("10.0.0.2:40000 > 192.0.2.2:80", talkers[2])
        self.assertTrue(all(len(line) <= 110 for line in text.splitlines()))
        self.assertNotIn("\u2588", self.expect(0, "top", "--once", "--interval", "0.2", LC_ALL="C"))

    def test_top_is_a_screen_that_keys_and_sizes_change(self):
        top = Terminal(self, "top", "-i", "0.1")
        at = top.wait_for("10.0.0.1:40000 > 192.0.2.2:80")
        self.assertTrue(top.text.startswith("\033[?1049h"), top.text[:40])
        self.assertFalse(termios.tcgetattr(top.slave)[3] & (termios.ICANON | termios.ECHO))
        top.press("h")
        at = top.wait_for("TOP HOSTS", at)
        top.press("r")
        at = top.wait_for("REFUSED/S*", at)
        top.press(" ")
        at = top.wait_for("paused", at)
        top.press(" ")
        top.resize(12, 50)
        top.process.send_signal(signal.SIGWINCH)
        at = top.wait_for("\033[J", top.wait_for("\033[J", at))
        while top.read_some(0.5) and self.step < 2:
            pass
        top.press("q")
        self.assertEqual(top.end(), 0)
        self.assertTrue(top.text.endswith("\033[?25h\033[?1049l"), top.text[-40:])
        frame = top.text.split("\033[H")[-1]
        self.assertLessEqual(frame.count("\r\n"), 11)
        self.assertEqual(termios.tcgetattr(top.slave)[3], top.before[3])

    def test_interruption_gives_the_terminal_back(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            top = Terminal(self, "top", "-i", "5")
            top.wait_for("TOP FLOWS")
            top.process.send_signal(number)
            self.assertEqual(top.end(), 0)
            self.assertTrue(top.text.endswith("\033[?25h\033[?1049l"))
            self.assertEqual(termios.tcgetattr(top.slave)[3], top.before[3])

    def test_when_weir_goes_the_reason_stays_readable(self):
        top = Terminal(self, "top", "-i", "0.1")
        top.wait_for("TOP FLOWS")
        self.weir.answers["GET /stats"] = (503, {"error": "weir is ending"})
        self.assertEqual(top.end(), 1)
        self.assertIn("weir is ending", top.text.split("\033[?1049l")[1])

    def test_colours_are_for_terminals(self):
        self.says("GET /flows", jsonl(flow()))
        shown = Terminal(self, "list")
        self.assertEqual(shown.end(), 0)
        self.assertIn("\033[32mESTABLISHED / ESTABLISHED", shown.text)
        for more in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            plain = Terminal(self, "list", **more)
            self.assertEqual(plain.end(), 0)
            self.assertIn("ESTABLISHED / ESTABLISHED", plain.text)
            self.assertNotIn("\033", plain.text)
        empty = Terminal(self, "list", NO_COLOR="")
        self.assertEqual(empty.end(), 0)
        self.assertIn("\033[32m", empty.text)
        self.assertNotIn("\033", self.expect(0, "list"))


if __name__ == "__main__":
    stub.main()
