# SPDX-License-Identifier: BSD-3-Clause
"""A stand-in for weir: an HTTP server on a Unix socket that says what a test wants said, and remembers what it was asked."""
import http.server
import json
import os
import shutil
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import unittest

WEIRCTL = os.environ["WEIRCTL"]
PATIENCE_SEC = 240

TIMEOUTS = {"tcp_syn_sent": 120, "tcp_syn_received": 60, "tcp_adopted": 300, "tcp_established": 86400, "tcp_half_closed": 900,
            "tcp_closing": 60, "tcp_time_wait": 30, "tcp_closed": 10, "udp_unreplied": 30, "udp_stream": 120, "icmp": 30,
            "sctp_opening": 60, "sctp_established": 900, "sctp_closing": 30, "other": 300}


def flow(**given):
    """A flow record; what is given replaces what it has."""
    record = {"id": "00000000000000a1", "start": 1700000000.000007, "end": 1700000001.5, "proto": "tcp", "vlan": [], "src": "192.0.2.1",
              "sport": 40000, "dst": "192.0.2.2", "dport": 80, "orig_state": "ESTABLISHED", "resp_state": "ESTABLISHED", "orig_packets": 5,
              "orig_bytes": 400, "resp_packets": 4, "resp_bytes": 900, "history": "ShADad", "end_reason": "active", "refused_orig": 0,
              "refused_resp": 0, "last_reason": None}
    assert not set(given) - set(record)
    return {**record, **given}


def jsonl(*objects):
    """Lines as weir writes them."""
    return "".join(json.dumps(item, separators=(",", ":")) + "\n" for item in objects)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "weirctl"

    def answer(self):
        path = self.path.split("?")[0]
        self.server.asked.append(f"{self.command} {self.path}")
        status, body = self.server.answers.get(f"{self.command} {path}", (404, {"error": "no such path"}))
        if callable(body):
            self.send_response(status)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            body(self)
            return
        octets = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    do_GET = do_DELETE = do_POST = answer

    def chunk(self, text):
        octets = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(octets), octets))

    def whole(self):
        self.wfile.write(b"0\r\n\r\n")


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path):
        super().__init__(path, Handler)
        self.answers = {"GET /config": (200, {"timeouts": TIMEOUTS})}
        self.asked = []

    def handle_error(self, *_):
        pass  # a client that goes away is no fault

    def get_request(self):
        return self.socket.accept()[0], "weirctl"


class Case(unittest.TestCase):
    """A stub, and weirctl run against it."""
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="weirctl-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, "s")
        self.weir = Server(self.path)
        thread = threading.Thread(target=self.weir.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        self.addCleanup(self.stop)

    def stop(self):
        self.weir.shutdown()
        self.weir.server_close()

    def says(self, request, body, status=200):
        self.weir.answers[request] = (status, body)

    def environment(self, **more):
        return {**os.environ, "WEIR_SOCKET": self.path, "TZ": "UTC", "LC_ALL": "C.UTF-8", "ASAN_OPTIONS": "detect_leaks=1", **more}

    def run_ctl(self, *arguments, **more):
        return subprocess.run([WEIRCTL, *arguments], env=self.environment(**more), capture_output=True, text=True, timeout=PATIENCE_SEC,
                              check=False, stdin=subprocess.DEVNULL)

    def start_ctl(self, *arguments, **options):
        process = subprocess.Popen([WEIRCTL, *arguments], env=self.environment(), stdin=subprocess.DEVNULL,
                                   **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options})

        def finish():
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()
        self.addCleanup(finish)
        return process

    def expect(self, status, *arguments, out=None, err="", **more):
        """Run; standard error must hold err and nothing if err is empty, standard output must be out."""
        done = self.run_ctl(*arguments, **more)
        self.assertEqual(done.returncode, status, (arguments, done.stdout, done.stderr))
        if err:
            self.assertIn(err, done.stderr)
        else:
            self.assertEqual(done.stderr, "")
        if out is not None:
            self.assertEqual(done.stdout, out)
        return done.stdout


def main():
    unittest.main(argv=sys.argv[:1], verbosity=1)
