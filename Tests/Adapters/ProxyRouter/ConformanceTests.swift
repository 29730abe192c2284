import RouterConformance
import Testing

@Suite("Routers keep the port's promises", .timeLimit(.minutes(2)))
struct ConformanceTests {
    @Test("Slipway's own proxy", arguments: RouterCheck.all)
    func embedded(_ check: RouterCheck) async throws {
        #expect(try await check.run(LiveSubject()), "the proxy claims every capability")
    }

    @Test("simulated", arguments: RouterCheck.all)
    func simulated(_ check: RouterCheck) async throws {
        #expect(try await check.run(SimulatedSubject()))
    }
}
