/// When a role that died is started again: at once the first time, then later and later, as from new after a long life.
struct Backoff {
    /// A life of so many milliseconds makes up for the deaths before.
    static let longLife: Int64 = 10_000
    static let firstDelay: Int64 = 100
    static let largestDelay: Int64 = 5_000

    /// Deaths in a row after short lives.
    private(set) var deaths = 0

    /// The delay in milliseconds before the next start, after a life of `lifetime` milliseconds.
    mutating func died(after lifetime: Int64) -> Int64 {
        if lifetime >= Self.longLife { deaths = 0 }
        deaths += 1
        guard deaths > 1 else { return 0 }
        return min(Self.largestDelay, Self.firstDelay << min(deaths - 2, 10))
    }

    mutating func reset() { deaths = 0 }
}
