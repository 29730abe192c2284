#ifndef SLW_CLOCK_H
#define SLW_CLOCK_H

/// Whether the kernel's clock is kept in step with others (adjtimex): 1 yes, 0 no, -1 it cannot be asked.
int slw_clock_is_synchronised(void);

#endif
