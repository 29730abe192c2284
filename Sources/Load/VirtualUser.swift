import NIOCore

/// Somebody who sends requests: cookies, the groups that answered, and what became of the requests.
struct VirtualUser {
    private(set) var jar = CookieJar()
    /// The request with this user's cookies, until they change.
    private(set) var bytes: ByteBuffer?
    /// One bit per group that ever answered.
    private(set) var seen: UInt64 = 0
    private(set) var count = 0
    private(set) var failures = 0
    /// How often each latency came, in microseconds cut to eleven significant bits, as the histograms do. A histogram
    /// per user would cost a hundred kilobytes each; cohorts are known only when the run is over.
    private(set) var latencies: [UInt32: UInt32] = [:]

    mutating func store(_ cookie: UnsafeRawBufferPointer) {
        if jar.store(cookie) { bytes = nil }
    }

    mutating func request(_ template: RequestTemplate) -> ByteBuffer {
        if let bytes { return bytes }
        let rendered = template.bytes(with: jar)
        bytes = rendered
        return rendered
    }

    mutating func see(_ group: Int) {
        seen |= 1 << UInt64(group)
    }

    mutating func add(latency: UInt64?, failed: Bool) {
        count += 1
        if failed { failures += 1 }
        guard let latency else { return }
        let value = UInt32(min(latency, Tally.highest - 1))
        let low = max(0, 21 - value.leadingZeroBitCount)
        latencies[(value >> UInt32(low)) << UInt32(low), default: 0] += 1
    }
}
