#define _GNU_SOURCE

#include "slw_failpoint.h"

#ifdef FAILPOINTS

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

static int (*strike)(const char *point, int after);
static pthread_once_t looked = PTHREAD_ONCE_INIT;

static void look(void) { strike = (int (*)(const char *, int))dlsym(RTLD_DEFAULT, "slw_fault_strike"); }

int slw_failpoint(const char *point, int after) {
    pthread_once(&looked, look);
    return strike == NULL ? 0 : strike(point, after);
}

#endif
