/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tracker of one worker: its flow tables, and the way of a burst of parsed packets through.
 *
 *   hash all -> fetch buckets -> match tags, fetch records -> per packet: find, track, account
 *
 * What comes out is one fate per packet, and views of the flows that ended, in an outbox that the
 * caller empties between bursts. Time is an argument: every packet has its own, and the tracker's
 * clock is the latest it has seen.
 *
 * Expiry is exact whatever the pace: a packet that finds a record whose time is over ends that flow
 * and begins the next. The sweep, which visits the records in order a few at a time, only gives the
 * memory back (docs/architecture.md has the measurement that chose it over a timing wheel).
 *
 * Owner: one worker; nobody else may call anything here. Counters are written by the owner only and
 * may be read by others at any time, each by itself.
 */
#ifndef WEIR_CORE_TRACKER_H
#define WEIR_CORE_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/annex.h"
#include "core/hash.h"
#include "core/packet.h"
#include "core/reason.h"
#include "core/syn_notes.h"
#include "core/table.h"
#include "core/tcp_track.h"
#include "core/timeout.h"
#include "core/view.h"

#define WEIR_BURST_MAX 256U

/* Pair numbers of what is not TCP: this much above its timeout class. */
#define WEIR_PAIR_OTHER 64U
#define WEIR_PAIR_COUNT (WEIR_PAIR_OTHER + WEIR_TIMEOUT_COUNT)

/*
 * What the policy says of a packet that would start a flow. UNKNOWN: it was not asked, since the
 * packet looked like one of a known flow; should it start one after all, judge is asked.
 */
enum weir_policy {
    WEIR_POLICY_ALLOW,
    WEIR_POLICY_DROP,
    WEIR_POLICY_REJECT,
    WEIR_POLICY_NOTRACK,
    WEIR_POLICY_UNKNOWN,
};

/* What is ordered for one packet: policy in the low bits, and if its port is in shadow mode. */
#define WEIR_ORDER_POLICY 0x0fU
#define WEIR_ORDER_SHADOW 0x80U

/* What holds for all workers; made by weir_rules_init, then constant while they run. */
struct weir_rules {
    struct weir_hash_secret secret;
    uint64_t timeout_us[WEIR_PAIR_COUNT][2]; /* by pair, and whether both ends have been heard */
    uint64_t timeout_min_us;
    enum weir_midstream midstream;
    bool records; /* views of ended flows are wanted */
};

/* Counters of one worker; 64-bit, only ever growing, but for the gauges. */
struct weir_counters {
    uint64_t packets;
    uint64_t bytes;                     /* IP octets; frame octets where there is no IP */
    uint64_t reason[WEIR_REASON_COUNT]; /* packets by reason; NONE: plainly forwarded */
    uint64_t verdict[WEIR_VERDICT_COUNT];
    uint64_t created;               /* flows */
    uint64_t ended[WEIR_END_COUNT]; /* flows by reason of their end */
    uint64_t pair[WEIR_PAIR_COUNT]; /* gauge: flows by pair of states */
    uint64_t records_lost;          /* copies that found no room in the outbox */
    uint64_t events_lost;           /* events likewise */
    uint64_t annex_full;            /* flows that were refused an annex */
    uint64_t swept;                 /* records the sweep has visited */
};

/* What became of a packet. */
struct weir_fate {
    uint8_t verdict;  /* enum weir_verdict */
    uint8_t reason;   /* enum weir_reason */
    uint8_t class;    /* enum weir_class */
    uint8_t pair;     /* after the packet; with a flow */
    uint8_t family;   /* of the record; 0 = no flow */
    uint8_t dir;      /* enum weir_dir; with a flow */
    uint64_t flow_id; /* with want_ids only; 0 = no flow */
};

/* Copy of a record, whole enough to make a view of it elsewhere: cheap to take, a few lines. */
struct weir_flow_copy {
    uint8_t family; /* 4 or 6; 0 marks the end of a listing */
    uint8_t annexed;
    uint8_t end; /* enum weir_end */
    uint32_t record;
    uint64_t clock_us; /* of its tracker when the copy was made */
    struct weir_flow_cold cold;
    struct weir_annex_entry annex; /* if annexed */
    union {
        struct weir_flow flow;
        uint8_t hot[offsetof(struct weir_flow, key) + sizeof(struct weir_key6)];
    };
};

/* What subscribers can be told of as it happens. */
enum weir_event_kind {
    WEIR_EVENT_NEW,
    WEIR_EVENT_STATE, /* a TCP pair has moved */
    WEIR_EVENT_END,
    WEIR_EVENT_REFUSED, /* a packet of a known flow */
    WEIR_EVENT_KINDS
};

struct weir_event {
    uint8_t kind;            /* enum weir_event_kind */
    uint8_t reason;          /* enum weir_reason, with REFUSED */
    uint8_t state_before[2]; /* with STATE */
    uint64_t time_us;
    struct weir_flow_view flow; /* as it is after the event */
};

/* Events since the caller last emptied it; those that find no room are counted as lost. */
struct weir_event_box {
    struct weir_event *event;
    uint32_t size;
    uint32_t count;
    uint32_t watch; /* bit per kind that somebody wants */
};

/*
 * Copies of ended flows since the caller last emptied it; the caller sets count back to 0. What can
 * be read from a copy, somebody else has the time to (weir_flow_copy_view).
 */
struct weir_outbox {
    struct weir_flow_copy *ended;
    uint32_t size;
    uint32_t count;
};

/* What a TCP packet adds to its flow's history; flags are its own. */
struct weir_letters {
    uint32_t record;
    uint8_t six; /* of the IPv6 table */
    uint8_t dir;
    uint8_t letters; /* a bit each by enum weir_letter */
};

#define WEIR_HASHES_KNOWN 64U

/* The hash of the key that a record has as long as it is in use. */
struct weir_known_hash {
    uint64_t hash;
    uint64_t record; /* its number, plus 1; 0: none is known */
};

struct weir_tracker {
    struct weir_table table[2]; /* IPv4, IPv6 */
    struct weir_annex annex;
    const struct weir_rules *rules;
    uint64_t clock_us;   /* latest time seen in this epoch */
    uint32_t looks_left; /* for making room, in this burst */
    uint32_t epoch;      /* how often the clock was set back */
    struct weir_outbox outbox;
    struct weir_event_box events; /* size 0 until the owner gives it room */
    /*
     * Judge one packet that was not judged beforehand; NULL where there is no policy. Called
     * rarely: a known flow's record turned out to be of another key, expired or over.
     */
    enum weir_policy (*judge)(const void *judge_context, const struct weir_packet *packet);
    const void *judge_context;
    /* Empty the outbox; NULL: what finds no room is lost. Called when it is full. */
    void (*drain)(void *drain_context);
    void *drain_context;
    bool want_ids; /* fill in flow_id of each fate */
    /* Hashes of records that will soon be ended, by family and the record's lowest bits. */
    struct weir_known_hash known[2][WEIR_HASHES_KNOWN];
    uint32_t fetched[2]; /* records before this one have been looked at for that */
    struct weir_syn_notes syn_notes;
    /*
     * Letters that the burst in hand has yet to enter in the cold parts of its flows, which are
     * being fetched meanwhile. None between bursts, nor when a flow is shown to anybody.
     */
    uint32_t letter_count;
    struct weir_letters letters[WEIR_BURST_MAX];
    struct weir_counters counters __attribute__((aligned(64)));
};

/* Fill in rules: the secret is the caller's, the timeouts are unfolded by pair. */
void weir_rules_init(struct weir_rules *rules, const struct weir_timeouts *timeouts);

/* Octets of memory for a tracker of so many IPv4 and IPv6 records; 0 if out of range. */
size_t weir_tracker_size(uint32_t flows4, uint32_t flows6);

/*
 * Make an empty tracker in zeroed, 64-byte aligned memory of weir_tracker_size() octets, which the
 * caller keeps. outbox, outbox_size copies, is the caller's too. Returns 0 or -EINVAL.
 */
int weir_tracker_init(struct weir_tracker *tracker, void *memory, uint32_t flows4, uint32_t flows6,
                      const struct weir_rules *rules, struct weir_flow_copy *outbox,
                      uint32_t outbox_size);

/* The keyed hash of a parsed packet's key (family 4 or 6). */
static inline uint64_t weir_packet_hash(const struct weir_hash_secret *secret,
                                        const struct weir_packet *packet)
{
    return packet->family == 4 ? weir_hash_key4(secret, &packet->key4)
                               : weir_hash_key6(secret, &packet->key6);
}

/*
 * First half: fetch buckets, match tags, fetch records. likely[i] is WEIR_TABLE_NONE where packet i
 * belongs to no known flow, a guess otherwise; without meaning where it has no key.
 */
void weir_tracker_match(struct weir_tracker *tracker, const struct weir_packet *packet,
                        const uint64_t *hash, uint32_t *likely, unsigned int count);

/* A burst of parsed packets: arrays of count (at most WEIR_BURST_MAX) in order of arrival. */
struct weir_tracker_burst {
    const struct weir_packet *packet;
    const uint64_t *hash;    /* weir_packet_hash; anything where family is 0 */
    const uint64_t *time_us; /* arrival, microseconds since the epoch */
    const uint32_t *likely;  /* from weir_tracker_match */
    const uint8_t *order;    /* WEIR_ORDER_*; NULL: allow all, enforce */
    struct weir_fate *fate;  /* filled in */
    unsigned int count;
};

/* Second half: find, track and account each packet in order. */
void weir_tracker_track(struct weir_tracker *tracker, const struct weir_tracker_burst *burst);

/*
 * Visit up to limit records of each table in order, and remove those whose time is over at now_us.
 * Stops early rather than overfill the outbox. Returns the number of records looked at.
 */
unsigned int weir_tracker_sweep(struct weir_tracker *tracker, uint64_t now_us, unsigned int limit);

/*
 * A packet's time that lies further below the latest one of its port is no disorder: the port's
 * clock was set back, and whoever numbers epochs (struct weir_packet) begins a new one.
 */
#define WEIR_SET_BACK_USEC ((uint64_t)1 << 35) /* 9.5 hours; a record allows 19 */

/* Bring the clock to what others have seen; ends flows as a packet of that time and epoch would. */
void weir_tracker_settle(struct weir_tracker *tracker, uint64_t now_us, uint32_t epoch);

/*
 * Take out the next flows at the end of a run, as many as the outbox has room for: expired ones as
 * such, open ones with end (ACTIVE or SHUTDOWN). Returns false when none is left. A bounded slice
 * per call; records stay in the table until they are reported.
 */
bool weir_tracker_close(struct weir_tracker *tracker, uint64_t now_us, enum weir_end end);

/*
 * Walk all records in use, a slice at a time, independent of the sweep: copies of up to room
 * records from *cursor on, looking at no more than looks. *cursor starts at 0 and is moved; it is
 * weir_tracker_walk_end() when all have been visited. A record that lives through the whole walk is
 * copied exactly once, since records do not move. Returns the number of copies.
 */
unsigned int weir_tracker_walk(const struct weir_tracker *tracker, uint64_t *cursor,
                               struct weir_flow_copy *copy, unsigned int room, unsigned int looks);

/*
 * The same for the one flow with this id, which is copied if it is met; any other costs a look at
 * its key only. Returns 1 if it was met, else 0.
 */
unsigned int weir_tracker_seek(const struct weir_tracker *tracker, uint64_t *cursor, uint64_t id,
                               struct weir_flow_copy *copy, unsigned int looks);

static inline uint64_t weir_tracker_walk_end(const struct weir_tracker *tracker)
{
    return (uint64_t)tracker->table[0].capacity + tracker->table[1].capacity;
}

/* Make a view of a copy. */
void weir_flow_copy_view(const struct weir_flow_copy *copy, struct weir_flow_view *view);

/* End the flow in this record if it is still the one with this id. Returns whether it was. */
bool weir_tracker_end(struct weir_tracker *tracker, unsigned int family, uint32_t record,
                      uint64_t id, enum weir_end end);

/* Unpack a record in use, with end as the reason of its end. */
void weir_tracker_view(const struct weir_tracker *tracker, unsigned int family, uint32_t record,
                       enum weir_end end, struct weir_flow_view *view);

/* States of a pair number; WEIR_STATE_NONE twice where it is not TCP. */
void weir_pair_states(unsigned int pair, uint8_t state[2]);

#endif
