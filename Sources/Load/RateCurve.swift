/// A rate over time, integrated: when the n-th arrival is due, and how many are due by a time. Arithmetic only.
struct RateCurve {
    /// An even way from one rate to another, in arrivals per second.
    struct Piece {
        var from: Double
        var to: Double
        /// Seconds; infinite for a rate without an end.
        var seconds: Double
    }

    private struct Part {
        var piece: Piece
        /// Seconds and arrivals before it.
        var start: Double
        var before: Double
        var area: Double { piece.seconds == .infinity ? .infinity : (piece.from + piece.to) / 2 * piece.seconds }
        /// By how much the rate grows in a second.
        var slope: Double { piece.seconds == .infinity ? 0 : (piece.to - piece.from) / piece.seconds }
    }

    private let parts: [Part]
    /// Arrivals whose due times lie before the end.
    let total: Int

    init(_ pieces: [Piece]) {
        var parts: [Part] = []
        var start = 0.0
        var before = 0.0
        for piece in pieces {
            let part = Part(piece: piece, start: start, before: before)
            parts.append(part)
            start += piece.seconds
            before += part.area
        }
        self.parts = parts
        // A sum of products may come out above a whole number by less than any clock can tell.
        total = before < 1e15 ? Int((before - 1e-9 * max(1, before)).rounded(.up)) : Int.max
    }

    /// Seconds until arrival number `index`, counted from 0, is due: where the integral of the rate reaches it.
    func due(_ index: Int) -> Double {
        let wanted = Double(index)
        guard let part = parts.first(where: { wanted < $0.before + $0.area }) ?? parts.last else { return .infinity }
        let missing = wanted - part.before
        guard missing > 0 else { return part.start }
        // The root of from·t + slope·t²/2 = missing, in the form that does not lose digits.
        let from = part.piece.from
        let root = max(0, from * from + 2 * part.slope * missing).squareRoot()
        return from + root > 0 ? part.start + 2 * missing / (from + root) : part.start
    }

    /// Arrivals due until so many seconds have passed, the first one included.
    func count(by seconds: Double) -> Int {
        guard let part = parts.last(where: { $0.start <= seconds }) else { return 0 }
        let spent = min(seconds - part.start, part.piece.seconds)
        let within = part.piece.from * spent + part.slope * spent * spent / 2
        return min(total, Int(min(1e15, part.before + within)) + 1)
    }
}
