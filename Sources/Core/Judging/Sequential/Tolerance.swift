/// How much worse than stable the canary may be: its rate may be up to `stable · (1 + relative) + absolute`.
package struct Tolerance: Hashable, Sendable, Codable {
    /// A difference of shares: `+0.5pp` is 0.005. At least 0, below 1.
    package var absolute: Double
    /// A share of stable's rate: `+20%` is 0.2. At least 0.
    package var relative: Double

    package init(absolute: Double = 0, relative: Double = 0) {
        self.absolute = absolute
        self.relative = relative
    }

    /// Nothing is tolerated: the canary must not be worse at all. It can then be caught, but never be *shown* to be
    /// good.
    package static let none = Tolerance()

    package var isNone: Bool { absolute == 0 && relative == 0 }

    /// Numbers that mean something.
    var isSound: Bool {
        absolute.isFinite && absolute >= 0 && absolute < 1 && relative.isFinite && relative >= 0
    }

    /// `+0.5pp`, `+20%`, `+20% +0.5pp`, `none`.
    package var text: String {
        var parts: [String] = []
        if relative != 0 { parts.append("+\(NumberText.significant(relative * 100))%") }
        if absolute != 0 { parts.append("+\(NumberText.significant(absolute * 100))pp") }
        return parts.isEmpty ? "none" : parts.joined(separator: " ")
    }
}
