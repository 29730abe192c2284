// Loaded into Slipway's own processes by LD_PRELOAD: strikes at one place that a plan names. Places are the failpoints
// of a debug build (slw_failpoint) and the calls that write files below the state directory. With it come another boot
// id and clocks that are wrong. Environment: SLIPWAY_FAULTS, a directory; SLIPWAY_STATE.
//
//   plan          one line: id role point when number action a b; while it is there, every pass is written to `passed`
//   passed        role point number, a line per pass
//   fired-ID      made by whoever strikes, so that it happens once
//   clock         two int64: milliseconds that wall clock and boot time are ahead
//   boot_id       what is read in place of the kernel's
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { POINTS = 512, NAME = 96, FILES = 4096 };
enum { TORN = -1, SHORT = -2 };

static char directory[400], state[400], role[24];
static int64_t *clocks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { char name[NAME]; long count; } points[POINTS];
static char present[64];
// Whether something was written since the file was last synced or opened: SQLite writes a page at a time.
static unsigned char is_dirty[FILES];

__attribute__((constructor)) static void begin(void) {
    const char *where = getenv("SLIPWAY_FAULTS"), *mine = getenv("SLIPWAY_STATE");
    char words[512];
    int fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    long count = fd < 0 ? 0 : syscall(SYS_read, fd, words, sizeof words - 1);
    if (fd >= 0) syscall(SYS_close, fd);
    words[count > 0 ? count : 0] = 0;
    size_t first = strlen(words);
    // Programs that Slipway starts may inherit this.
    if (where == NULL || mine == NULL || first < 7 || strcmp(words + first - 7, "slipway") != 0) return;
    if ((long)first + 1 < count) snprintf(role, sizeof role, "%.23s", words + first + 1);
    snprintf(directory, sizeof directory, "%s", where);
    snprintf(state, sizeof state, "%s/", mine);
    char path[512];
    snprintf(path, sizeof path, "%s/clock", directory);
    fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    void *page = mmap(NULL, 16, PROT_READ, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (page != MAP_FAILED) clocks = page;
}

static void append(const char *name, const char *text, int flags, int *fd_out) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    if (fd_out != NULL) *fd_out = fd;
    if (fd < 0) return;
    syscall(SYS_write, fd, text, strlen(text));
    syscall(SYS_close, fd);
}

// 0: go on; > 0: an errno; TORN or SHORT: of a write.
static int decide(const char *point, int after) {
    char path[512], line[512], wanted_role[24], wanted[NAME], when[8], action[16], id[64];
    long number = 0, a = 0, b = 0;
    snprintf(path, sizeof path, "%s/plan", directory);
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    long count = syscall(SYS_read, fd, line, sizeof line - 1);
    syscall(SYS_close, fd);
    if (count <= 0) return 0;
    line[count] = 0;
    int fields = sscanf(
        line, "%63s %23s %95s %7s %ld %15s %ld %ld", id, wanted_role, wanted, when, &number, action, &a, &b);
    if (fields != 8) return 0;
    if (strcmp(id, present) != 0) {
        snprintf(present, sizeof present, "%s", id);
        memset(points, 0, sizeof points);
    }
    int index = 0;
    while (index < POINTS - 1 && points[index].name[0] != 0 && strcmp(points[index].name, point) != 0) index++;
    snprintf(points[index].name, NAME, "%s", point);
    if (!after) {
        points[index].count++;
        char pass[256];
        snprintf(pass, sizeof pass, "%s %s %ld\n", role, point, points[index].count);
        append("passed", pass, O_APPEND, NULL);
    }
    if (strcmp(action, "count") == 0 || strcmp(wanted_role, role) != 0 || strcmp(wanted, point) != 0) return 0;
    if (points[index].count != number || strcmp(when, after ? "after" : "before") != 0) return 0;
    char name[80];
    snprintf(name, sizeof name, "fired-%s", id);
    int fired;
    append(name, line, O_EXCL, &fired);
    if (fired < 0) return 0;
    if (strcmp(action, "signal") == 0) {
        syscall(SYS_kill, a == 0 ? getpid() : (pid_t)a, (int)b);
        return 0;
    }
    if (strcmp(action, "errno") == 0) return (int)a;
    if (strcmp(action, "torn") == 0) return TORN;
    if (strcmp(action, "short") == 0) return SHORT;
    return 0;
}

static int pass(const char *point, int after) {
    if (directory[0] == 0) return 0;
    int saved = errno;
    pthread_mutex_lock(&lock);
    int result = decide(point, after);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}

int slw_fault_strike(const char *point, int after) {
    int result = pass(point, after);
    return result > 0 ? result : 0;
}

// `journal/journal.db-wal.write`: the first folder, the name with what differs each time taken out, the call.
static int place(const char *path, const char *call, char out[NAME]) {
    size_t length = strlen(state);
    if (directory[0] == 0 || strncmp(path, state, length) != 0) return 0;
    const char *rest = path + length, *name = strrchr(path, '/') + 1, *slash = strchr(rest, '/');
    if (strstr(rest, "/logs/") != NULL || strstr(rest, ".log") != NULL || strstr(rest, "start.log") != NULL) return 0;
    char clean[64];
    size_t used = 0;
    for (const char *at = name; *at != 0 && used < sizeof clean - 1;) {
        size_t run = strspn(at, "0123456789abcdef"), digits = strspn(at, "0123456789");
        if (run >= 12) {
            clean[used++] = '*';
            at += run;
        } else if (digits > 0) {
            clean[used++] = '#';
            at += digits;
        } else {
            clean[used++] = *at++;
        }
    }
    clean[used] = 0;
    snprintf(out, NAME, "%.*s%s.%s", slash == NULL ? 0 : (int)(slash - rest + 1), rest, clean, call);
    return 1;
}

static int place_of(int fd, const char *call, char out[NAME]) {
    struct stat status;
    char link[40], path[400];
    if (directory[0] == 0 || fd < 0 || syscall(SYS_fstat, fd, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long count = readlink(link, path, sizeof path - 1);
    if (count <= 0) return 0;
    path[count] = 0;
    return place(path, call, out);
}

#define REAL(name) \
    static __typeof__(name) *real; \
    if (real == NULL) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int strikes_write(int fd, char point[NAME]) {
    if (directory[0] == 0 || !place_of(fd, "write", point)) return 0;
    if (fd < FILES && is_dirty[fd]) {
        point[0] = 0;
        return 0;
    }
    if (fd < FILES) is_dirty[fd] = 1;
    return pass(point, 0);
}

#define WRITING(call, half) \
    char point[NAME] = ""; \
    int trouble = strikes_write(fd, point); \
    if (trouble > 0) { errno = trouble; return -1; } \
    if (trouble == SHORT) return half; \
    if (trouble == TORN) { (void)!(half); syscall(SYS_kill, getpid(), SIGKILL); } \
    ssize_t result = call; \
    if (point[0] != 0) pass(point, 1); \
    return result

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(write);
    WRITING(real(fd, bytes, count), real(fd, bytes, count / 2));
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    REAL(pwrite);
    WRITING(real(fd, bytes, count, at), real(fd, bytes, count / 2, at));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    REAL(pwrite64);
    WRITING(real(fd, bytes, count, at), real(fd, bytes, count / 2, at));
}

#define SYNCING \
    char point[NAME]; \
    if (fd >= 0 && fd < FILES) is_dirty[fd] = 0; \
    if (!place_of(fd, "sync", point)) return real(fd); \
    int trouble = pass(point, 0); \
    if (trouble > 0) { errno = trouble; return -1; } \
    int result = real(fd); \
    pass(point, 1); \
    return result

int fsync(int fd) {
    REAL(fsync);
    SYNCING;
}

int fdatasync(int fd) {
    REAL(fdatasync);
    SYNCING;
}

int close(int fd) {
    REAL(close);
    if (fd >= 0 && fd < FILES) is_dirty[fd] = 0;
    return real(fd);
}

int rename(const char *from, const char *to) {
    REAL(rename);
    char point[NAME];
    if (!place(to, "rename", point)) return real(from, to);
    int trouble = pass(point, 0);
    if (trouble > 0) { errno = trouble; return -1; }
    int result = real(from, to);
    pass(point, 1);
    return result;
}

static const char *elsewhere(const char *path, char out[512]) {
    if (directory[0] == 0 || path == NULL || strcmp(path, "/proc/sys/kernel/random/boot_id") != 0) return path;
    snprintf(out, 512, "%s/boot_id", directory);
    return syscall(SYS_faccessat, AT_FDCWD, out, R_OK) == 0 ? out : path;
}

#define OPENING(name) \
    int name(const char *path, int flags, ...) { \
        va_list more; \
        va_start(more, flags); \
        unsigned mode = va_arg(more, unsigned); \
        va_end(more); \
        static int (*real)(const char *, int, ...); \
        if (real == NULL) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
        char other[512]; \
        return real(elsewhere(path, other), flags, mode); \
    }

OPENING(open)
OPENING(open64)

int clock_gettime(clockid_t clock, struct timespec *time) {
    REAL(clock_gettime);
    int result = real(clock, time);
    if (result != 0 || clocks == NULL || (clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME)) return result;
    int64_t ahead = clock == CLOCK_REALTIME ? clocks[0] : clocks[1];
    int64_t whole = (int64_t)time->tv_sec * 1000000000 + time->tv_nsec + ahead * 1000000;
    time->tv_sec = whole / 1000000000;
    time->tv_nsec = whole % 1000000000;
    return 0;
}
