import Testing
import Yams

@testable import KubernetesObjects

@Suite struct PlainTextTests {
    @Test(arguments: [
        "128Mi", "100m", "30s", "30 3 * * *", "203.0.113.0/24", "/healthz", "./migrate", "--to", "-q", "api",
        "30905cb8bcb3479466b5a7c82405f6a0", "1.2.3-rc1", "nOne",
    ])
    func texts(_ text: String) { #expect(PlainText.reading(of: text) == .text) }

    @Test(arguments: ["", "8080", "0", "007", "true", "No", "OFF", "null"])
    func others(_ text: String) { #expect(PlainText.reading(of: text) == .other) }

    @Test(arguments: [
        "~", "1.5", "1e3", "0x1f", "0b11", "0o17", "1:30", "2001-12-14", ".inf", "-1", "- a",
        "2001-12-14T21:59:43Z", "0xabc", "1_000", "=", "<<", " a", "#",
    ])
    func doubtfulOnes(_ text: String) { #expect(PlainText.reading(of: text) == .doubtful) }

    /// The library is the judge: of texts made of what numbers, times, words and indicators are made of.
    @Test func saysWhatTheLibraryWouldSay() throws {
        let parts = [
            "0", "1", "9", "12", ".", "-", "+", "_", ":", " ", "e", "E", "x", "0x", "0b", "0o", "a", "F", "T", "Z",
            "inf",
            "nan", "true", "No", "ON", "y", "null", "~", "/", "*", "&", "!", "#", "- ", ": ", "'", "\"", "\t", "{", "]",
            ",", "Mi", "é", "---", "...", "%", "@", "2001-12-14", "21:59:43",
        ]
        var generator = SplitMix(state: 7)
        var seen: Set<PlainText> = []
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 1...5, using: &generator))
                .map { _ in parts.randomElement(using: &generator) ?? "" }.joined()
            let reading = PlainText.reading(of: text)
            seen.insert(reading)
            let theirs = text.represented().style == .singleQuoted ? PlainText.other : .text
            #expect(reading == .doubtful || reading == theirs, "\(text)")
            let node = try compose(yaml: try ObjectText.yaml(["key": .text(text)]))
            #expect(node?["key"]?.scalar?.string == text && node?["key"]?.tag == Tag(.str), "\(text)")
        }
        #expect(seen.count == 3)
    }
}

/// Sebastiano Vigna's SplitMix64: the same texts each time.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
