/// What goes wrong once, at one of the writes of a journey.
struct Mishap: Hashable, Sendable, CustomStringConvertible {
    enum Kind: Hashable, Sendable {
        /// Slipway dies before the write is sent.
        case crashBefore
        /// The write happens; Slipway dies before it hears of it.
        case crashAfter
        /// As `crashAfter`; the next Slipway first reads from a server that lags so many changes behind.
        case crashThenStale(UInt64)
        /// The write happens, and the connection is cut.
        case lostAnswer
        /// The write is answered with this code, and nothing happens.
        case refused(Int)
        /// All watches are cut after the write: what changes until they are there again is told late, or by a list.
        case watchesCut
        /// As `watchesCut`, and the server has forgotten what was before: they are told 410.
        case forgotten
        /// The write happens, and so do five more; then Slipway dies.
        case crashLater
    }

    var kind: Kind
    /// Of the writes of the journey, from zero.
    var write: Int

    var description: String { "\(kind) at write \(write)" }

    /// Whether whoever comes next sees a world from long ago. A server does not answer so when it is asked for the
    /// newest, as Slipway asks; a cache in between might.
    var isLagging: Bool { if case .crashThenStale(let changes) = kind { changes > 10 } else { false } }

    static let kinds: [Kind] = [
        .crashBefore, .crashAfter, .crashThenStale(3), .crashThenStale(30), .lostAnswer, .refused(500), .refused(503),
        .watchesCut, .forgotten, .crashLater,
    ]

    /// Every kind at every write.
    static func all(writes: Int) -> [Mishap] {
        (0..<writes).flatMap { write in kinds.map { Mishap(kind: $0, write: write) } }
    }
}
