#define _GNU_SOURCE
#include "slw_failpoint.h"
#include "slw_process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Highest number of descriptors that a plan may hand over.
enum { MAX_PLAN_DESCRIPTORS = 16 };

struct failure {
    int error;
    int stage;
};

// Everything below, until exec, runs in the child of a fork: async-signal-safe calls only, no allocation.

static void fail(int report, enum slw_spawn_stage stage) {
    struct failure failure = {.error = errno, .stage = stage};
    ssize_t ignored = write(report, &failure, sizeof failure);
    (void)ignored;
    _exit(127);
}

static int write_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    ssize_t written = write(fd, text, strlen(text));
    int error = errno;
    close(fd);
    errno = error;
    return written < 0 ? -1 : 0;
}

static void write_decimal(char *out, int32_t value) {
    char digits[12];
    int count = 0;
    uint32_t rest = value < 0 ? (uint32_t)-(int64_t)value : (uint32_t)value;
    do {
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0) {
        *out++ = '-';
    }
    while (count) {
        *out++ = digits[--count];
    }
    *out = 0;
}

// Moves every descriptor of the plan out of the way first: descriptors[i] may be some other one's target.
static int place_descriptors(const struct slw_spawn_plan *plan, int *report) {
    int high[MAX_PLAN_DESCRIPTORS];
    for (size_t i = 0; i < plan->descriptor_count; i++) {
        high[i] = fcntl(plan->descriptors[i], F_DUPFD_CLOEXEC, 64);
        if (high[i] < 0) {
            return -1;
        }
    }
    int moved = fcntl(*report, F_DUPFD_CLOEXEC, 64);
    if (moved < 0) {
        return -1;
    }
    *report = moved;
    for (size_t i = 0; i < plan->descriptor_count; i++) {
        if (dup2(high[i], (int)i) < 0) {
            return -1;
        }
    }
    // Close-on-exec rather than closed: the report pipe has to live until exec.
    return (int)syscall(SYS_close_range, (unsigned)plan->descriptor_count, ~0U, CLOSE_RANGE_CLOEXEC);
}

static void reset_signals(void) {
    struct sigaction standard = {0};
    standard.sa_handler = SIG_DFL;
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        sigaction(signal, &standard, NULL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// Nothing is run for a parent that died before it gave leave.
static void wait_for_leave(int leave[2]) {
    close(leave[1]);
    char byte;
    ssize_t got;
    do {
        got = read(leave[0], &byte, 1);
    } while (got < 0 && errno == EINTR);
    if (got != 1) {
        _exit(127);
    }
}

static void run_child(const struct slw_spawn_plan *plan, int report) {
    if (setsid() < 0) {
        fail(report, SLW_STAGE_SESSION);
    }
    if (place_descriptors(plan, &report) < 0) {
        fail(report, SLW_STAGE_DESCRIPTORS);
    }
    if (plan->cgroup_procs && write_text(plan->cgroup_procs, "0") < 0) {
        fail(report, SLW_STAGE_CGROUP);
    }
    if (plan->set_oom_score) {
        char text[16];
        write_decimal(text, plan->oom_score_adj);
        if (write_text("/proc/self/oom_score_adj", text) < 0) {
            fail(report, SLW_STAGE_OOM_SCORE);
        }
    }
    for (size_t i = 0; i < plan->limit_count; i++) {
        if (slw_set_limit(plan->limits[i].resource, plan->limits[i].soft, plan->limits[i].hard) < 0) {
            fail(report, SLW_STAGE_LIMITS);
        }
    }
    if (plan->directory && chdir(plan->directory) < 0) {
        fail(report, SLW_STAGE_DIRECTORY);
    }
    umask((mode_t)plan->umask);
    reset_signals();
    execve(plan->path, plan->argv, plan->envp);
    fail(report, SLW_STAGE_EXEC);
}

struct slw_spawn_result slw_spawn(const struct slw_spawn_plan *plan) {
    struct slw_spawn_result result = {.pid = -1, .stage = SLW_STAGE_FORK};
    int report[2];
    if (plan->descriptor_count > MAX_PLAN_DESCRIPTORS) {
        result.error = E2BIG;
        return result;
    }
#ifdef FAILPOINTS
    result.error = slw_failpoint("spawn", 0);
    if (result.error != 0) return result;
#endif
    if (pipe2(report, O_CLOEXEC) < 0) {
        result.error = errno;
        return result;
    }
    int leave[2] = {-1, -1};
    if (plan->forked && pipe2(leave, O_CLOEXEC) < 0) {
        result.error = errno;
        close(report[0]);
        close(report[1]);
        return result;
    }
    // No handler of ours may run in the child before its handling is reset.
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        close(report[0]);
        if (plan->forked) {
            wait_for_leave(leave);
        }
        run_child(plan, report[1]);
    }
    int fork_error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    if (plan->forked) {
        close(leave[0]);
        if (pid > 0) {
            plan->forked(pid, plan->context);
            ssize_t ignored = write(leave[1], "", 1);
            (void)ignored;
        }
        close(leave[1]);
    }
    if (pid < 0) {
        close(report[0]);
        result.error = fork_error;
        return result;
    }
    struct failure failure;
    ssize_t got;
    do {
        got = read(report[0], &failure, sizeof failure);
    } while (got < 0 && errno == EINTR);
    close(report[0]);
    if (got == (ssize_t)sizeof failure) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
        result.error = failure.error;
        result.stage = (enum slw_spawn_stage)failure.stage;
        return result;
    }
    result.pid = pid;
#ifdef FAILPOINTS
    (void)slw_failpoint("spawn", 1);
#endif
    return result;
}

int slw_get_limit(int32_t resource, uint64_t *soft, uint64_t *hard) {
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) < 0) {
        return -errno;
    }
    *soft = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
    *hard = limit.rlim_max == RLIM_INFINITY ? UINT64_MAX : limit.rlim_max;
    return 0;
}

int slw_set_limit(int32_t resource, uint64_t soft, uint64_t hard) {
    struct rlimit limit = {
        .rlim_cur = soft == UINT64_MAX ? RLIM_INFINITY : (rlim_t)soft,
        .rlim_max = hard == UINT64_MAX ? RLIM_INFINITY : (rlim_t)hard,
    };
    return setrlimit((__rlimit_resource_t)resource, &limit) < 0 ? -errno : 0;
}
