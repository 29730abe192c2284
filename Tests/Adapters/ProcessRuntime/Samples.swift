import Domain
import Glibc
import Testing

@testable import ProcessRuntime

enum Sample {
    static let environment = EnvironmentID(project: "shop", name: "dev")
    static let service = ServiceName("api")

    static func release(
        _ number: Int = 1, artifact: Artifact? = nil, change: (inout ServiceSpec) -> Void = { _ in }
    ) throws -> Release {
        var spec = ServiceSpec(service: service, command: ["/bin/server"], port: 8080)
        spec.drain = .seconds(30)
        change(&spec)
        let parts = ReleaseParts(artifact: artifact, spec: spec)
        return Release(
            environment: environment, number: ReleaseNumber(number), digest: try parts.digest(), parts: parts,
            createdAt: 0, createdBy: "test")
    }

    /// Sets by the codes of their releases: −1 is the baseline of 1.
    static func wish(_ generation: UInt64, _ sets: (Int, Int)..., fence: UInt64 = 1, service: ServiceName = service)
        -> RuntimeWish
    {
        RuntimeWish(
            environment: environment, service: service, fence: fence, generation: generation,
            sets: sets.map { SetWish(release: ReleaseNumber(code: $0.0), count: $0.1) })
    }
}

/// Waits for something to become true, looking every 20 ms.
func eventually(
    within seconds: Double = 20, _ what: String, _ condition: () async throws -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let deadline = ContinuousClock.now + .milliseconds(Int(seconds * 1000))
    while ContinuousClock.now < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("\(what) did not come within \(seconds) s", sourceLocation: sourceLocation)
    throw TooLate()
}

struct TooLate: Error {}

/// A directory of a test's own, removed with everything in it when the test is over.
final class ScratchDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/slipway-processes-XXXXXX".utf8CString)
        path = String(cString: try #require(mkdtemp(&template)))
    }

    // What cannot be removed is the machine's to clean up.
    deinit { _ = try? Tree.remove(path) }

    func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws {
        let place = "\(path)/\(name)"
        if let slash = place.lastIndex(of: "/") { try Tree.make(String(place[..<slash])) }
        try SmallFile.replace(place, with: Array(text.utf8))
        try #require(chmod(place, mode) == 0)
    }
}
