/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libfixbuf makes the messages, in memory; ipfix_link.c sends them. libfixbuf's own network
 * exporters wait for the collector, which the control core must not.
 */
#include "weir/ipfix.h"

#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <fixbuf/public.h>

#include "core/key.h"
#include "weir/ipfix_link.h"

enum {
    UDP_MESSAGE = 1400, /* octets, so that no path fragments it */
    TCP_MESSAGE = 8192,
    TEMPLATE4 = 256,
    TEMPLATE6 = 257,
    WAIT_USEC = 1000000,      /* that a record waits for others, at most */
    TEMPLATES_USEC = 30000000 /* between templates over UDP */
};

/* IANA's flowEndReason (136). */
enum { IDLE = 1, ACTIVE = 2, END_DETECTED = 3, FORCED = 4, NO_RESOURCES = 5 };

static const uint8_t end_reason[WEIR_END_COUNT] = {
    [WEIR_END_ACTIVE] = ACTIVE,   [WEIR_END_FIN] = END_DETECTED,     [WEIR_END_RST] = END_DETECTED,
    [WEIR_END_TIMEOUT] = IDLE,    [WEIR_END_EVICTED] = NO_RESOURCES, [WEIR_END_FLUSHED] = FORCED,
    [WEIR_END_SHUTDOWN] = FORCED,
};

/* A record as libfixbuf takes it: the elements in the order of the template, without gaps. */
struct record {
    uint64_t start_msec, end_msec;
    uint64_t bytes[2], packets[2];
    uint64_t id;
    uint16_t port[2];
    uint16_t vlan[2];
    uint16_t tcp_flags[2];
    uint8_t proto;
    uint8_t reason;
    uint8_t direction;
    uint8_t version;
    union {
        uint32_t addr4[2]; /* host order, as libfixbuf has them */
        uint8_t addr6[2][16];
    };
};

static_assert(offsetof(struct record, addr4) == 72, "no padding: libfixbuf reads it by offsets");

/* The template's elements; family 0: both IPv4 and IPv6. */
static const struct {
    const char *name;
    uint16_t len;
    uint8_t family;
} elements[] = {
    {"flowStartMilliseconds", 8, 0},
    {"flowEndMilliseconds", 8, 0},
    {"octetDeltaCount", 8, 0},
    {"reverseOctetDeltaCount", 8, 0},
    {"packetDeltaCount", 8, 0},
    {"reversePacketDeltaCount", 8, 0},
    {"flowId", 8, 0},
    {"sourceTransportPort", 2, 0},
    {"destinationTransportPort", 2, 0},
    {"vlanId", 2, 0},
    {"dot1qCustomerVlanId", 2, 0},
    {"tcpControlBits", 2, 0},
    {"reverseTcpControlBits", 2, 0},
    {"protocolIdentifier", 1, 0},
    {"flowEndReason", 1, 0},
    {"biflowDirection", 1, 0},
    {"ipVersion", 1, 0},
    {"sourceIPv4Address", 4, 4},
    {"destinationIPv4Address", 4, 4},
    {"sourceIPv6Address", 16, 6},
    {"destinationIPv6Address", 16, 6},
};

struct weir_ipfix {
    struct weir_link *link;
    fbInfoModel_t *model;
    fbExporter_t *exporter; /* freed with its buffer, as the session is */
    fbSession_t *session;
    fBuf_t *buffer;        /* NULL: not made for the link's session yet */
    unsigned int made_for; /* session of the link that it was made for */
    unsigned int records;  /* in the message under way */
    bool templates_due;
    uint64_t begun_us;     /* when the message under way was begun, about */
    uint64_t templates_us; /* when templates were last sent */
    uint64_t now_us;
    bool broken; /* libfixbuf has failed; told once */
    uint8_t message[TCP_MESSAGE];
};

bool weir_ipfix_target_valid(const char *target)
{
    return weir_link_target_valid(target);
}

/* libfixbuf fails only where memory is short or we are wrong. */
static void failed(struct weir_ipfix *ipfix, GError *error)
{
    if (!ipfix->broken)
        warnx("IPFIX: %s", error == NULL ? "libfixbuf failed" : error->message);
    ipfix->broken = true;
    g_clear_error(&error);
}

static bool template_fill(fbTemplate_t *template, unsigned int family, GError **error)
{
    bool ok = true;

    for (unsigned int i = 0; ok && i < sizeof(elements) / sizeof(elements[0]); i++) {
        fbInfoElementSpec_t spec = {.name = (char *)(uintptr_t)elements[i].name, /* only read */
                                    .len_override = elements[i].len};

        if (elements[i].family == 0 || elements[i].family == family)
            ok = fbTemplateAppendSpec(template, &spec, 0, error);
    }
    return ok;
}

static bool template_add(struct weir_ipfix *ipfix, uint16_t id, unsigned int family, GError **error)
{
    fbTemplate_t *template = fbTemplateAlloc(ipfix->model);

    return template_fill(template, family, error) &&
           fbSessionAddTemplate(ipfix->session, TRUE, id, template, error) != 0 &&
           fbSessionAddTemplate(ipfix->session, FALSE, id, template, error) != 0;
}

/* A new transport session: its sequence numbers begin anew, its collector knows no template. */
static bool session_make(struct weir_ipfix *ipfix)
{
    bool udp = weir_link_is_udp(ipfix->link);
    GError *error = NULL;
    bool ok;

    if (ipfix->buffer != NULL)
        fBufFree(ipfix->buffer);
    ipfix->session = fbSessionAlloc(ipfix->model);
    /* Templates before the buffer: once there is one, adding a template writes to it. */
    ok = template_add(ipfix, TEMPLATE4, 4, &error) && template_add(ipfix, TEMPLATE6, 6, &error);
    ipfix->exporter = fbExporterAllocBuffer(ipfix->message, udp ? UDP_MESSAGE : TCP_MESSAGE);
    ipfix->buffer = fBufAllocForExport(ipfix->session, ipfix->exporter);
    fBufSetAutomaticMode(ipfix->buffer, FALSE);
    ipfix->records = 0;
    ipfix->templates_due = true;
    ipfix->made_for = weir_link_session(ipfix->link);
    if (!ok)
        failed(ipfix, error);
    return ok;
}

struct weir_ipfix *weir_ipfix_open(const char *target, bool patient)
{
    struct weir_ipfix *ipfix = calloc(1, sizeof(*ipfix));

    if (ipfix == NULL) {
        warnx("%s: no memory for IPFIX", target);
        return NULL;
    }
    ipfix->link = weir_link_open(target, patient);
    if (ipfix->link == NULL) {
        free(ipfix);
        return NULL;
    }
    ipfix->model = fbInfoModelAlloc();
    if (!session_make(ipfix)) {
        weir_ipfix_close(ipfix);
        return NULL;
    }
    return ipfix;
}

/* Send the message under way, if there is one. */
static void message_send(struct weir_ipfix *ipfix)
{
    GError *error = NULL;
    unsigned int records = ipfix->records;

    if (records == 0)
        return;
    ipfix->records = 0;
    if (fBufEmit(ipfix->buffer, &error)) {
        weir_link_send(ipfix->link, ipfix->message, fbExporterGetMsgLen(ipfix->exporter), records);
        return;
    }
    weir_link_lose(ipfix->link, records);
    failed(ipfix, error);
}

/* libfixbuf asks once for a new message after data, also where one has just been begun. */
static bool templates_export(struct weir_ipfix *ipfix, GError **error)
{
    if (fbSessionExportTemplates(ipfix->session, error))
        return true;
    if (!g_error_matches(*error, FB_ERROR_DOMAIN, FB_ERROR_EOM))
        return false;
    g_clear_error(error);
    return fbSessionExportTemplates(ipfix->session, error);
}

/* Make ready for a record: the right session, and templates where they are due. */
static bool message_begin(struct weir_ipfix *ipfix)
{
    GError *error = NULL;

    if (weir_link_session(ipfix->link) != ipfix->made_for) {
        if (weir_link_is_udp(ipfix->link)) {
            ipfix->made_for = weir_link_session(ipfix->link);
            ipfix->templates_due = true;
        } else if (!session_make(ipfix)) {
            return false;
        }
    }
    if (!ipfix->templates_due)
        return true;
    message_send(ipfix);
    if (!templates_export(ipfix, &error)) {
        failed(ipfix, error);
        return false;
    }
    ipfix->templates_due = false;
    ipfix->templates_us = ipfix->now_us;
    return true;
}

/* Append a record; false, and *full set, if the message has no room for it. */
static bool append(struct weir_ipfix *ipfix, struct record *record, bool *full)
{
    uint16_t id = record->version == 4 ? TEMPLATE4 : TEMPLATE6;
    size_t len = offsetof(struct record, addr4) +
                 (record->version == 4 ? sizeof(record->addr4) : sizeof(record->addr6));
    GError *error = NULL;

    *full = false;
    if (fBufSetInternalTemplate(ipfix->buffer, id, &error) &&
        fBufSetExportTemplate(ipfix->buffer, id, &error) &&
        fBufAppend(ipfix->buffer, (uint8_t *)record, len, &error))
        return true;
    *full = g_error_matches(error, FB_ERROR_DOMAIN, FB_ERROR_EOM);
    if (!*full)
        failed(ipfix, error);
    else
        g_clear_error(&error);
    return false;
}

/* Flags that have passed, as far as the history tells (upper case: the originator's). */
static void flags_fill(const char *history, uint16_t flags[2])
{
    static const struct {
        char letter;
        uint8_t flags;
    } letters[] = {{'s', 0x02}, {'h', 0x12}, {'a', 0x10}, {'d', 0x10}, {'f', 0x11}, {'r', 0x04}};

    for (; *history != '\0'; history++)
        for (unsigned int i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
            if ((*history | 0x20) == letters[i].letter)
                flags[(*history & 0x20) ? WEIR_RESP : WEIR_ORIG] |= letters[i].flags;
}

static bool has_ports(unsigned int proto)
{
    return proto == 6 || proto == 17 || proto == 132;
}

static void record_fill(struct record *record, const struct weir_flow_view *flow)
{
    *record = (struct record){
        .start_msec = flow->start_us / 1000,
        .end_msec = flow->end_us / 1000,
        .id = flow->id,
        .proto = flow->proto,
        .reason = end_reason[flow->end],
        .direction = 1, /* RFC 5103 6.3: the source is the initiator */
        .version = flow->family,
    };
    for (unsigned int dir = 0; dir < 2; dir++) {
        record->bytes[dir] = flow->bytes[dir];
        record->packets[dir] = flow->packets[dir];
        record->port[dir] = has_ports(flow->proto) ? flow->port[dir] : 0;
        record->vlan[dir] = flow->vlan[dir] == WEIR_VLAN_NONE ? 0 : flow->vlan[dir];
        if (flow->family == 6) {
            memcpy(record->addr6[dir], flow->addr[dir], sizeof(record->addr6[dir]));
        } else {
            memcpy(&record->addr4[dir], flow->addr[dir], sizeof(record->addr4[dir]));
            record->addr4[dir] = __builtin_bswap32(record->addr4[dir]);
        }
    }
    if (flow->proto == 6)
        flags_fill(flow->history, record->tcp_flags);
}

void weir_ipfix_flow(struct weir_ipfix *ipfix, const struct weir_flow_view *flow)
{
    struct record record;
    bool full;

    if (ipfix == NULL)
        return;
    if (!weir_link_up(ipfix->link) || !message_begin(ipfix)) {
        weir_link_lose(ipfix->link, 1);
        return;
    }
    record_fill(&record, flow);
    if (ipfix->records == 0)
        ipfix->begun_us = ipfix->now_us;
    if (append(ipfix, &record, &full)) {
        ipfix->records++;
        return;
    }
    message_send(ipfix);
    if (full && message_begin(ipfix) && append(ipfix, &record, &full))
        ipfix->records = 1;
    else
        weir_link_lose(ipfix->link, 1);
}

void weir_ipfix_poll(struct weir_ipfix *ipfix, uint64_t now_us)
{
    if (ipfix == NULL)
        return;
    ipfix->now_us = now_us;
    weir_link_poll(ipfix->link, now_us);
    if (weir_link_is_udp(ipfix->link) && now_us - ipfix->templates_us >= TEMPLATES_USEC)
        ipfix->templates_due = true;
    if (!weir_link_up(ipfix->link) && ipfix->records > 0) {
        weir_link_lose(ipfix->link, ipfix->records);
        session_make(ipfix); /* without what has been put into the message */
    }
    if (now_us - ipfix->begun_us >= WAIT_USEC)
        message_send(ipfix);
}

void weir_ipfix_count(const struct weir_ipfix *ipfix, struct weir_ipfix_counts *counts)
{
    const struct weir_link_counts *count;

    *counts = (struct weir_ipfix_counts){.up = false};
    if (ipfix == NULL)
        return;
    count = weir_link_count(ipfix->link);
    *counts = (struct weir_ipfix_counts){
        .records = count->records,
        .messages = count->messages,
        .lost = count->lost,
        .attempts = count->attempts,
        .up = weir_link_up(ipfix->link),
    };
}

void weir_ipfix_close(struct weir_ipfix *ipfix)
{
    uint64_t lost;

    if (ipfix == NULL)
        return;
    if (ipfix->buffer != NULL) {
        if (!weir_link_up(ipfix->link))
            weir_link_lose(ipfix->link, ipfix->records);
        else
            message_send(ipfix);
        fBufFree(ipfix->buffer);
    }
    fbInfoModelFree(ipfix->model);
    weir_link_drain(ipfix->link);
    lost = weir_link_count(ipfix->link)->lost;
    if (lost > 0)
        warnx("IPFIX: %" PRIu64 " records did not reach the collector", lost);
    weir_link_close(ipfix->link);
    free(ipfix);
}
