/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/pcapng.h"

#include <string.h>

enum {
    BLOCK_SECTION = 0x0A0D0D0A,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,
    BYTE_ORDER_MAGIC = 0x1A2B3C4D,
    LINKTYPE_ETHERNET = 1,
    OPTION_END = 0,
    OPTION_COMMENT = 1,
    OPTION_IF_NAME = 2,
    OPTION_PACKET_FLAGS = 2,
    OPTION_PROGRAM = 4,
    OPTION_PACKET_ID = 5,
    FLAGS_INBOUND = 1,
};

/* One block being written: its end moves on. */
struct block {
    uint8_t *begin, *end;
};

static void put(struct block *block, const void *data, size_t len)
{
    static const uint8_t padding[4];

    if (len > 0)
        memcpy(block->end, data, len);
    block->end += len;
    memcpy(block->end, padding, -len & 3);
    block->end += -len & 3;
}

static void put16(struct block *block, uint16_t a, uint16_t b)
{
    put(block, (uint16_t[]){a, b}, 4);
}

static void put32(struct block *block, uint32_t value)
{
    put(block, &value, sizeof(value));
}

static void put_option(struct block *block, uint16_t code, const void *data, size_t len)
{
    put16(block, code, (uint16_t)len);
    put(block, data, len);
}

static void put_text(struct block *block, uint16_t code, const char *text)
{
    put_option(block, code, text, strnlen(text, WEIR_PCAPNG_TEXT_MAX));
}

static struct block block_begin(uint8_t *to, uint32_t type) /* NOLINT: it is written to */
{
    struct block block = {to, to};

    put32(&block, type);
    put32(&block, 0); /* its length, when that is known */
    return block;
}

static size_t block_end(struct block *block)
{
    uint32_t len = (uint32_t)(block->end - block->begin) + 8;

    put_option(block, OPTION_END, NULL, 0);
    put32(block, len);
    memcpy(block->begin + 4, &len, sizeof(len));
    return len;
}

size_t weir_pcapng_section(uint8_t *to, const char *program)
{
    struct block block = block_begin(to, BLOCK_SECTION);
    int64_t unknown = -1; /* the section's length */

    put32(&block, BYTE_ORDER_MAGIC);
    put16(&block, 1, 0); /* the format's version */
    put(&block, &unknown, sizeof(unknown));
    put_text(&block, OPTION_PROGRAM, program);
    return block_end(&block);
}

size_t weir_pcapng_interface(uint8_t *to, const char *name, uint32_t snap_len)
{
    struct block block = block_begin(to, BLOCK_INTERFACE);

    put16(&block, LINKTYPE_ETHERNET, 0);
    put32(&block, snap_len);
    put_text(&block, OPTION_IF_NAME, name);
    return block_end(&block);
}

size_t weir_pcapng_packet(uint8_t *to, const struct weir_pcapng_packet *packet)
{
    struct block block = block_begin(to, BLOCK_PACKET);
    uint32_t flags = FLAGS_INBOUND;

    put32(&block, packet->interface);
    put32(&block, (uint32_t)(packet->time_us >> 32));
    put32(&block, (uint32_t)packet->time_us);
    put32(&block, packet->captured);
    put32(&block, packet->len);
    put(&block, packet->octets, packet->captured);
    put_text(&block, OPTION_COMMENT, packet->comment);
    put_option(&block, OPTION_PACKET_FLAGS, &flags, sizeof(flags));
    put_option(&block, OPTION_PACKET_ID, &packet->id, sizeof(packet->id));
    return block_end(&block);
}
