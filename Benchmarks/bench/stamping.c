/* A small HTTP/1.1 server that says when things happened to it.
 *
 *   stamping STAMPS NAME RELEASE START_MILLISECONDS
 *
 * It listens on 127.0.0.1:$PORT after so many milliseconds and answers every request. To the file STAMPS it appends one
 * line for each of: `begun` (main was entered), `ready` (it listens), `probed` (the first request for /ready was
 * answered), `served` (the first other request arrived). A line: event, name, release, pid, nanoseconds since 1970. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096, SPACE = 4096 };

static const char *stamps, *name, *release;
static struct { char bytes[SPACE]; size_t count; } *clients[MOST];

static void stamp(const char *event) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char line[256];
    int length = snprintf(line, sizeof line, "%s %s %s %d %lld%09ld\n", event, name, release, (int)getpid(),
                          (long long)now.tv_sec, now.tv_nsec);
    /* One write of an appended line is never torn. */
    int file = open(stamps, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0 || write(file, line, (size_t)length) != length) abort();
    close(file);
}

/* Answers the whole requests that have arrived; false when the client has gone or talks nonsense. */
static int answer(int client) {
    static int was_probed, was_served;
    char *bytes = clients[client]->bytes;
    size_t *count = &clients[client]->count;
    ssize_t got = recv(client, bytes + *count, SPACE - 1 - *count, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    *count += (size_t)got;
    bytes[*count] = 0;
    char *end;
    while ((end = strstr(bytes, "\r\n\r\n"))) {
        int is_probe = strncmp(bytes, "GET /ready", 10) == 0;
        if (!is_probe && !was_served++) stamp("served");
        char text[512];
        int length = snprintf(text, sizeof text,
                              "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Release: %s\r\nContent-Length: 2\r\n\r\nok",
                              release);
        if (send(client, text, (size_t)length, MSG_NOSIGNAL) != length) return 0;
        if (is_probe && !was_probed++) stamp("probed");
        size_t used = (size_t)(end + 4 - bytes);
        memmove(bytes, bytes + used, *count - used + 1);
        *count -= used;
    }
    return *count < SPACE - 1;
}

int main(int count, char **words) {
    if (count != 5 || !getenv("PORT")) return 2;
    stamps = words[1], name = words[2], release = words[3];
    stamp("begun");
    int milliseconds = atoi(words[4]);
    nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000L}, NULL);
    int door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(getenv("PORT"))),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(door, (struct sockaddr *)&place, sizeof place) || listen(door, 1024)) return 1;
    stamp("ready");
    int poll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(poll, EPOLL_CTL_ADD, door, &(struct epoll_event){.events = EPOLLIN, .data.fd = door});
    for (;;) {
        struct epoll_event events[64];
        int ready = epoll_wait(poll, events, 64, -1);
        for (int index = 0; index < ready; index++) {
            int client = events[index].data.fd;
            if (client != door) {
                if (!answer(client)) close(client);
                continue;
            }
            client = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (client < 0) continue;
            if (client < MOST && !clients[client]) clients[client] = malloc(sizeof *clients[client]);
            if (client >= MOST || !clients[client]) {
                close(client);
                continue;
            }
            clients[client]->count = 0;
            setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            epoll_ctl(poll, EPOLL_CTL_ADD, client, &(struct epoll_event){.events = EPOLLIN, .data.fd = client});
        }
    }
}
