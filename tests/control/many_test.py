#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Listings of a large table: whole, alone and together, with readers that stall."""
import collections
import struct
import time
import unittest

import daemon

FLOWS = 50000


def syn_capture(path):
    """One SYN for each of so many flows, no checksums, all of this moment."""
    now = divmod(time.time_ns() // 1000, 10**6)
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for i in range(FLOWS):
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, bytes([10, i >> 16, i >> 8 & 255, i & 255]), bytes([192, 0, 2, 1]))
            frame = bytes(12) + b"\x08\x00" + ip + struct.pack(">HHIIBBHHH", 1024, 80, 1, 0, 0x50, 2, 65535, 0, 0)
            file.write(struct.pack("<IIII", *now, len(frame), len(frame)) + frame)


class Many(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        daemon.captures_as_if_now = lambda names, path: (syn_capture(path), FLOWS)[1]
        cls.weir = daemon.Daemon("", tracking='checksum = "ignore";')

    @classmethod
    def tearDownClass(cls):
        cls.weir.close()

    def open(self, target):
        client = self.weir.connect()
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: weir\r\n\r\n".encode())
        return client

    def test_a_listing_is_whole(self):
        flows = self.weir.get("/flows").lines()
        self.assertEqual(len(flows), FLOWS)
        self.assertEqual(len({flow["src"] for flow in flows}), FLOWS)
        self.assertEqual(self.weir.get("/count?src=10.0.0.0/24").json(), {"count": 256})

    def test_listings_that_stall_make_way(self):
        memory = self.weir.memory_kib()
        clients = [self.open("/flows") for _ in range(100)]
        heads = collections.Counter(client.recv(64, daemon.socket.MSG_PEEK).split(b" ")[1] for client in clients)
        self.assertEqual(set(heads), {b"200", b"503"})
        self.assertGreaterEqual(heads[b"200"], 8)  # one that has stalled for long may have made way already
        self.assertLessEqual(self.weir.get("/stats").json()["control"]["listings"], 8)
        self.assertLess(self.weir.memory_kib() - memory, 64 * 1024)

        def listed():
            answer = self.weir.get("/flows")
            return answer.status == 200 and len(answer.lines()) == FLOWS
        daemon.wait_for("a reader that does read is served", listed)
        # Those that stalled are told by the missing end of their transfer coding.
        cut = 0
        for client in clients:
            text = b""
            try:
                while part := client.recv(1 << 20):
                    text = text[-64:] + part
                    if text.endswith(b"0\r\n\r\n") or b" 503 " in text[:16]:
                        break
                else:
                    cut += 1
            except ConnectionError:
                cut += 1
            client.close()
        self.assertGreater(cut, 0)
        daemon.wait_for("listings end", lambda: self.weir.get("/stats").json()["control"]["listings"] == 0)

    def test_vanishing_readers_leave_no_listing(self):
        for _ in range(50):
            client = self.open("/flows")
            client.recv(1000)
            client.close()
        daemon.wait_for("listings end", lambda: self.weir.get("/stats").json()["control"]["listings"] == 0)
        self.assertEqual(len(self.weir.get("/flows").lines()), FLOWS)

    def test_zz_all_are_flushed_at_once(self):
        self.assertEqual(self.weir.request("DELETE", "/flows?src=10.0.0.0/24").json(), {"matched": 256, "deleted": 256})
        self.assertEqual(self.weir.request("DELETE", "/flows?all=1").json(), {"matched": FLOWS - 256, "deleted": FLOWS - 256})
        self.assertEqual(self.weir.get("/count").json(), {"count": 0})
        self.assertEqual(self.weir.get("/stats").json()["total"]["ended"]["flushed"], FLOWS)
        self.assertEqual(self.weir.stop(), 0)
        self.assertEqual(len(self.weir.records()), FLOWS)


if __name__ == "__main__":
    unittest.main()
