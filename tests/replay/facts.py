# SPDX-License-Identifier: BSD-3-Clause
"""The RFC 9293 state of both ends of a TCP stream, out of facts instead of transitions.

A state follows from few facts: who has sent a SYN and a FIN, which of them the other end has
acknowledged, and whether a RST that its receiver takes has passed. What has passed the tap toward an
end counts as received there, unless that end says otherwise: a segment of its own that does not
acknowledge the peer's FIN shows that it had not arrived. That is the contract of what weir tracks
(see docs/tcp-state-machine.md), worked out here in another way than weir does.
"""

from dataclasses import dataclass

FIN, SYN, RST, ACK = 1, 2, 4, 16
SYNCHRONISED = "ESTABLISHED"


@dataclass
class End:
    """What is known of one end; sequence numbers are counted on from the first one seen."""

    sent_any: bool = False
    base: int = 0  # raw number that counts as 0
    syn_end: int = None  # number after its SYN
    newest: int = 0  # number after all it has sent
    acked_by_peer: int = None  # highest of its numbers that the peer has acknowledged
    fin_end: int = None  # number after its FIN
    fin_acks_fin: bool = True  # its oldest FIN already acknowledged the peer's
    has_peer_fin: bool = False

    def relative(self, raw):
        """Numbers wrap at 2^32: take the one nearest to what was sent last."""
        return self.newest + (raw - self.base - self.newest + (1 << 31)) % (1 << 32) - (1 << 31)

    @property
    def fin_acked(self):
        return self.fin_end is not None and self.acked_by_peer is not None and self.acked_by_peer >= self.fin_end

    @property
    def syn_acked(self):
        return self.syn_end is None or (self.acked_by_peer is not None and self.acked_by_peer >= self.syn_end)


class Facts:
    """Fed with the packets of one stream in order."""

    def __init__(self):
        self.ends = {}
        self.reset = False
        self.originator = None

    def feed(self, packet):
        if self.originator is None:
            self.originator = self.choose_originator(packet)
            self.ends = {packet.sender: End(), packet.receiver: End()}
        sender, receiver = self.ends[packet.sender], self.ends[packet.receiver]
        if packet.flags & RST:
            self.take_reset(packet, sender, receiver)
        elif not self.reset:
            self.take(packet, sender, receiver)

    @staticmethod
    def choose_originator(packet):
        """The SYN's sender; from the SYN-ACK on, its receiver; else the first sender."""
        return packet.receiver if packet.flags & (SYN | ACK) == SYN | ACK else packet.sender

    def take_reset(self, packet, sender, receiver):
        if self.reset or not self.reset_is_taken(packet, sender, receiver):
            return
        self.reset = True

    @staticmethod
    def reset_is_taken(packet, sender, receiver):
        """RFC 5961 3.2: the next expected number; RFC 9293 3.10.7.3: in SYN-SENT the acknowledgement counts."""
        if not sender.sent_any or sender.syn_end is None and receiver.syn_end is not None:
            if packet.flags & ACK and receiver.sent_any:
                return 0 < receiver.relative(packet.ack) <= receiver.newest
            return not sender.sent_any and not receiver.syn_end
        seq = sender.relative(packet.seq)
        return any(abs(seq - exact) <= 1 for exact in (sender.newest, sender.acked_by_peer) if exact is not None)

    def take(self, packet, sender, receiver):
        if not sender.sent_any:
            sender.sent_any, sender.base = True, packet.seq
        seq = sender.relative(packet.seq)
        end = seq + packet.payload + bool(packet.flags & SYN) + bool(packet.flags & FIN)
        if packet.flags & ACK:
            self.take_ack(packet, sender, receiver, end)
        if packet.flags & SYN:
            sender.syn_end = seq + 1
            if packet.flags & ACK and receiver.syn_end is None:  # seen only from here on: it says so
                receiver.syn_end = receiver.relative(packet.ack)
        if packet.flags & FIN:
            self.take_fin(packet, sender, receiver, end)
        sender.newest = max(sender.newest, end)

    @staticmethod
    def take_ack(packet, sender, receiver, end):
        if not receiver.sent_any:
            receiver.sent_any, receiver.base, receiver.newest = True, packet.ack, 0
        acked = receiver.relative(packet.ack)
        if receiver.acked_by_peer is None or acked > receiver.acked_by_peer:
            receiver.acked_by_peer = acked
        bare = not packet.payload and not packet.flags & FIN  # with data it may be a repetition, sent just now
        overtaken = acked < receiver.acked_by_peer or bare and end < sender.newest
        if receiver.fin_end is not None and not overtaken:
            sender.has_peer_fin = acked >= receiver.fin_end

    def take_fin(self, packet, sender, receiver, end):
        acks_fin = bool(packet.flags & ACK) and receiver.fin_end is not None \
            and receiver.relative(packet.ack) >= receiver.fin_end
        sender.fin_end = end
        sender.fin_acks_fin = sender.fin_acks_fin and acks_fin
        receiver.has_peer_fin = True

    @property
    def over(self):
        """Neither end holds the connection any more."""
        return self.originator is not None and set(self.states()) <= {"CLOSED", "TIME-WAIT"}

    def states(self):
        """(originator's state, responder's state)."""
        responder = next(end for end in self.ends if end != self.originator)
        pair = self.ends[self.originator], self.ends[responder]
        return self.state(*pair), self.state(*reversed(pair))

    def state(self, me, peer):
        if self.reset:
            return "CLOSED"
        if me.fin_end is not None and me.has_peer_fin:
            if me.fin_acks_fin:
                return "CLOSED" if me.fin_acked else "LAST-ACK"
            return "TIME-WAIT" if me.fin_acked else "CLOSING"
        if me.fin_end is not None:
            return "FIN-WAIT-2" if me.fin_acked else "FIN-WAIT-1"
        opening = self.opening_state(me, peer)
        return "CLOSE-WAIT" if opening == SYNCHRONISED and me.has_peer_fin else opening

    @staticmethod
    def opening_state(me, peer):
        if me.syn_end is None and peer.syn_end is None:
            return SYNCHRONISED
        if me.syn_end is None:
            return "SYN-RECEIVED" if not me.sent_any or peer.acked_by_peer is None else SYNCHRONISED
        if peer.syn_end is None:
            return "SYN-SENT" if not peer.sent_any or not me.syn_acked else SYNCHRONISED
        return SYNCHRONISED if me.syn_acked else "SYN-RECEIVED"


def of_stream(packets):
    facts = Facts()
    for packet in packets:
        facts.feed(packet)
    return facts
