import Domain
import Gates
import Ports
import Testing

@Suite("Health gates")
struct HealthGateTests {
    private let gate = HealthGate()

    private func look(_ instances: [InstanceView], _ number: Int = 1) async -> LookResult {
        await gate.look(request(.health, at: instances, look: number))
    }

    @Test func instancesThatStartLeaveItOpen() async {
        let result = await look([instance(1), instance(2, phase: .starting)])
        #expect(result.verdict == .inconclusive)
        #expect(result.evidence.summary == "1 of 2 instances ready, 1 still starting")
    }

    @Test func instancesThatLeaveAreNotCounted() async {
        #expect(await look([instance(1), instance(2, phase: .leaving)]).verdict == .pass)
        #expect(await look([instance(2, phase: .leaving)], 2).verdict == .error)
    }

    @Test func theTroubleIsTold() async {
        var bad = instance(2, phase: .failed)
        bad.trouble = "exit code 3: no database\n\u{1b}[31mlast words"
        let result = await look([instance(1), bad, instance(3, phase: .unready)])
        #expect(result.verdict == .fail)
        #expect(result.evidence.summary.hasPrefix("instance 2 is failed: exit code 3: no database"))
        #expect(result.evidence.summary.hasSuffix("and 1 more; 1 of 3 ready"))
    }

    @Test func anInstanceThatCameLaterMustNotHaveRestarted() async {
        #expect(await look([instance(1)]).verdict == .pass)
        var fresh = instance(2)
        #expect(await look([instance(1), fresh], 2).verdict == .pass)
        fresh.restarts = 1
        let result = await look([instance(1), fresh], 3)
        #expect(result.verdict == .fail)
        #expect(result.evidence.summary.hasPrefix("instance 2 is ready, restarted once"))
    }
}
