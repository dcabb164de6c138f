# SPDX-License-Identifier: BSD-3-Clause
"""
TCP endpoints in simulated time (network.py): what conforming hosts put on the wire.

Written from RFC 9293 (3.10: event processing), RFC 5961 (challenge ACKs), RFC 7323 (scaling, time stamps, PAWS) and
RFC 2018 (SACK), without a look at weir. Times are microseconds.
"""

from dataclasses import dataclass

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
WRAP = 1 << 32
SYNCHRONISED = {"ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"}
SENDS_DATA = {"ESTABLISHED", "CLOSE-WAIT"}
TAKES_DATA = {"ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2"}
RTO_US, RTO_MAX_US, RETRIES = 200_000, 3_000_000, 14
DELAYED_ACK_US = 40_000


def distance(a, b):
    """a - b, between -2^31 and 2^31."""
    return (a - b + (1 << 31)) % WRAP - (1 << 31)


@dataclass
class Segment:
    seq: int
    ack: int
    flags: int
    window: int = 0  # as it stands in the header
    payload: int = 0
    mss: int = 0
    scale: int = None
    sack_ok: bool = False
    sack: tuple = ()
    stamps: tuple = None  # TSval, TSecr
    forged: bool = False

    @property
    def octets(self):
        return self.payload + bool(self.flags & SYN) + bool(self.flags & FIN)

    @property
    def end(self):
        return (self.seq + self.octets) % WRAP


@dataclass
class Traits:
    """What kind of host it is."""

    mss: int
    buffer: int
    scale: int  # None: no window scaling
    stamps: bool
    sack: bool
    stamp_base: int


@dataclass
class Script:
    """What the program above does: [(microseconds after the one before, "send"|"close"|"abort"|"pause"|"read", n)]."""

    actions: list
    closes_after_peer: int = None  # microseconds after the peer's FIN, or never


class Host:
    """One end of one pair of addresses and ports: at most one connection at a time."""

    def __init__(self, world, traits, listens):
        self.world, self.traits, self.listens = world, traits, listens
        self.peer = self.wire = self.tcb = self.script = None
        self.gave_up = False
        self.newest = world.random.randrange(WRAP)

    @property
    def state(self):
        return self.tcb.state if self.tcb else "CLOSED"

    def iss(self):
        """RFC 6528: numbers of one pair go on where its last connection's ended."""
        self.newest = (self.newest + self.world.random.randrange(1 << 12, 1 << 20)) % WRAP
        return self.newest

    def open(self, script):
        self.script = script
        self.tcb = Tcb(self, self.iss(), "SYN-SENT")
        self.tcb.send_syn()

    def send(self, segment):
        self.wire.carry(self, segment)

    def receive(self, segment):
        if self.tcb:
            self.tcb.receive(segment)
        elif self.listens and segment.flags & (SYN | ACK | RST) == SYN:
            self.tcb = Tcb(self, self.iss(), "LISTEN")
            self.tcb.take_syn(segment)
        elif not segment.flags & RST:
            self.refuse(segment)

    def refuse(self, segment):
        """RFC 9293 3.10.7.1: what belongs to no connection is answered by a RST."""
        if segment.flags & ACK:
            self.send(Segment(segment.ack, 0, RST))
        else:
            self.send(Segment(0, segment.end, RST | ACK))


class Tcb:
    def __init__(self, host, iss, state):
        self.host, self.world, self.traits, self.state = host, host.world, host.traits, state
        self.iss = self.una = self.nxt = iss
        self.sent_max = iss
        self.rcv_nxt = self.rcv_edge = 0
        self.snd_wnd = self.snd_wl1 = self.snd_wl2 = 0
        self.snd_scale = self.rcv_scale = 0
        self.mss = 536
        self.stamps = self.sack = False
        self.recent = self.last_ack_sent = 0
        self.queued = 0  # octets the program has written and that were not sent yet
        self.closing = self.fin_sent = False
        self.fin_seq = None
        self.pieces = []  # out of order: (seq, end, fin)
        self.unread = 0
        self.reads = True
        self.timer = self.ack_timer = 0
        self.tries = self.duplicates = 0
        self.script_begun = False

    # What it sends.

    def make(self, flags, seq, payload=0):
        segment = Segment(seq % WRAP, self.rcv_nxt if flags & ACK else 0, flags, 0, payload)
        if flags & ACK and not flags & RST:
            segment.window = self.window(flags)
            self.last_ack_sent = self.rcv_nxt
            self.ack_timer += 1
            if self.sack and not flags & SYN:
                segment.sack = self.sack_blocks()
        if self.stamps and (flags & ACK or flags & SYN):
            segment.stamps = self.now_stamp(), self.recent if flags & ACK else 0
        return segment

    def now_stamp(self):
        return (self.traits.stamp_base + self.world.now // 1000) % WRAP

    def window(self, flags):
        """RFC 7323 2.3: never on a SYN scaled; the right edge never moves back (RFC 9293 3.8.6)."""
        scale = 0 if flags & SYN else self.rcv_scale
        room = max(0, self.traits.buffer - self.unread)
        edge = (self.rcv_nxt + room) % WRAP
        if distance(edge, self.rcv_edge) < 0 and not flags & SYN:
            room = distance(self.rcv_edge, self.rcv_nxt)
        field_value = min(65535, -(-room >> scale) if room % (1 << scale) == 0 else (room >> scale) + 1)
        edge = (self.rcv_nxt + (field_value << scale)) % WRAP
        if flags & SYN or distance(edge, self.rcv_edge) > 0:
            self.rcv_edge = edge
        return field_value

    def sack_blocks(self):
        blocks = []
        for seq, end, _ in sorted(self.pieces, key=lambda p: distance(p[0], self.rcv_nxt)):
            if blocks and distance(seq, blocks[-1][1]) <= 0:
                if distance(end, blocks[-1][1]) > 0:
                    blocks[-1] = blocks[-1][0], end
            else:
                blocks.append((seq, end))
        return tuple(blocks[:3])

    def send_syn(self):
        again = self.nxt != self.iss
        flags = SYN if self.state == "SYN-SENT" else SYN | ACK
        if self.state == "SYN-SENT":
            self.stamps = self.traits.stamps
        segment = self.make(flags, self.iss)
        segment.window = segment.window or min(65535, self.traits.buffer)
        segment.mss = self.traits.mss
        if self.state == "SYN-SENT" or self.offers_scale:
            segment.scale = self.traits.scale
        segment.sack_ok = self.traits.sack if self.state == "SYN-SENT" else self.sack
        if not again:
            self.nxt = self.sent_max = (self.iss + 1) % WRAP
        self.host.send(segment)
        self.arm()

    offers_scale = False

    def send_ack(self):
        self.host.send(self.make(ACK, self.nxt))

    def push(self):
        """Send what the window allows (RFC 9293 3.8.6); the FIN when all else has gone."""
        if self.state not in SENDS_DATA and not (self.fin_sent and self.state in ("FIN-WAIT-1", "CLOSING", "LAST-ACK")):
            return
        while self.queued and not self.fin_sent:
            room = self.snd_wnd - distance(self.nxt, self.una)
            size = min(self.queued, self.mss, room)
            if size <= 0:
                break
            self.queued -= size
            flags = ACK | (PSH if not self.queued else 0)
            if self.closing and not self.queued and self.world.random.random() < 0.5 and room > size:
                flags |= FIN
            self.emit(flags, size)
        if self.closing and not self.queued and not self.fin_sent and distance(self.nxt, self.una) <= self.snd_wnd:
            self.emit(ACK | FIN, 0)
        if distance(self.nxt, self.una) or self.queued:
            self.arm()

    def emit(self, flags, size):
        segment = self.make(flags, self.nxt, size)
        self.nxt = segment.end
        self.sent_max = self.host.newest = self.nxt
        if flags & FIN:
            self.fin_sent, self.fin_seq = True, (self.nxt - 1) % WRAP
            self.state = "FIN-WAIT-1" if self.state == "ESTABLISHED" else "LAST-ACK"
        self.host.send(segment)

    # Timers.

    def arm(self):
        self.timer += 1
        wait = min(RTO_US << min(self.tries, 5), RTO_MAX_US)
        self.world.after(wait, self.expired, self.timer)

    def expired(self, number):
        if number != self.timer or self.host.tcb is not self or self.state == "TIME-WAIT":
            return
        if not distance(self.nxt, self.una) and not self.queued:
            return
        self.tries += 1
        if self.tries > RETRIES:
            self.host.gave_up, self.host.tcb = True, None
            return
        if self.state in ("SYN-SENT", "SYN-RECEIVED"):
            self.send_syn()
        elif not distance(self.nxt, self.una):  # a closed window: one octet beyond it (RFC 9293 3.8.6.1)
            if self.snd_wnd == 0:
                self.queued -= 1
                self.emit(ACK, 1)
                self.arm()
            else:
                self.push()
        else:
            self.repeat()

    def repeat(self):
        """The oldest that is not acknowledged, cut anew as the window and size allow."""
        size = distance(self.nxt, self.una)
        fin = self.fin_sent and self.una != self.nxt
        data = size - fin
        if self.una == self.iss:
            return self.send_syn()
        payload = min(data, self.mss)
        flags = ACK | (FIN if fin and payload == data else 0)
        self.host.send(self.make(flags, self.una, payload))
        return self.arm()

    def delayed_ack(self, number):
        if number == self.ack_timer and self.host.tcb is self:
            self.send_ack()

    # What the program does.

    def begin_script(self):
        if not self.script_begun and self.host.script:
            self.script_begun = True
            self.act(0)

    def act(self, index):
        actions = self.host.script.actions
        if self.host.tcb is self and index < len(actions):
            self.world.after(actions[index][0], self.acted, index)

    def acted(self, index):
        if self.host.tcb is not self:
            return
        _, what, amount = self.host.script.actions[index]
        if what == "send" and not self.closing and self.state in SENDS_DATA:
            self.queued += amount
            self.push()
        elif what == "close":
            self.close()
        elif what == "abort":
            self.abort()
        elif what == "pause":
            self.reads = False
        elif what == "read":
            self.reads, self.unread = True, 0
            if self.state in TAKES_DATA:
                self.send_ack()
        elif what == "probe" and self.state in SENDS_DATA and not distance(self.nxt, self.una) and not self.queued:
            self.host.send(self.make(ACK, self.nxt - 1))  # keep-alive (RFC 9293 3.8.4)
        self.act(index + 1)

    def close(self):
        if self.state == "SYN-SENT":
            self.host.tcb = None
        elif self.state in SENDS_DATA and not self.closing:
            self.closing = True
            self.push()

    def abort(self):
        if self.state != "SYN-SENT" and self.state != "TIME-WAIT":
            self.host.send(self.make(RST | ACK, self.nxt))
        if self.state != "TIME-WAIT":
            self.host.tcb = None

    # What it receives.

    def take_syn(self, segment):
        """In LISTEN or SYN-SENT: the peer's number and options."""
        self.rcv_nxt = self.last_ack_sent = (segment.seq + 1) % WRAP
        self.rcv_edge = self.rcv_nxt
        self.mss = min(self.traits.mss, segment.mss or 536) - 12
        both = self.traits.scale is not None and segment.scale is not None
        self.offers_scale = both
        self.snd_scale, self.rcv_scale = (min(segment.scale, 14), self.traits.scale) if both else (0, 0)
        self.stamps = self.traits.stamps and segment.stamps is not None
        self.sack = self.traits.sack and segment.sack_ok
        self.recent = segment.stamps[0] if self.stamps else 0
        self.snd_wnd, self.snd_wl1, self.snd_wl2 = segment.window, segment.seq, segment.ack
        if self.state != "SYN-SENT" or not segment.flags & ACK:
            self.state = "SYN-RECEIVED"
            self.send_syn()

    def receive(self, segment):
        if self.state == "SYN-SENT":
            self.receive_syn_sent(segment)
        elif self.receive_checked(segment):
            self.receive_rest(segment)

    def receive_syn_sent(self, segment):
        """RFC 9293 3.10.7.3."""
        if segment.flags & ACK and segment.ack != self.nxt:
            if not segment.flags & RST:
                self.host.send(Segment(segment.ack, 0, RST))
            return
        if segment.flags & RST:
            if segment.flags & ACK:
                self.host.tcb = None
            return
        if not segment.flags & SYN:
            return
        self.take_syn(segment)
        if segment.flags & ACK:
            self.una, self.tries, self.state = segment.ack, 0, "ESTABLISHED"
            self.send_ack()
            self.begin_script()

    def acceptable(self, segment):
        """RFC 9293 3.4, table 6."""
        window = distance(self.rcv_edge, self.rcv_nxt)
        offset = distance(segment.seq, self.rcv_nxt)
        if segment.octets == 0:
            return offset == 0 if window == 0 else 0 <= offset < window
        last = distance(segment.end - 1, self.rcv_nxt)
        return window > 0 and (0 <= offset < window or 0 <= last < window)

    def receive_checked(self, segment):
        """PAWS, sequence number, RST and SYN (RFC 7323 5.3, RFC 9293 3.10.7.4, RFC 5961)."""
        stamped = self.stamps and segment.stamps is not None
        if stamped and not segment.flags & (RST | SYN) and distance(segment.stamps[0], self.recent) < 0:
            self.send_ack()
            return False
        if self.state == "TIME-WAIT" and segment.flags & (SYN | ACK | RST) == SYN:
            return self.reopen(segment)
        if self.state == "SYN-RECEIVED" and segment.flags & (SYN | ACK | RST) == SYN and segment.end == self.rcv_nxt:
            self.send_syn()  # the peer's once more: it has not got the answer
            return False
        if not self.acceptable(segment):
            if segment.flags & RST:
                self.host.wire.resets_not_taken += not segment.forged
            else:
                self.send_ack()
            return False
        if segment.flags & RST:
            if self.state == "TIME-WAIT":  # not to be cut short (RFC 1337 3)
                self.host.wire.resets_not_taken += bool(segment.flags & ACK) and not segment.forged
                return False
            if segment.seq == self.rcv_nxt:
                self.host.tcb = None
            else:
                self.host.wire.resets_not_taken += not segment.forged
                self.send_ack()
            return False
        if segment.flags & SYN:
            self.send_ack()
            return False
        if stamped and distance(segment.seq, self.last_ack_sent) <= 0:
            self.recent = segment.stamps[0]
        return bool(segment.flags & ACK)

    def reopen(self, segment):
        """RFC 6191, RFC 9293 3.6.1: a SYN that is newer than all of the old connection begins another one."""
        newer = self.stamps and segment.stamps and distance(segment.stamps[0], self.recent) > 0
        if self.host.listens and (newer or distance(segment.seq, self.rcv_nxt) > 0):
            self.host.tcb = None
            self.host.receive(segment)
        else:
            self.send_ack()
        return False

    def receive_rest(self, segment):
        if self.state == "SYN-RECEIVED":
            if distance(segment.ack, self.una) <= 0 or distance(segment.ack, self.nxt) > 0:
                self.host.send(Segment(segment.ack, 0, RST))
                return
            self.state = "ESTABLISHED"
            self.snd_wnd = segment.window << self.snd_scale
            self.snd_wl1, self.snd_wl2 = segment.seq, segment.ack
            self.una, self.tries = segment.ack, 0
            self.begin_script()
        if not self.take_ack(segment) or self.host.tcb is not self:
            return
        if segment.octets and not segment.flags & SYN:
            self.take_text(segment)
        elif segment.flags & SYN:
            self.send_ack()
        self.push()

    def take_ack(self, segment):
        if distance(segment.ack, self.sent_max) > 0 or distance(segment.ack, self.una) < -(1 << 20):
            self.send_ack()  # of what was never sent, or too old (RFC 5961 5)
            return False
        forward = distance(segment.ack, self.una) > 0
        if forward:
            self.una, self.tries, self.duplicates = segment.ack, 0, 0
            if distance(self.nxt, self.una):
                self.arm()
            self.fin_acknowledged()
        elif segment.ack == self.una and distance(self.nxt, self.una) and not segment.octets:
            self.duplicates += 1
            if self.duplicates == 3 and self.state != "TIME-WAIT":
                self.repeat()
        # A repetition with a newer acknowledgement counts, too: else this end would overrun the other's window.
        newer = forward or distance(segment.seq, self.snd_wl1) > 0 or segment.seq == self.snd_wl1 \
            and distance(segment.ack, self.snd_wl2) >= 0
        if newer and distance(segment.ack, self.una) >= 0:
            self.snd_wnd = segment.window << self.snd_scale
            self.snd_wl1, self.snd_wl2 = segment.seq, segment.ack
        return True

    def fin_acknowledged(self):
        if self.fin_sent and self.una == self.nxt:
            if self.state == "LAST-ACK":
                self.host.tcb = None
            self.state = {"FIN-WAIT-1": "FIN-WAIT-2", "CLOSING": "TIME-WAIT"}.get(self.state, self.state)

    def take_text(self, segment):
        if self.state not in TAKES_DATA:
            if self.state == "TIME-WAIT" or distance(segment.seq, self.rcv_nxt) < 0:
                self.send_ack()
            return
        edge = self.rcv_edge
        end, fin = segment.end, bool(segment.flags & FIN)
        if distance(end, edge) > 0:
            end, fin = edge, False
        if distance(end, self.rcv_nxt) > 0:
            self.pieces.append((segment.seq, end, fin))
        in_order = distance(segment.seq, self.rcv_nxt) <= 0 and not self.pieces[1:]
        before = self.rcv_nxt
        fin = self.put_together()
        if self.host.tcb is self and fin:
            self.peer_has_closed()
        elif in_order and self.rcv_nxt != before and self.world.random.random() < 0.4:
            self.ack_timer += 1
            self.world.after(DELAYED_ACK_US, self.delayed_ack, self.ack_timer)
        else:
            self.send_ack()

    def put_together(self):
        """Take what has become contiguous; whether a FIN was its end."""
        fin, again = False, True
        while again:
            again = False
            for piece in list(self.pieces):
                seq, end, ends = piece
                if distance(seq, self.rcv_nxt) <= 0:
                    self.pieces.remove(piece)
                    if distance(end, self.rcv_nxt) > 0:
                        if not self.reads:
                            self.unread += distance(end, self.rcv_nxt)
                        self.rcv_nxt, again = end, True
                        fin = fin or ends
        return fin

    def peer_has_closed(self):
        self.state = {"ESTABLISHED": "CLOSE-WAIT", "FIN-WAIT-2": "TIME-WAIT", "FIN-WAIT-1": "CLOSING"}[self.state]
        self.pieces = []
        self.send_ack()
        if self.host.script and self.host.script.closes_after_peer is not None:
            self.world.after(self.host.script.closes_after_peer, self.close_if_open)

    def close_if_open(self):
        if self.host.tcb is self:
            self.close()
