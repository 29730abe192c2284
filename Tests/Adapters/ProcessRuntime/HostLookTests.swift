import Domain
import Glibc
import Testing

@testable import ProcessRuntime

@Suite struct HostLookTests {
    @Test func thisMachineIsSeen() async throws {
        var template = Array("/tmp/slw-host-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        let directory = String(cString: made)
        defer { rmdir(directory) }
        let question = HostQuestion(programs: [
            ProgramQuestion(owner: "api", program: "sh", directory: nil),
            ProgramQuestion(owner: "api", program: "./missing", directory: directory),
        ])
        let view = await HostLook(ProcessRuntimeConfiguration(directory: directory)).look(question, wall: 7)
        #expect(view.stateTrouble == nil)
        #expect((view.diskFree ?? 0) > 0 && (view.memoryAvailable ?? 0) > 0)
        #expect((view.memoryTotal ?? 0) >= (view.memoryAvailable ?? .max))
        #expect(view.processes > 0 && view.openFilesLimit > 0 && view.instancePortsFree > 0 && view.wall == 7)
        #expect((view.openFiles?.used ?? 0) > 0)
        #expect(view.programs[0].trouble == nil)
        #expect(view.programs[1].trouble?.contains("does not exist") == true)
        // The look leaves nothing behind, or this directory could not be removed.
        #expect(access(directory + "/.preflight", F_OK) != 0)
    }

    @Test func aPlaceThatCannotBeWrittenSaysWhy() async {
        let view = await HostLook(ProcessRuntimeConfiguration(directory: "/proc/nowhere")).look(
            HostQuestion(), wall: 0)
        #expect(view.stateTrouble == "cannot write to /proc/nowhere: No such file or directory")
    }
}
