import Glibc

/// What the router on Slipway's own proxy needs to know.
package struct EmbeddedRouterConfiguration: Sendable {
    /// Where the proxy keeps its table.
    package var tableFile: String
    /// How long a browser keeps the cookie of a sticky cohort, in seconds.
    package var stickyMaxAge: Int
    /// Hears of trouble that no caller waits for, a line at a time.
    package var report: @Sendable (String) -> Void
    /// Milliseconds of a clock that does not jump; rates are measured with it.
    package var now: @Sendable () -> Int64

    package init(
        tableFile: String, stickyMaxAge: Int = 7 * 86_400, report: @escaping @Sendable (String) -> Void = { _ in },
        now: @escaping @Sendable () -> Int64 = Self.sinceBoot
    ) {
        self.tableFile = tableFile
        self.stickyMaxAge = stickyMaxAge
        self.now = now
        self.report = report
    }

    /// Milliseconds since boot.
    package static func sinceBoot() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
