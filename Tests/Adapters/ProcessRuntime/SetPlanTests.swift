import Domain
import Testing

@testable import ProcessRuntime

@Suite struct SetPlanTests {
    private let one = ReleaseNumber(1)
    private let two = ReleaseNumber(2)

    private func member(
        _ id: UInt64, _ release: ReleaseNumber, _ standing: SetPlan.Standing = .ready, leaving: Bool = false,
        told: Bool = false
    ) -> SetPlan.Member {
        SetPlan.Member(
            id: InstanceID(id), release: release, standing: standing, isLeaving: leaving, isTold: told)
    }

    private func plan(_ wish: [(ReleaseNumber, Int)], _ members: [SetPlan.Member], prepared: Bool = true)
        -> [SetPlan.Change]
    {
        SetPlan.changes(
            wish: wish.map { SetWish(release: $0.0, count: $0.1) }, members: members, isPrepared: { _ in prepared })
    }

    @Test func spawnsWhatIsMissing() {
        #expect(plan([(one, 3)], [member(1, one)]) == [.spawn(one), .spawn(one)])
    }

    @Test func waitsForFiles() {
        #expect(plan([(one, 3)], [], prepared: false).isEmpty)
    }

    @Test func nothingToDo() {
        #expect(plan([(one, 2), (two, 0)], [member(1, one), member(2, one, .failed)]).isEmpty)
        #expect(plan([], []).isEmpty)
    }

    @Test func theLeastUsefulLeaveFirst() {
        let members = [
            member(1, one, .ready), member(2, one, .unready), member(3, one, .ready), member(4, one, .failed),
            member(5, one, .starting),
        ]
        #expect(plan([(one, 4)], members) == [.leave(InstanceID(4))])
        #expect(plan([(one, 3)], members) == [.leave(InstanceID(4)), .leave(InstanceID(5))])
        #expect(
            plan([(one, 1)], members)
                == [.leave(InstanceID(4)), .leave(InstanceID(5)), .leave(InstanceID(2)), .leave(InstanceID(3))])
    }

    @Test func unlistedReleasesLeave() {
        #expect(plan([(two, 1)], [member(1, one), member(2, two)]) == [.leave(InstanceID(1))])
        #expect(plan([], [member(2, one), member(1, one)]) == [.leave(InstanceID(1)), .leave(InstanceID(2))])
        #expect(plan([], [member(1, one, leaving: true)]).isEmpty)
    }

    @Test func whatWasNotToldToStopComesBack() {
        let members = [
            member(1, one, .unready, leaving: true), member(2, one, .ready, leaving: true),
            member(3, one, .ready, leaving: true, told: true),
        ]
        #expect(plan([(one, 1)], members) == [.revive(InstanceID(2))])
        #expect(plan([(one, 3)], members) == [.revive(InstanceID(2)), .revive(InstanceID(1)), .spawn(one)])
    }

    @Test func aNegativeCountIsNone() {
        #expect(plan([(one, -1)], [member(1, one)]) == [.leave(InstanceID(1))])
    }
}
