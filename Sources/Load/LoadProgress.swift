/// Where a run stands, for a live view.
package struct LoadProgress: Sendable, Hashable {
    package var elapsedSeconds: Double
    package var counts: LoadCounts
    package var ok: Int
    package var failed: Int
    package var inFlight: Int
    package var connections: Int
    /// The newest second of the timeline that is over.
    package var lastSecond: LoadSecond?
    /// Over the whole run so far, in microseconds. Absent before the first latency.
    package var p50: Int?
    package var p99: Int?
    /// As they stand now.
    package var thresholds: [LoadThresholdResult] = []
}
