#ifndef SLIPWAY_CLINUX_EVENT_H
#define SLIPWAY_CLINUX_EVENT_H

#include <stddef.h>
#include <stdint.h>

/// One readiness report of epoll, without the packed layout of the system's own struct.
struct slw_event {
    uint32_t events;
    uint64_t tag;
};

enum {
    SLW_EPOLL_IN = 0x001,
    SLW_EPOLL_OUT = 0x004,
    SLW_EPOLL_ERR = 0x008,
    SLW_EPOLL_HUP = 0x010,
    SLW_EPOLL_RDHUP = 0x2000,
};

/// A close-on-exec epoll instance.
int slw_epoll_create(void);
int slw_epoll_add(int epoll, int fd, uint32_t events, uint64_t tag);
int slw_epoll_modify(int epoll, int fd, uint32_t events, uint64_t tag);
int slw_epoll_remove(int epoll, int fd);
/// Waits at most timeout_ms (-1: for ever) and writes up to `capacity` (at most 64) reports. An interrupted wait is 0.
int slw_epoll_wait(int epoll, struct slw_event *out, int capacity, int timeout_ms);

/// Blocks the given signals for the calling thread and gives a non-blocking, close-on-exec signalfd that reads them.
int slw_signalfd(const int *signals, size_t count);
/// The number of the next signal that waits in a signalfd, 0 when there is none.
int slw_signalfd_next(int fd);

/// A non-blocking, close-on-exec timer on CLOCK_BOOTTIME, that fires once after `milliseconds`.
int slw_timerfd(void);
int slw_timerfd_arm(int fd, int64_t milliseconds);

/// A non-blocking, close-on-exec counter that wakes another thread's poll.
int slw_eventfd(void);
int slw_eventfd_signal(int fd);
int slw_eventfd_drain(int fd);

/// Milliseconds of CLOCK_MONOTONIC and of CLOCK_REALTIME (since 1970).
int64_t slw_monotonic_ms(void);
int64_t slw_realtime_ms(void);

#endif
