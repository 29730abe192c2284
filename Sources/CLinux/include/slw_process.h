#ifndef SLIPWAY_CLINUX_PROCESS_H
#define SLIPWAY_CLINUX_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct slw_rlimit {
    int32_t resource;
    /// UINT64_MAX stands for "no limit".
    uint64_t soft;
    uint64_t hard;
};

/// What slw_spawn was doing when it failed.
enum slw_spawn_stage {
    SLW_STAGE_FORK = 1,
    SLW_STAGE_SESSION,
    SLW_STAGE_DESCRIPTORS,
    SLW_STAGE_CGROUP,
    SLW_STAGE_OOM_SCORE,
    SLW_STAGE_LIMITS,
    SLW_STAGE_DIRECTORY,
    SLW_STAGE_EXEC,
};

struct slw_spawn_plan {
    /// The program's path: no search along PATH, no shell.
    const char *path;
    char *const *argv;
    char *const *envp;
    /// NULL: the caller's.
    const char *directory;
    /// descriptors[i] becomes descriptor i of the new process; everything else is closed.
    const int *descriptors;
    size_t descriptor_count;
    const struct slw_rlimit *limits;
    size_t limit_count;
    /// A cgroup.procs file that the process joins before it starts; NULL: none.
    const char *cgroup_procs;
    int set_oom_score;
    int32_t oom_score_adj;
    uint32_t umask;
    /// Called when the process is there and does not run its program yet: it waits until this returns, and is gone when
    /// the caller dies before. So it can be written down first, and nobody is started of whom nobody knows. NULL: none.
    void (*forked)(pid_t pid, void *context);
    void *context;
};

struct slw_spawn_result {
    pid_t pid;
    /// 0, or why it failed and where; then no process is left.
    int error;
    enum slw_spawn_stage stage;
};

/// Starts a program in its own session and process group, with default signal handling and nothing blocked.
/// Returns when the program runs (exec succeeded) or could not be started.
struct slw_spawn_result slw_spawn(const struct slw_spawn_plan *plan);

/// A close-on-exec pidfd.
int slw_pidfd_open(pid_t pid);
int slw_pidfd_send_signal(int pidfd, int signal);
/// The wait status of a process that is not our child and has been reaped by its parent.
/// -ENOTSUP: this kernel cannot say (older than 6.15). -EAGAIN: not reaped yet.
int slw_pidfd_exit_status(int pidfd, int *status);

/// Makes the calling process the new parent of its descendants' orphans.
int slw_become_subreaper(void);
/// The calling process gets `signal` when its parent thread dies.
int slw_set_parent_death_signal(int signal);

/// Exit of any child, without waiting: the pid and its wait status, 0 when none has ended, -ECHILD without children.
pid_t slw_reap(int *status);

struct slw_process_stat {
    pid_t pid;
    pid_t parent;
    pid_t group;
    pid_t session;
    /// R, S, D, Z, X …
    char state;
    /// Clock ticks since boot (field 22 of /proc/<pid>/stat).
    uint64_t start_time;
    /// Of a zombie: its wait status (field 52, the last one). Else 0.
    int32_t wait_status;
};

/// Reads /proc/<pid>/stat. -ESRCH: no such process.
int slw_process_stat(pid_t pid, struct slw_process_stat *out);
/// Copies the value of the first entry that starts with `prefix` ("NAME=") of the environment that the process was
/// started with, as a C string; a longer value is cut. Answers its length, -ENOENT when there is none.
int slw_process_environment(pid_t pid, const char *prefix, char *out, size_t capacity);
/// The 16 bytes of the running kernel's boot id.
int slw_boot_id(uint8_t out[16]);

/// flock(LOCK_EX | LOCK_NB). -EWOULDBLOCK: somebody else has it.
int slw_try_lock(int fd);
/// Creates a FIFO at `path` (mode 0600) after removing what was there.
int slw_make_fifo(const char *path);
/// A close-on-exec pipe whose writing end is opened for reading and writing: its owner never gets EPIPE.
/// fds[0] reads without blocking.
int slw_self_read_pipe(int fds[2]);
/// Sets how many bytes a pipe holds. The kernel rounds up, and may refuse.
int slw_set_pipe_capacity(int fd, int bytes);
/// Sets FD_CLOEXEC.
int slw_close_on_exec(int fd);
/// Gives the pages of the program file that were read and never written back to the page cache: what only the start
/// needed does not stay in the process, what is needed again is mapped again. Answers how many bytes this concerns.
int64_t slw_release_program(void);
/// Random bytes from the kernel.
int slw_random(void *out, size_t count);
/// The soft and hard limit of a resource of the calling process, by number.
int slw_get_limit(int32_t resource, uint64_t *soft, uint64_t *hard);
int slw_set_limit(int32_t resource, uint64_t soft, uint64_t hard);

/// How many pools of memory the C library keeps for threads at most (mallopt, M_ARENA_MAX). For the whole process, as
/// early as possible. Returns 0 where the library has no such pools.
int slw_process_limit_memory_pools(int pools);
/// Gives memory that is free in these pools back to the system (malloc_trim). Others who want memory of the same
/// pool wait meanwhile: a millisecond for 8 MiB in pieces, 25 for 256 MiB. Returns 0 when there was nothing to give.
int slw_process_release_memory(void);

#endif
