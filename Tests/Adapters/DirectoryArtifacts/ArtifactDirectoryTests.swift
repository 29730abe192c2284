import Domain
import Glibc
import Ports
import Testing

@testable import DirectoryArtifacts

@Suite struct ArtifactDirectoryTests {
    private let scratch: ScratchTree
    private let store: ArtifactDirectory

    init() throws {
        scratch = try ScratchTree()
        store = ArtifactDirectory(directory: scratch.path + "/state")
    }

    private func tree() throws -> String {
        try scratch.write("src/app.py", "print('hello')\n")
        try scratch.write("src/install", "#!/bin/sh\n", mode: 0o755)
        try scratch.write("src/sub/empty", "")
        try scratch.write("src/sub/ünï", "x")
        try scratch.link("src/latest", to: "sub/empty")
        try scratch.write("src/.git/HEAD", "ref")
        _ = try scratch.directory("src/hollow")
        let long = "src/" + String(repeating: "d", count: 90) + "/" + String(repeating: "f", count: 120)
        try scratch.write(long, "far away")
        try scratch.link("src/far", to: String(long.dropFirst(4)))
        return scratch.path + "/src"
    }

    @Test func unpacksWhatWasPackedReadOnly() async throws {
        let artifact = try await store.pack(tree(), ignore: [], origin: "src")
        let root = try await store.unpack(artifact.digest)
        #expect(root == "\(scratch.path)/state/unpacked/\(artifact.digest.hex)")
        #expect(try ScratchTree.bytes(root + "/app.py") == Array("print('hello')\n".utf8))
        #expect(try ScratchTree.bytes(root + "/far") == Array("far away".utf8))
        #expect(ScratchTree.mode(root + "/app.py") == 0o444)
        #expect(ScratchTree.mode(root + "/install") == 0o555)
        #expect(ScratchTree.mode(root + "/sub") == 0o555)
        #expect(ScratchTree.mode(root) == 0o555)
        #expect(ScratchTree.mode(root + "/hollow") == 0o555)
        #expect(ScratchTree.mode(root + "/.git") == nil)
        #expect(try ScratchTree.bytes(root + "/sub/ünï") == [120])
        let before = artifact
        #expect(try await store.pack(root, ignore: [], origin: "src") == before, "an unpacked tree packs the same")
    }

    @Test func theSameContentGivesTheSameDigest() async throws {
        let source = try tree()
        let first = try await store.pack(source, ignore: [], origin: "a")
        try scratch.write("src/app.py", "print('hello')\n", mode: 0o600)
        chmod(source + "/sub", 0o700)
        let second = try await store.pack(source, ignore: [], origin: "a")
        #expect(first == second)
        try scratch.write("src/app.py", "print('hello')\n", mode: 0o755)
        #expect(try await store.pack(source, ignore: [], origin: "a").digest != first.digest)
        #expect(ScratchTree.names(scratch.path + "/state/artifacts").count == 2)
    }

    @Test func theDigestIsThatOfTheFileAndTarReadsIt() async throws {
        let artifact = try await store.pack(tree(), ignore: [], origin: "a")
        let pack = "\(scratch.path)/state/artifacts/\(artifact.digest.hex).pack"
        let bytes = try ScratchTree.bytes(pack)
        #expect(ContentDigest.of(bytes) == artifact.digest)
        #expect(Int64(bytes.count) == artifact.size)
        let out = try scratch.directory("out")
        try #require(run("/usr/bin/tar", "-xf", pack, "-C", out) == 0)
        #expect(try ScratchTree.bytes(out + "/far") == Array("far away".utf8))
        #expect(ScratchTree.names(out) == ScratchTree.names(try await store.unpack(artifact.digest)))
    }

    @Test func patternsLeaveOut() async throws {
        let source = try tree()
        try scratch.write("src/.slipwayignore", "*.tmp\nsub/\n")
        try scratch.write("src/a.tmp", "x")
        try scratch.write("src/b.tmp", "x")
        let artifact = try await store.pack(source, ignore: ["!b.tmp", "hollow"], origin: "a")
        let names = ScratchTree.names(try await store.unpack(artifact.digest))
        #expect(names.contains("b.tmp"))
        for gone in ["a.tmp", "sub", "hollow", ".slipwayignore", ".git"] { #expect(!names.contains(gone), "\(gone)") }
    }

    @Test(arguments: ["/etc/passwd", "../outside", "sub/../../outside", "loop/loop/../../../x"])
    func linksThatLeadOutAreRefused(_ target: String) async throws {
        let source = try tree()
        try scratch.write("outside", "secret")
        try scratch.write("x", "secret")
        try scratch.link("src/loop", to: ".")
        try scratch.link("src/bad", to: target)
        await expect(.invalid, saying: "src/bad leads out of the artifact") {
            _ = try await store.pack(source, ignore: [], origin: "a")
        }
        #expect(ScratchTree.names(scratch.path + "/state/artifacts").isEmpty)
    }

    @Test func pipesAndSocketsAreRefusedByName() async throws {
        let source = try tree()
        try #require(mkfifo(source + "/pipe", 0o600) == 0)
        await expect(.invalid, saying: "pipe is a named pipe") {
            _ = try await store.pack(source, ignore: [], origin: "a")
        }
        _ = try await store.pack(source, ignore: ["pipe"], origin: "a")
    }

    @Test func aMissingDirectoryAndAFileAreSaid() async throws {
        let source = try tree()
        await expect(.notFound, saying: "nowhere does not exist") {
            _ = try await store.pack(source + "/nowhere", ignore: [], origin: "a")
        }
        await expect(.invalid, saying: "app.py is not a directory") {
            _ = try await store.pack(source + "/app.py", ignore: [], origin: "a")
        }
    }

    @Test func everyCutAndEveryFlippedByteIsNoticed() async throws {
        try scratch.write("small/a", "hello")
        try scratch.link("small/b", to: "a")
        let artifact = try await store.pack(scratch.path + "/small", ignore: [], origin: "a")
        let pack = "\(scratch.path)/state/artifacts/\(artifact.digest.hex).pack"
        let good = try ScratchTree.bytes(pack)
        var damaged = stride(from: 0, to: good.count, by: 37).map { Array(good[..<$0]) }
        for index in stride(from: 0, to: good.count, by: 23) {
            var bytes = good
            bytes[index] ^= 0x41
            damaged.append(bytes)
        }
        damaged.append(good + [0])
        for bytes in damaged {
            try ScratchTree.put(bytes, pack)
            #expect(try await !store.contains(artifact.digest))
            await expect(.incompatible, saying: "is damaged") { _ = try await store.unpack(artifact.digest) }
        }
        #expect(ScratchTree.names(scratch.path + "/state/unpacked").isEmpty)
        try ScratchTree.put(good, pack)
        #expect(try await store.contains(artifact.digest))
        _ = try await store.unpack(artifact.digest)
    }

    @Test(arguments: ["../escape", "/etc/escape", "a/../../escape", "a//b", "."])
    func aPackThatNamesOutsideFilesIsRefused(_ path: String) async throws {
        let header = TarHeader.encode(TreeEntry(path: path, kind: .file(size: 0, isExecutable: false)))
        let bytes = header + TarHeader.end
        let digest = ContentDigest.of(bytes)
        _ = try scratch.directory("state/artifacts")
        try ScratchTree.put(bytes, "\(scratch.path)/state/artifacts/\(digest.hex).pack")
        await expect(.incompatible, saying: "outside of itself") { _ = try await store.unpack(digest) }
        #expect(ScratchTree.names(scratch.path + "/state/unpacked").isEmpty)
    }

    @Test func nothingIsWrittenThroughALink() async throws {
        let victim = try scratch.directory("victim")
        let bytes =
            TarHeader.encode(TreeEntry(path: "door", kind: .symlink(target: victim)))
            + TarHeader.encode(TreeEntry(path: "door/file", kind: .file(size: 0, isExecutable: false)))
            + TarHeader.end
        let digest = ContentDigest.of(bytes)
        _ = try scratch.directory("state/artifacts")
        try ScratchTree.put(bytes, "\(scratch.path)/state/artifacts/\(digest.hex).pack")
        await #expect(throws: PortError.self) { _ = try await store.unpack(digest) }
        #expect(ScratchTree.names(victim).isEmpty)
    }

    @Test func aTreeTornByAPowerFailureIsMadeAnew() async throws {
        let artifact = try await store.pack(tree(), ignore: [], origin: "a")
        let root = try await store.unpack(artifact.digest)
        chmod(root + "/app.py", 0o644)
        try ScratchTree.put(Array("print('hellx')\n".utf8), root + "/app.py")
        try ScratchTree.put(Array("another boot\n".utf8), root + ".boot")
        _ = try await store.unpack(artifact.digest)
        #expect(try ScratchTree.bytes(root + "/app.py") == Array("print('hello')\n".utf8))
        #expect(ScratchTree.mode(root + "/app.py") == 0o444)
    }

    @Test func pruneKeepsWhatIsListed() async throws {
        let source = try tree()
        let kept = try await store.pack(source, ignore: [], origin: "a")
        try scratch.write("src/more", String(repeating: "m", count: 100_000))
        let dropped = try await store.pack(source, ignore: [], origin: "a")
        _ = try await store.unpack(kept.digest)
        _ = try await store.unpack(dropped.digest)
        try ScratchTree.put([1], scratch.path + "/state/artifacts/.1-1.tmp")
        #expect(try await store.prune(keeping: [kept.digest]) >= 200_000)
        #expect(ScratchTree.names(scratch.path + "/state/artifacts") == [kept.digest.hex + ".pack"])
        #expect(ScratchTree.names(scratch.path + "/state/unpacked") == [kept.digest.hex, kept.digest.hex + ".boot"])
        #expect(try await !store.contains(dropped.digest))
        await expect(.notFound, saying: "not here any more") { _ = try await store.unpack(dropped.digest) }
    }

    @Test func aFullDiskLeavesNothingBehind() async throws {
        let small = try scratch.directory("small-disk")
        guard getuid() == 0, mount("tmpfs", small, "tmpfs", 0, "size=256k") == 0 else {
            return skip("a file system of its own needs root")
        }
        defer { umount2(small, Int32(MNT_DETACH)) }
        try scratch.write("big/blob", String(repeating: "b", count: 400_000))
        let full = ArtifactDirectory(directory: small)
        await expect(.storage, saying: "No space left on device") {
            _ = try await full.pack(scratch.path + "/big", ignore: [], origin: "a")
        }
        #expect(ScratchTree.names(small + "/artifacts").isEmpty)
        try scratch.write("big/blob", String(repeating: "b", count: 150_000))
        let artifact = try await full.pack(scratch.path + "/big", ignore: [], origin: "a")
        await expect(.storage, saying: "No space left on device") { _ = try await full.unpack(artifact.digest) }
        #expect(ScratchTree.names(small + "/unpacked").isEmpty)
    }

    @Test func aReadOnlyStateDirectoryIsSaid() async throws {
        let place = try scratch.directory("frozen")
        guard getuid() == 0, mount("tmpfs", place, "tmpfs", UInt(MS_RDONLY), nil) == 0 else {
            return skip("a file system of its own needs root")
        }
        defer { umount2(place, Int32(MNT_DETACH)) }
        let source = try tree()
        await expect(.storage, saying: "Read-only file system") {
            _ = try await ArtifactDirectory(directory: place).pack(source, ignore: [], origin: "a")
        }
    }

    // MARK: Words

    private func expect(_ code: PortErrorCode, saying text: String, _ body: () async throws -> Void) async {
        do {
            try await body()
            Issue.record("no error")
        } catch let error as PortError {
            #expect(error.code == code)
            #expect(error.message.contains(text), "\(error)")
        } catch {
            Issue.record("\(error)")
        }
    }

    private func skip(_ why: String) {
        if getenv("SLIPWAY_REQUIRE_PEERS") != nil { Issue.record("\(why)") }
        print("skipped: \(why)")
    }

    private func run(_ program: String, _ arguments: String...) -> Int32 {
        var pid = pid_t()
        var vector: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        vector.append(nil)
        defer { for pointer in vector { free(pointer) } }
        guard posix_spawn(&pid, program, nil, nil, vector, environ) == 0 else { return -1 }
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        return status
    }
}
