import Domain
import Glibc
import Ports
import Testing

@testable import DirectoryArtifacts

/// Artifacts that come from another machine.
@Suite struct IntakeTests {
    private let scratch: ScratchTree
    private let here: ArtifactDirectory
    private let there: ArtifactDirectory

    init() throws {
        scratch = try ScratchTree()
        here = ArtifactDirectory(directory: scratch.path + "/here")
        there = ArtifactDirectory(directory: scratch.path + "/there")
    }

    private func packed() async throws -> Artifact {
        try scratch.write("src/app.py", String(repeating: "print('hello')\n", count: 900))
        return try await here.pack(scratch.path + "/src", ignore: [], origin: "src")
    }

    @Test func piecesBecomeTheArtifact() async throws {
        let artifact = try await packed()
        var arrived = try await there.arrived(artifact.digest)
        #expect(arrived == 0)
        while let offset = arrived {
            let piece = try await here.piece(of: artifact.digest, at: offset, count: 5_000)
            arrived = try await there.take(piece, at: offset, of: artifact.digest, size: artifact.size)
            #expect(arrived.map { $0 > offset } ?? true)
        }
        #expect(try await there.contains(artifact.digest))
        let tree = try await there.unpack(artifact.digest)
        #expect(access(tree + "/app.py", R_OK) == 0)
        // Once more does no harm.
        #expect(try await there.take([1], at: 0, of: artifact.digest, size: artifact.size) == nil)
    }

    @Test func aPushGoesOnWhereItBrokeOff() async throws {
        let artifact = try await packed()
        let first = try await here.piece(of: artifact.digest, at: 0, count: 4_000)
        #expect(try await there.take(first, at: 0, of: artifact.digest, size: artifact.size) == 4_000)
        // The answer was lost, and the piece is sent again; or one is skipped.
        #expect(try await there.take(first, at: 0, of: artifact.digest, size: artifact.size) == 4_000)
        #expect(try await there.take(first, at: 8_000, of: artifact.digest, size: artifact.size) == 4_000)
        // Housekeeping in between does not throw it away.
        _ = try await there.prune(keeping: [])
        let other = ArtifactDirectory(directory: scratch.path + "/there")
        #expect(try await other.arrived(artifact.digest) == 4_000)
        let rest = try await here.piece(of: artifact.digest, at: 4_000, count: 1 << 20)
        #expect(try await other.take(rest, at: 4_000, of: artifact.digest, size: artifact.size) == nil)
    }

    @Test func damageIsNoticedAndThrownAway() async throws {
        let artifact = try await packed()
        var bytes = try await here.piece(of: artifact.digest, at: 0, count: 1 << 20)
        bytes[600] ^= 1
        let damaged = bytes
        let error = await #expect(throws: PortError.self) {
            try await there.take(damaged, at: 0, of: artifact.digest, size: artifact.size)
        }
        #expect(error?.code == .invalid)
        #expect(try await there.arrived(artifact.digest) == 0)
        #expect(try await !there.contains(artifact.digest))
    }

    @Test func whatLiesBeyondTheEndIsRefused() async throws {
        let artifact = try await packed()
        let error = await #expect(throws: PortError.self) {
            try await there.take([1, 2, 3], at: artifact.size, of: artifact.digest, size: artifact.size)
        }
        #expect(error?.code == .invalid)
    }

    @Test func whatCannotFitIsSaidBeforeItIsSent() async throws {
        let artifact = try await packed()
        let error = await #expect(throws: PortError.self) {
            try await there.take([1], at: 0, of: artifact.digest, size: .max)
        }
        #expect(error?.code == .storage)
    }
}
