/// What the router on Slipway's own proxy needs to know.
package struct EmbeddedRouterConfiguration: Sendable {
    /// Where the proxy keeps its table.
    package var tableFile: String
    /// How long a browser keeps the cookie of a sticky cohort, in seconds.
    package var stickyMaxAge: Int
    /// Hears of trouble that no caller waits for, a line at a time.
    package var report: @Sendable (String) -> Void

    package init(
        tableFile: String, stickyMaxAge: Int = 7 * 86_400, report: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.tableFile = tableFile
        self.stickyMaxAge = stickyMaxAge
        self.report = report
    }
}
