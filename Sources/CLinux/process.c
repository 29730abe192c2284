#define _GNU_SOURCE
#include "slw_failpoint.h"
#include "slw_process.h"

#include <malloc.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int slw_pidfd_open(pid_t pid) {
    long fd = syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : (int)fd;
}

int slw_pidfd_send_signal(int pidfd, int signal) {
#ifdef FAILPOINTS
    int trouble = slw_failpoint("signal", 0);
    if (trouble != 0) return -trouble;
#endif
    int result = syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
#ifdef FAILPOINTS
    (void)slw_failpoint("signal", 1);
#endif
    return result;
}

// The first published layout of the kernel's struct pidfd_info (linux/pidfd.h); older headers do not have it.
struct pidfd_info_v0 {
    uint64_t mask;
    uint64_t cgroup;
    uint32_t ids[11];
    int32_t exit_code;
};
_Static_assert(sizeof(struct pidfd_info_v0) == 64, "size is part of the ioctl's number");

int slw_pidfd_exit_status(int pidfd, int *status) {
    const uint64_t exit_bit = 1 << 3;
    struct pidfd_info_v0 info = {.mask = exit_bit};
    if (ioctl(pidfd, _IOWR(0xFF, 11, struct pidfd_info_v0), &info) < 0) {
        return errno == ENOTTY || errno == EINVAL ? -ENOTSUP : -errno;
    }
    if (!(info.mask & exit_bit)) {
        return -EAGAIN;
    }
    *status = info.exit_code;
    return 0;
}

int slw_become_subreaper(void) {
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int slw_set_parent_death_signal(int signal) {
    return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) < 0 ? -errno : 0;
}

pid_t slw_reap(int *status) {
    pid_t pid;
    do {
        pid = waitpid(-1, status, WNOHANG);
    } while (pid < 0 && errno == EINTR);
    return pid < 0 ? -errno : pid;
}

int slw_process_stat(pid_t pid, struct slw_process_stat *out) {
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? -ESRCH : -errno;
    }
    ssize_t count = read(fd, text, sizeof text - 1);
    int error = errno;
    close(fd);
    if (count < 0) {
        return -error;
    }
    text[count] = 0;
    // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
    const char *rest = strrchr(text, ')');
    if (!rest) {
        return -EPROTO;
    }
    int parent, group, session;
    unsigned long long start;
    char state;
    int fields = sscanf(
        rest + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &state, &parent,
        &group, &session, &start);
    if (fields != 5) {
        return -EPROTO;
    }
    const char *last = strrchr(rest, ' ');
    *out = (struct slw_process_stat){
        .pid = pid,
        .parent = parent,
        .group = group,
        .session = session,
        .state = state,
        .start_time = start,
        .wait_status = state == 'Z' && last ? (int32_t)strtol(last, NULL, 10) : 0,
    };
    return 0;
}

int slw_process_environment(pid_t pid, const char *prefix, char *out, size_t capacity) {
    char path[32], buffer[4096];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    const size_t wanted = strlen(prefix);
    // How much of the prefix the current entry has matched; `skip`: it is another entry.
    const size_t skip = SIZE_MAX;
    size_t matched = 0, length = 0;
    int found = 0;
    ssize_t count = 0;
    while (!found && (count = read(fd, buffer, sizeof buffer)) > 0) {
        for (ssize_t i = 0; i < count; i++) {
            if (buffer[i] == 0) {
                if (matched == wanted) {
                    found = 1;
                    break;
                }
                matched = 0;
            } else if (matched == wanted) {
                if (length + 1 < capacity) {
                    out[length++] = buffer[i];
                }
            } else if (matched != skip) {
                matched = buffer[i] == prefix[matched] ? matched + 1 : skip;
            }
        }
    }
    close(fd);
    if (!found && matched != wanted) {
        return -ENOENT;
    }
    out[length] = 0;
    return (int)length;
}

int slw_boot_id(uint8_t out[16]) {
    char text[37] = {0};
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ssize_t count = read(fd, text, 36);
    close(fd);
    if (count != 36) {
        return -EPROTO;
    }
    int digits = 0;
    memset(out, 0, 16);
    for (int i = 0; i < 36 && digits < 32; i++) {
        char c = text[i];
        int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (value >= 0) {
            out[digits / 2] = (uint8_t)(out[digits / 2] << 4 | value);
            digits++;
        }
    }
    return digits == 32 ? 0 : -EPROTO;
}

int slw_try_lock(int fd) {
    return flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

int slw_make_fifo(const char *path) {
    if (unlink(path) < 0 && errno != ENOENT) {
        return -errno;
    }
    return mkfifo(path, 0600) < 0 ? -errno : 0;
}

int slw_self_read_pipe(int fds[2]) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        return -errno;
    }
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[1]);
    int both = open(path, O_RDWR | O_CLOEXEC);
    int error = errno;
    close(ends[1]);
    if (both < 0) {
        close(ends[0]);
        return -error;
    }
    fds[0] = ends[0];
    fds[1] = both;
    return 0;
}

int slw_set_pipe_capacity(int fd, int bytes) {
    return fcntl(fd, F_SETPIPE_SZ, bytes) < 0 ? -errno : 0;
}

int slw_close_on_exec(int fd) {
    int flags = fcntl(fd, F_GETFD);
    return flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0 ? -errno : 0;
}

static int release_segments(struct dl_phdr_info *file, size_t size, void *released) {
    (void)size;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int index = 0; index < file->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &file->dlpi_phdr[index];
        // What may have been written, be it by the loader, is in no file.
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W) {
            continue;
        }
        uintptr_t start = (file->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t end = (file->dlpi_addr + segment->p_vaddr + segment->p_memsz) & ~(page - 1);
        if (end > start && madvise((void *)start, end - start, MADV_DONTNEED) == 0) {
            *(int64_t *)released += (int64_t)(end - start);
        }
    }
    // The program comes first; the libraries after it are shared with others anyway.
    return 1;
}

int64_t slw_release_program(void) {
    int64_t released = 0;
    dl_iterate_phdr(release_segments, &released);
    return released;
}

int slw_random(void *out, size_t count) {
    return getrandom(out, count, 0) == (ssize_t)count ? 0 : -errno;
}

int slw_process_limit_memory_pools(int pools) {
#ifdef M_ARENA_MAX
    return mallopt(M_ARENA_MAX, pools) == 1;
#else
    (void)pools;
    return 0;
#endif
}

int slw_process_release_memory(void) {
#ifdef __GLIBC__
    return malloc_trim(0);
#else
    return 0;
#endif
}
