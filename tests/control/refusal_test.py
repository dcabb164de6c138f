#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What is no right request is answered in JSON, over both sockets: as the first of a connection, later, in a row, in pieces; and bounded."""
import json
import os
import socket
import time
import unittest

import daemon

RIGHT = b"GET /health HTTP/1.1\r\nHost: weir\r\n\r\n"
HEAD_SEC = 10  # for a request to come


def get(*fields, line=b"GET /health HTTP/1.1"):
    return b"\r\n".join([line, *fields, b"", b""])


def post(*fields, body=b""):
    return get(b"Host: weir", *fields, line=b"POST /reload HTTP/1.1") + body


# (octets, status, a word of the message)
WRONG = {
    "garbage": (b"GARBAGE\r\n\r\n", 400, "METHOD TARGET"),
    "garbage without a line": (b"\x00\x01\x02\x03", 400, "METHOD TARGET"),
    "TLS": (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", 400, "METHOD TARGET"),
    "only a method": (b"GET\r\n\r\n", 400, "METHOD TARGET"),
    "no version": (b"GET /health\r\n\r\n", 400, "METHOD TARGET"),
    "empty target": (get(b"Host: w", line=b"GET  HTTP/1.1"), 400, "METHOD TARGET"),
    "space in the target": (get(b"Host: w", line=b"GET /a b HTTP/1.1"), 400, "METHOD TARGET"),
    "tab for a space": (get(b"Host: w", line=b"GET\t/health\tHTTP/1.1"), 400, "METHOD TARGET"),
    "space before": (get(b"Host: w", line=b" GET /health HTTP/1.1"), 400, "METHOD TARGET"),
    "space behind": (get(b"Host: w", line=b"GET /health HTTP/1.1 "), 400, "METHOD TARGET"),
    "many empty lines": (b"\r\n" * 1000 + RIGHT, 400, "METHOD TARGET"),
    "a method that is no word": (get(b"Host: w", line=b"G@T /health HTTP/1.1"), 400, "METHOD TARGET"),
    "a long method": (get(b"Host: w", line=b"G" * 40 + b" /health HTTP/1.1"), 501, "DELETE"),
    "HTTP/9.9": (get(b"Host: w", line=b"GET /health HTTP/9.9"), 505, "HTTP/1.1"),
    "HTTP/0.9": (get(b"Host: w", line=b"GET /health HTTP/0.9"), 505, "HTTP/1.1"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/1.1"),
    "HTTP/1": (get(b"Host: w", line=b"GET /health HTTP/1"), 400, "METHOD TARGET"),
    "HTTP/11.1": (get(b"Host: w", line=b"GET /health HTTP/11.1"), 400, "METHOD TARGET"),
    "http/1.1": (get(b"Host: w", line=b"GET /health http/1.1"), 400, "METHOD TARGET"),
    "NUL in the line": (get(b"Host: w", line=b"GET /hea\0lth HTTP/1.1"), 400, "METHOD TARGET"),
    "CR in the line": (get(b"Host: w", line=b"GET /hea\rlth HTTP/1.1"), 400, "METHOD TARGET"),
    "NUL in a field": (get(b"Host: w", b"X: a\0b"), 400, "control character"),
    "NUL in a field that has not ended": (b"GET /health HTTP/1.1\r\nX: a\0b", 400, "control character"),
    "CR in a field": (get(b"Host: w", b"X: a\rb"), 400, "control character"),
    "no colon": (get(b"Host: w", b"no colon here"), 400, "NAME: VALUE"),
    "no name": (get(b"Host: w", b": value"), 400, "NAME: VALUE"),
    "space before the colon": (get(b"Host: w", b"X : value"), 400, "NAME: VALUE"),
    "a line that goes on": (get(b"Host: w", b"X: a", b" b"), 400, "NAME: VALUE"),
    "space before the first field": (get(b" X: a", b"Host: w"), 400, "NAME: VALUE"),
    "octets beyond ASCII in a name": (get(b"Host: w", "Größe: 1".encode()), 400, "NAME: VALUE"),
    "no Host": (get(), 400, "Host"),
    "two Hosts": (get(b"Host: a", b"Host: a"), 400, "Host"),
    "a long target": (get(b"Host: w", line=b"GET /" + b"a" * 8192 + b" HTTP/1.1"), 414, "8192"),
    "a long query": (get(b"Host: w", line=b"GET /flows?src=" + b"1" * 9000 + b" HTTP/1.1"), 414, "8192"),
    "a line without end": (b"GET /" + b"a" * 200000, 414, "8192"),
    "a huge line": (get(b"Host: w", line=b"GET /" + b"a" * 2000000 + b" HTTP/1.1"), 414, "8192"),
    "4000 parameters": (get(b"Host: w", line=b"GET /flows?" + b"a&" * 4000 + b" HTTP/1.1"), 400, "64 parameters"),
    "a long field": (get(b"Host: w", b"X: " + b"a" * 16384), 431, "16384"),
    "a huge field": (get(b"Host: w", b"X: " + b"a" * 2000000), 431, "16384"),
    "a field without end": (b"GET /health HTTP/1.1\r\nX: " + b"a" * 30000, 431, "16384"),
    "10,000 fields": (get(b"Host: w", *[b"A: b"] * 10000), 431, "16384"),
    "a cookie of many pieces": (get(b"Host: w", b"Cookie: " + b"a=b;" * 5000), 431, "16384"),
    "a length that is none": (post(b"Content-Length: ten"), 400, "Content-Length"),
    "no length": (post(b"Content-Length:"), 400, "Content-Length"),
    "a negative length": (post(b"Content-Length: -1"), 400, "Content-Length"),
    "a length with a sign": (post(b"Content-Length: +1", body=b"x"), 400, "Content-Length"),
    "a hexadecimal length": (post(b"Content-Length: 0x10"), 400, "Content-Length"),
    "two lengths": (post(b"Content-Length: 1", b"Content-Length: 2", body=b"xx"), 400, "Content-Length"),
    "one length twice": (post(b"Content-Length: 1", b"Content-Length: 1", body=b"x"), 400, "Content-Length"),
    "a list of lengths": (post(b"Content-Length: 1, 1", body=b"x"), 400, "Content-Length"),
    "a length beyond 64 bits": (post(b"Content-Length: " + b"9" * 30), 413, "body"),
    "a large body": (post(b"Content-Length: 70000", body=b"x" * 70000), 413, "body"),
    "a huge body": (post(b"Content-Length: 4000000", body=b"x" * 4000000), 413, "body"),
    "chunks": (post(b"Transfer-Encoding: chunked", body=b"1\r\nx\r\n0\r\n\r\n"), 411, "Content-Length"),
    "wrong chunks": (post(b"Transfer-Encoding: chunked", body=b"zz\r\n"), 411, "Content-Length"),
    "a negative chunk": (post(b"Transfer-Encoding: chunked", body=b"-1\r\n"), 411, "Content-Length"),
    "a chunk beyond 64 bits": (post(b"Transfer-Encoding: chunked", body=b"f" * 30 + b"\r\n"), 411, "Content-Length"),
    "another coding": (post(b"Transfer-Encoding: gzip, chunked"), 411, "Content-Length"),
    "chunks and a length": (post(b"Transfer-Encoding: chunked", b"Content-Length: 1", body=b"x"), 400, "not both"),
}

# Heads and bodies that end before they are whole, where the client has said that it will send no more.
SHORT = {
    "half a line": b"GET /hea",
    "a line": b"GET /health HTTP/1.1\r\n",
    "half a field": b"GET /health HTTP/1.1\r\nHost: we",
    "no empty line": b"GET /health HTTP/1.1\r\nHost: weir\r\n",
    "half a body": post(b"Content-Length: 10", body=b"12345"),
}

# Unusual and right.
RIGHT_ONES = {
    "empty lines before": (b"\r\n\r\n" + RIGHT, 200),
    "line feeds alone": (b"GET /health HTTP/1.1\nHost: weir\n\n", 200),
    "HTTP/1.0": (b"GET /health HTTP/1.0\r\n\r\n", 200),
    "HTTP/1.7": (b"GET /health HTTP/1.7\r\nHost: w\r\n\r\n", 200),
    "no value": (get(b"Host:", b"X:"), 200),
    "tabs around a value": (get(b"hOsT:\t w \t"), 200),
    "a lower-case method": (get(b"Host: w", line=b"get /health HTTP/1.1"), 405),
    "another method": (get(b"Host: w", line=b"BREW /health HTTP/1.1"), 405),
    "a target in absolute form": (get(b"Host: w", line=b"GET HTTP://weir:80/health HTTP/1.1"), 200),
    "the same without a path": (get(b"Host: w", line=b"GET http://weir HTTP/1.1"), 404),
    "the same of another scheme": (get(b"Host: w", line=b"GET ftp://weir/health HTTP/1.1"), 404),
    "a path that is none": (get(b"Host: w", line=b"GET * HTTP/1.1"), 404),
    "the longest target": (get(b"Host: w", line=b"GET /" + b"a" * 8191 + b" HTTP/1.1"), 404),
    "octets beyond ASCII in a parameter": (get(b"Host: w", line=b"GET /flows?\xff\xfe=1 HTTP/1.1"), 400),
    "octets beyond ASCII, escaped": (get(b"Host: w", line=b"GET /flows?%ff%fe=%c3%28 HTTP/1.1"), 400),
    "escapes that are none": (get(b"Host: w", line=b"GET /flows?src=%zz% HTTP/1.1"), 400),
    "a NUL, escaped": (get(b"Host: w", line=b"GET /flows?src=%00 HTTP/1.1"), 400),
    "an empty parameter": (get(b"Host: w", line=b"GET /flows?&&=& HTTP/1.1"), 400),
    "the most fields": (get(b"Host: w", *[b"A:b"] * 3270), 200),
    "a cookie of many pieces": (get(b"Host: w", b"Cookie: " + b"a=b;" * 4000), 200),
    "a field of all that there is": (get(b"Host: w", b"X: " + b"\xff" * 16000), 200),
    "a body that nobody needs": (get(b"Host: w", b"Content-Length: 65536") + b"x" * 65536, 200),
}


class Answer:
    """The next answer of a connection."""

    def __init__(self, client, method=b"GET"):
        text = self.head = b""
        while b"\r\n\r\n" not in text:
            part = client.recv(1)  # not one octet of the next one
            if not part:
                raise AssertionError(f"the connection has ended after {text!r}")
            text += part
        lines = text.decode().split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        self.body = b""
        left = 0 if method == b"HEAD" else int(self.fields["content-length"])
        while len(self.body) < left:
            part = client.recv(left - len(self.body))
            if not part:
                raise AssertionError("the connection has ended within a body")
            self.body += part


class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            cls.port = probe.getsockname()[1]
        cls.weir = daemon.Daemon("http-many.pcap", endless=True, control=f'http_tcp = "127.0.0.1:{cls.port}";')

    @classmethod
    def tearDownClass(cls):
        cls.weir.close()

    def connect_tcp(self):
        return socket.create_connection(("127.0.0.1", self.port), daemon.PATIENCE_SEC)

    def each(self, cases):
        for name, case in cases.items():
            for kind, connect in [("unix", self.weir.connect), ("tcp", self.connect_tcp)]:
                with self.subTest(name, socket=kind), connect() as client:
                    yield client, case

    def send(self, client, octets):
        try:
            client.sendall(octets)
        except OSError:
            pass  # it may have heard enough

    def expect_refusal(self, client, status, word):
        answer = Answer(client)
        self.assertEqual((answer.status, answer.fields["content-type"]), (status, "application/json"), answer.body)
        told = json.loads(answer.body)
        self.assertEqual(list(told), ["error"])
        self.assertIn(word, told["error"])
        return answer

    def expect_end(self, client):
        try:
            self.assertEqual(client.recv(1), b"")
        except ConnectionError:
            pass

    def test_as_the_first_of_a_connection(self):
        for client, (octets, status, word) in self.each(WRONG):
            self.send(client, octets)
            answer = self.expect_refusal(client, status, word)
            self.assertEqual(answer.fields["connection"], "close")
            self.assertIn("gmt", answer.fields["date"])
            self.expect_end(client)

    def test_after_right_ones(self):
        for client, (octets, status, word) in self.each(WRONG):
            for _ in range(2):
                client.sendall(RIGHT)
                self.assertEqual(Answer(client).status, 200)
            self.send(client, octets)
            self.expect_refusal(client, status, word)
            self.expect_end(client)

    def test_in_a_row_with_right_ones(self):
        for client, (octets, status, word) in self.each(WRONG):
            self.send(client, RIGHT * 5 + octets)
            for _ in range(5):
                self.assertEqual(Answer(client).status, 200)
            self.expect_refusal(client, status, word)
            self.expect_end(client)

    def test_after_a_stream(self):
        for client, (octets, status, word) in self.each({name: WRONG[name] for name in ["garbage", "no Host", "a huge field"]}):
            self.send(client, get(b"Host: w", line=b"GET /flows?limit=3 HTTP/1.1") + octets)
            text = b""
            while not text.endswith(b"\r\n0\r\n\r\n"):
                text += client.recv(1)
            self.assertEqual(text.count(b'"id"'), 3)
            self.expect_refusal(client, status, word)

    def test_in_single_octets(self):
        for client, (octets, status, word) in self.each(WRONG):
            if len(octets) > 300:
                continue
            for octet in octets:
                self.send(client, bytes([octet]))
            self.expect_refusal(client, status, word)

    def test_what_ends_too_early(self):
        for client, octets in self.each(SHORT):
            for before in [0, 3]:
                with self.subTest(before=before):
                    if before:
                        client = self.weir.connect()
                        self.addCleanup(client.close)
                    client.sendall(RIGHT * before + octets)
                    client.shutdown(socket.SHUT_WR)
                    for _ in range(before):
                        self.assertEqual(Answer(client).status, 200)
                    self.expect_refusal(client, 400, "ends too early")
                    self.expect_end(client)

    def test_unusual_and_right(self):
        for client, (octets, status) in self.each(RIGHT_ONES):
            client.sendall(octets)
            answer = Answer(client)
            self.assertEqual((answer.status, answer.fields["content-type"]), (status, "application/json"), answer.body)
            self.assertEqual("error" in json.loads(answer.body), status != 200)

    def test_all_of_them_dribbled_are_right_too(self):
        for client, (octets, status) in self.each(RIGHT_ONES):
            if len(octets) > 300:
                continue
            for octet in octets:
                client.sendall(bytes([octet]))
                time.sleep(0.001)
            self.assertEqual(Answer(client).status, status)

    def test_a_head_request_has_no_body_when_refused(self):
        for client, _ in self.each({"": None}):
            client.sendall(get(line=b"HEAD /health HTTP/1.1"))
            self.assertEqual(Answer(client, b"HEAD").status, 400)
            self.expect_end(client)

    def test_a_client_may_wait_to_be_asked_for_its_body(self):
        for client, _ in self.each({"": None}):
            client.sendall(get(b"Host: w", b"Content-Length: 3", b"Expect: 100-continue"))
            asked = client.recv(25, socket.MSG_WAITALL)
            self.assertEqual(asked, b"HTTP/1.1 100 Continue\r\n\r\n")
            client.sendall(b"abc" + RIGHT)
            self.assertEqual([Answer(client).status, Answer(client).status], [200, 200])

    def test_a_client_that_closes_its_direction_is_answered(self):
        for client, _ in self.each({"": None}):
            client.sendall(RIGHT * 3)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual([Answer(client).status for _ in range(3)], [200] * 3)
            self.expect_end(client)

    def test_such_a_client_gets_what_has_an_end_and_no_more(self):
        for target, word in [(b"/flows", b'"id"'), (b"/count", b'"count"'), (b"/events?limit=1000000", b"HTTP/1.1 200")]:
            for client, _ in self.each({target: None}):
                client.sendall(get(b"Host: w", line=b"GET " + target + b" HTTP/1.1"))
                client.shutdown(socket.SHUT_WR)
                text = b""
                while part := client.recv(65536):
                    text += part
                self.assertIn(word, text)
                self.assertRegex(text, rb"\}\n$|\r\n0\r\n\r\n$")
        daemon.wait_for("nobody reads events", lambda: self.weir.get("/stats").json()["control"]["subscribers"] == 0)

    def test_a_connection_that_is_to_close_closes(self):
        for client, _ in self.each({"": None}):
            client.sendall(get(b"Host: w", b"Connection: foo, Close") + RIGHT)
            self.assertEqual(Answer(client).fields["connection"], "close")
            self.expect_end(client)

    def test_slow_requests_are_refused_in_time(self):
        """Half a head, half a body, an octet a second: none may hold its connection for more than its time."""
        clients = [connect() for connect in [self.weir.connect, self.connect_tcp] for _ in range(3)]
        for client in clients:
            self.addCleanup(client.close)
        began = time.monotonic()
        for i, half in enumerate([b"GET /flows HTTP/1.1\r\nHo", post(b"Content-Length: 100", body=b"half"), b"G"] * 2):
            clients[i].sendall(half)
        for octet in b"ET /health HTTP/1.1\r\nHost: weir\r\nX: this takes its time\r\n":
            for client in (clients[2], clients[5]):
                self.send(client, bytes([octet]))
            time.sleep(0.3)
            if time.monotonic() - began > 1.5 * HEAD_SEC:
                break
        for client in clients:
            self.expect_refusal(client, 408, "10 s")
            self.expect_end(client)
        self.assertGreater(time.monotonic() - began, HEAD_SEC - 1)
        self.assertEqual(self.weir.get("/health").status, 200)

    def test_nobody_is_kept_who_is_silent_and_no_room_is_lost(self):
        files = lambda: len(os.listdir(f"/proc/{self.weir.process.pid}/fd"))
        daemon.wait_for("all are gone", lambda: self.weir.get("/stats").json()["control"]["connections"] == 1)
        before = files()
        clients = [self.weir.connect() for _ in range(50)]
        for client in clients[:25]:
            client.sendall(RIGHT)
            self.assertEqual(Answer(client).status, 200)
        for client in clients:
            self.expect_end(client)
            client.close()
        daemon.wait_for("all are gone", lambda: self.weir.get("/stats").json()["control"]["connections"] == 1)
        daemon.wait_for("their files are closed", lambda: files() <= before)

    def test_more_clients_than_there_is_room_for_wait(self):
        clients = [self.weir.connect() for _ in range(200)]
        daemon.wait_for("they are let in", lambda: self.weir.get("/stats").json()["control"]["connections"] > 200)
        clients += [self.weir.connect() for _ in range(100)]
        over = self.connect_tcp()
        over.sendall(RIGHT)
        self.assertEqual(Answer(over).status, 200)  # the other socket has its own room
        over.close()
        clients[299].sendall(RIGHT)
        for client in clients[:100]:
            client.close()
        self.assertEqual(Answer(clients[299]).status, 200)
        for client in clients[100:]:
            client.close()

    def test_refusals_are_counted(self):
        def requests():
            text = self.weir.get("/metrics").body.decode()
            return int(next(line.split()[1] for line in text.splitlines() if line.startswith("weir_http_requests_total ")))
        before = requests()
        for _ in range(5):
            self.weir.ask_raw(b"GARBAGE\r\n\r\n")
        self.assertEqual(requests(), before + 6)

    def test_a_change_is_made_although_its_client_has_gone(self):
        reloads = self.weir.get("/stats").json()["control"]["reloads"]
        with self.weir.connect() as client:
            client.sendall(post())
        daemon.wait_for("it has reloaded", lambda: self.weir.get("/stats").json()["control"]["reloads"] == reloads + 1)


if __name__ == "__main__":
    unittest.main()
