#define _GNU_SOURCE
#include "slw_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int slw_accept(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int slw_socketpair(int pair[2]) {
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 ? -errno : 0;
}

int slw_listen_tcp(const char *host, uint16_t port, int backlog) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    const struct sockaddr *address;
    socklen_t length;
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        address = (const struct sockaddr *)&v4;
        length = sizeof v4;
    } else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        address = (const struct sockaddr *)&v6;
        length = sizeof v6;
    } else {
        return -EINVAL;
    }
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    int on = 1;
    int failed = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0;
    if (!failed && address->sa_family == AF_INET6) {
        failed = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0;
    }
    if (failed || bind(fd, address, length) < 0 || listen(fd, backlog) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

// Takes in one datagram of answers. 1: the last one was among them; 0: more are coming.
static int take_listeners(
    const struct nlmsghdr *message, size_t left, uint16_t port, struct slw_listener *out, size_t capacity, int *count) {
    for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
        if (message->nlmsg_type == NLMSG_DONE) {
            return 1;
        }
        if (message->nlmsg_type == NLMSG_ERROR) {
            const struct nlmsgerr *error = NLMSG_DATA(message);
            return error->error < 0 ? error->error : -EPROTO;
        }
        const struct inet_diag_msg *found = NLMSG_DATA(message);
        if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY || found->id.idiag_sport != htons(port)) {
            continue;
        }
        if ((size_t)*count < capacity) {
            struct slw_listener *listener = &out[*count];
            memset(listener, 0, sizeof *listener);
            listener->family = found->idiag_family;
            memcpy(listener->address, found->id.idiag_src, sizeof listener->address);
            listener->inode = found->idiag_inode;
        }
        *count += 1;
    }
    return 0;
}

static int ask_listeners(int fd, int family, uint16_t port, struct slw_listener *out, size_t capacity, int *count) {
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 body;
    } request = {
        .header = {.nlmsg_len = sizeof request,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = (uint8_t)family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = 1u << TCP_LISTEN,
                 .id.idiag_sport = htons(port)},
    };
    if (send(fd, &request, sizeof request, 0) < 0) {
        return -errno;
    }
    while (1) {
        _Alignas(struct nlmsghdr) char answer[32 << 10];
        ssize_t got = recv(fd, answer, sizeof answer, 0);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return -errno;
        }
        int done = take_listeners((const struct nlmsghdr *)answer, (size_t)got, port, out, capacity, count);
        if (done != 0) {
            return done < 0 ? done : 0;
        }
    }
}

int slw_listeners(uint16_t port, struct slw_listener *out, size_t capacity) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) {
        return -errno;
    }
    int count = 0;
    int result = ask_listeners(fd, AF_INET, port, out, capacity, &count);
    if (result == 0) {
        result = ask_listeners(fd, AF_INET6, port, out, capacity, &count);
        // A kernel without IPv6 has no such listeners.
        if (result == -ENOENT) {
            result = 0;
        }
    }
    close(fd);
    return result < 0 ? result : count;
}

int slw_local_port(int fd) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
        return -errno;
    }
    if (address.ss_family == AF_INET) {
        return ntohs(((struct sockaddr_in *)&address)->sin_port);
    }
    if (address.ss_family == AF_INET6) {
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    }
    return -EAFNOSUPPORT;
}

int64_t slw_send(int fd, const void *bytes, size_t count, int descriptor) {
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    if (descriptor >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    ssize_t sent;
    do {
        sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

int64_t slw_receive(int fd, void *buffer, size_t capacity, int *descriptors, int *descriptor_count) {
    struct iovec part = {.iov_base = buffer, .iov_len = capacity};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * SLW_MAX_DESCRIPTORS)];
    } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    *descriptor_count = 0;
    ssize_t got;
    do {
        got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return -errno;
    }
    int count = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        int here = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < here && count < SLW_MAX_DESCRIPTORS; i++) {
            memcpy(&descriptors[count++], CMSG_DATA(header) + (size_t)i * sizeof(int), sizeof(int));
        }
    }
    if (message.msg_flags & MSG_CTRUNC) {
        for (int i = 0; i < count; i++) {
            close(descriptors[i]);
        }
        return -EMSGSIZE;
    }
    *descriptor_count = count;
    return got;
}

int64_t slw_memmem(const void *haystack, size_t haystack_length, const void *needle, size_t needle_length) {
    const char *found = memmem(haystack, haystack_length, needle, needle_length);
    return found ? found - (const char *)haystack : -1;
}
