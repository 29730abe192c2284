#ifndef SLIPWAY_CLINUX_H
#define SLIPWAY_CLINUX_H

// What Linux offers and Swift's Glibc module does not: small functions, no state of their own.
// Every function that can fail answers a value >= 0, or -errno: nobody has to read errno after the call.

#include "slw_clock.h"
#include "slw_event.h"
#include "slw_failpoint.h"
#include "slw_process.h"
#include "slw_socket.h"

#endif
