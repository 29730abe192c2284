#ifndef SLW_FAILPOINT_H
#define SLW_FAILPOINT_H

/// A place at which tests of a debug build may strike: before (after = 0) and after an effect. Whoever is loaded into
/// the process as `slw_fault_strike` decides what happens there: nothing, the end of a process, or an errno to fail
/// with. Answers 0 or that errno. Only debug builds have this function.
int slw_failpoint(const char *point, int after);

#endif
