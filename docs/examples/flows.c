/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Example of libweir: the connections of a capture (classic pcap, microseconds, this byte order).
 *
 *     cc flows.c $(pkg-config --cflags --libs weir) -o flows && ./flows IN.pcap
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <weir/weir.h>

struct pcap_packet {
    uint32_t sec, usec, len, len_on_wire;
};

static void show_ended(struct weir *weir)
{
    struct weir_connection c;

    while (weir_ended(weir, &c, 1) == 1) {
        char text[2][INET6_ADDRSTRLEN];

        for (int i = 0; i < 2; i++)
            inet_ntop(c.family == 6 ? AF_INET6 : AF_INET, c.address[i], text[i], sizeof(text[i]));
        printf("%s %u %s %u proto %u %s / %s packets %llu %llu end %s\n", text[0], c.port[0],
               text[1], c.port[1], c.proto, c.state[0] ? c.state[0] : "-",
               c.state[1] ? c.state[1] : "-", (unsigned long long)c.packets[0],
               (unsigned long long)c.packets[1], c.end);
    }
}

static uint64_t track_all(struct weir *weir, FILE *file)
{
    static uint8_t data[262144];
    struct weir_frame frame = {.data = data};
    struct pcap_packet packet;

    while (fread(&packet, sizeof(packet), 1, file) == 1 && packet.len <= sizeof(data) &&
           fread(data, packet.len, 1, file) == 1) {
        struct weir_answer answer;

        frame.len = packet.len;
        frame.time_us = packet.sec * (uint64_t)1000000 + packet.usec;
        while (weir_track(weir, &frame, 1, &answer) == 0)
            show_ended(weir);
        if (answer.refused)
            printf("refused: %s, %s\n", answer.reason, answer.text);
        show_ended(weir);
    }
    return frame.time_us;
}

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    struct weir_setup setup;
    struct weir *weir;
    uint64_t last_us;

    if (file == NULL || fseek(file, 24, SEEK_SET) != 0)
        return 1;
    weir_setup_default(&setup);
    if (getrandom(setup.secret, sizeof(setup.secret), 0) != sizeof(setup.secret))
        return 1;
    weir = weir_make(&setup, aligned_alloc(WEIR_MEMORY_ALIGN, weir_size(&setup)));
    if (weir == NULL)
        return 1;
    last_us = track_all(weir, file);
    while (weir_close(weir, last_us))
        show_ended(weir);
    show_ended(weir);
    fclose(file);
    free(weir);
    return 0;
}
