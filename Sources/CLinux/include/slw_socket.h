#ifndef SLIPWAY_CLINUX_SOCKET_H
#define SLIPWAY_CLINUX_SOCKET_H

#include <stddef.h>
#include <stdint.h>

/// How many descriptors one slw_receive can take in.
enum { SLW_MAX_DESCRIPTORS = 16 };

/// accept4 with SOCK_NONBLOCK and SOCK_CLOEXEC.
int slw_accept(int listener);

/// A connected pair of AF_UNIX stream sockets, both close-on-exec and non-blocking.
int slw_socketpair(int pair[2]);

/// A non-blocking, close-on-exec listening TCP socket with SO_REUSEADDR. `host` is a numeric IPv4 or IPv6 address;
/// an IPv6 socket takes IPv6 only. -EINVAL: `host` is no numeric address.
int slw_listen_tcp(const char *host, uint16_t port, int backlog);
/// The port that a bound TCP socket has.
int slw_local_port(int fd);

/// A socket that listens on a TCP port.
struct slw_listener {
    /// AF_INET or AF_INET6.
    int32_t family;
    /// In network order: 4 bytes, or 16.
    uint8_t address[16];
    /// As in the links of /proc/<pid>/fd.
    uint64_t inode;
};

/// The sockets that listen on a port, by the kernel's sock_diag(7): unlike /proc/net/tcp this does not walk the table of
/// connections. Answers how many there are; no more than `capacity` are written. -errno where the kernel has no sock_diag.
int slw_listeners(uint16_t port, struct slw_listener *out, size_t capacity);

/// Writes without blocking and without SIGPIPE; `descriptor` (-1: none) goes along with the first byte.
/// Answers the number of bytes written.
int64_t slw_send(int fd, const void *bytes, size_t count, int descriptor);

/// Reads without blocking. Descriptors that came along are made close-on-exec and put in `descriptors`
/// (room for SLW_MAX_DESCRIPTORS), their number in `descriptor_count`. 0: the other end is closed.
/// -EMSGSIZE: more descriptors came than there is room for; all were closed.
int64_t slw_receive(int fd, void *buffer, size_t capacity, int *descriptors, int *descriptor_count);

/// The offset of the needle in the haystack, -1 when it is not there.
int64_t slw_memmem(const void *haystack, size_t haystack_length, const void *needle, size_t needle_length);

#endif
