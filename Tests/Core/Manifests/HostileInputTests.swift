import Domain
import Glibc
import Testing

@testable import Manifests

/// Whatever comes in, there is an answer, soon.
@Suite struct HostileInputTests {
    /// Everything that is done with a manifest, with the answers thrown away.
    private func read(_ text: String) {
        let diagnostics = DiagnosticTests.diagnose(text)
        for diagnostic in diagnostics {
            #expect(diagnostic.line >= 1 && diagnostic.column >= 1)
            _ = diagnostic.rendered(source: text)
        }
        #expect(diagnostics.count <= 51)
    }

    @Test func truncatedAnywhere() throws {
        let bytes = Array(try fixture("shop.yaml").utf8)
        for length in bytes.indices { read(String(decoding: bytes[..<length], as: UTF8.self)) }
    }

    @Test func oneByteChangedAnywhere() throws {
        let bytes = Array(try fixture("shop.yaml").utf8)
        var generator = SplitMix(state: 7)
        for index in bytes.indices {
            var changed = bytes
            changed[index] = Array("{}[]:,&*!|>'\"%@`#- \n\t\0~<?\u{7F}".utf8).randomElement(using: &generator) ?? 0
            read(String(decoding: changed, as: UTF8.self))
        }
    }

    @Test func randomBytes() {
        var generator = SplitMix(state: 42)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            read(String(decoding: bytes, as: UTF8.self))
        }
    }

    @Test func randomTokens() throws {
        let tokens = [
            "version: 1", "services:", "  ", "\n", "a: ", "- ", "{", "}", "[", "]", ",", "&a ", "*a", "<<: ", "!!int ",
            "? ", ": ", "|\n", ">\n", "\"", "'", "${", "}", "strategy: ", "canary: ", "steps: ", "weight: 5%", "null",
        ]
        var generator = SplitMix(state: 3)
        for _ in 0..<5000 {
            let count = Int.random(in: 0...30, using: &generator)
            read((0..<count).map { _ in tokens.randomElement(using: &generator) ?? "" }.joined())
        }
    }

    @Test(arguments: ["[", "{", "{a: ", "- ", "? ", "[[", "a: [", "!!seq [", "&a [", "'", "\"", "|", "&", "*", "#"])
    func repeatedWithoutEnd(_ unit: String) {
        for count in [60, 999, 1500, 50_000] { read(String(repeating: unit, count: count)) }
        read("version: 1\nservices:\n  a: " + String(repeating: unit, count: 900))
    }

    @Test func deeperThanAllowed() {
        let depth = 70
        let text = "x-a: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(Manifest.parse(text: text).diagnostics.map(\.code) == [.tooComplex])
        let fine = "x-a: " + String(repeating: "[", count: 60) + String(repeating: "]", count: 60)
        #expect(!Manifest.parse(text: fine).diagnostics.contains { $0.code == .tooComplex })
    }

    /// An alias inside a key would be hashed written out: 10^12 values.
    @Test(arguments: ["? *l\n: 1\n", "? [*l]\n: 1\n", "{*l : 1}\n", "x: {[*l]: 1}\n", "x: {[*l, *l] : 1, b?[*l]: 2}\n"])
    func aliasBombsInKeys(_ end: String) {
        var text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        for (name, last) in zip("bcdefghijkl", "abcdefghijk") {
            let aliases = Array(repeating: "*\(last)", count: 10).joined(separator: ", ")
            text += "\(name): &\(name) [\(aliases)]\n"
        }
        #expect(Manifest.parse(text: text + end).diagnostics.map(\.code) == [.tooComplex])
        // The same among values is counted, not hashed.
        #expect(Manifest.parse(text: text).diagnostics.map(\.code) == [.tooComplex])
    }

    @Test func honestAliasesAreFine() {
        var text = "version: 1\nproject: p\nx-a: &a { port: 1 }\nx-b: &b { cpu: 1 }\nservices:\n"
        for index in 0..<40 {
            text +=
                "  s\(index): { <<: *a, resources: *b, command: [a], routes: [{ listen: \"[::1]:80\", host: h\(index) }] }\n"
        }
        #expect(!Manifest.parse(text: text).diagnostics.hasErrors)
    }

    /// Seconds of processor time that this thread has had.
    private static func ownTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    @Test func largeManifestsAreReadInTime() {
        var text = "version: 1\nproject: p\nservices:\n"
        for index in 0..<200 {
            let needs = (0..<index).map { "s\($0)" }.joined(separator: ", ")
            text += "  s\(index): { command: [a, \"${nothing}\"], port: 1, needs: [\(needs)] }\n"
        }
        // Of this thread alone: other tests, and whatever else the machine has to do, take none of it.
        let began = Self.ownTime()
        read(text)
        #expect(Self.ownTime() - began < 20)
    }
}

/// Small, seeded, the same everywhere (Steele, Lea and Flood 2014).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
