/* SPDX-License-Identifier: BSD-3-Clause */
#include "weir/http_listen.h"

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <err.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 256

static int socket_make(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    return fd;
}

/* Does nobody listen on this socket file? */
static int socket_is_stale(const struct sockaddr_un *address)
{
    int fd = socket_make(AF_UNIX);
    int err = 0;

    if (fd < 0)
        return fd;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
        err = -errno;
    close(fd);
    if (err == -ECONNREFUSED || err == -ENOENT)
        return 0;
    return err == 0 || err == -EAGAIN ? -EADDRINUSE : err;
}

/* Make way for a new socket file. */
static int path_clear(const struct sockaddr_un *address)
{
    struct stat status;
    int err;

    if (lstat(address->sun_path, &status) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(status.st_mode))
        return -EEXIST;
    err = socket_is_stale(address);
    if (err < 0)
        return err;
    return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int path_own(const char *path, mode_t mode, const char *group)
{
    if (group[0] != '\0') {
        const struct group *entry = getgrnam(group);

        if (entry == NULL)
            return -EINVAL;
        if (chown(path, (uid_t)-1, entry->gr_gid) < 0)
            return -errno;
    }
    return chmod(path, mode) < 0 ? -errno : 0;
}

/* Nobody can connect before listen, so nobody can before mode and group are right. */
static int unix_bind(int fd, const struct sockaddr_un *address, mode_t mode, const char *group)
{
    int err = path_clear(address);

    if (err < 0)
        return err;
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
        return -errno;
    err = path_own(address->sun_path, mode, group);
    if (err == 0 && listen(fd, BACKLOG) < 0)
        err = -errno;
    if (err < 0)
        unlink(address->sun_path);
    return err;
}

int weir_listen_unix(const char *path, mode_t mode, const char *group)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;
    int err;

    if (strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path)) {
        warnx("%s: too long for a socket: at most %zu octets", path, sizeof(address.sun_path) - 1);
        return -EINVAL;
    }
    fd = socket_make(AF_UNIX);
    err = fd < 0 ? fd : unix_bind(fd, &address, mode, group);
    if (err == 0)
        return fd;
    if (err == -EADDRINUSE)
        warnx("%s: somebody listens there already", path);
    else if (err == -EEXIST)
        warnx("%s: is there, and no socket", path);
    else
        warnx("%s: cannot listen: %s", path, strerror(-err));
    if (fd >= 0)
        close(fd);
    return err;
}

/* Returns the length of *address, 0 if text is none. */
static socklen_t tcp_parse(const char *text, struct sockaddr_storage *address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    const char *colon = strrchr(text, ':');
    const char *error;
    uint16_t port;

    memset(address, 0, sizeof(*address));
    if (colon == NULL || colon[1] < '0' || colon[1] > '9')
        return 0;
    port = (uint16_t)strtonum(colon + 1, 1, UINT16_MAX, &error);
    if (error != NULL)
        return 0;
    if (strncmp(text, "127.0.0.1:", 10) == 0 && text + 9 == colon) {
        *v4 = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        return sizeof(*v4);
    }
    if (strncmp(text, "[::1]:", 6) == 0 && text + 5 == colon) {
        *v6 = (struct sockaddr_in6){
            .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        return sizeof(*v6);
    }
    return 0;
}

bool weir_listen_tcp_valid(const char *address)
{
    struct sockaddr_storage parsed;

    return address[0] == '\0' || tcp_parse(address, &parsed) > 0;
}

bool weir_listen_group_valid(const char *group)
{
    return group[0] == '\0' || getgrnam(group) != NULL;
}

int weir_listen_tcp(const char *text)
{
    struct sockaddr_storage address;
    socklen_t len = tcp_parse(text, &address);
    int on = 1;
    int err = 0;
    int fd;

    if (len == 0) {
        warnx("%s: expected 127.0.0.1:PORT or [::1]:PORT", text);
        return -EINVAL;
    }
    fd = socket_make(address.ss_family);
    if (fd < 0) {
        err = fd;
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, BACKLOG) < 0)
            err = -errno;
    }
    if (err == 0)
        return fd;
    warnx("%s: cannot listen: %s", text, strerror(-err));
    if (fd >= 0)
        close(fd);
    return err;
}
