import SupervisorAPI
import Testing

@testable import Commands

@Suite struct VersionGapTests {
    private func gap(_ running: String, api: Int = 1, own: String = "0.9.0", ownAPI: Int = 1) -> VersionGap {
        let report = VersionReport(version: running, api: api, pid: 1, state: "/s", startedAt: 0)
        return VersionGap(report, own: own, ownAPI: ownAPI)
    }

    @Test func theSameVersionSaysNothing() {
        #expect(gap("0.9.0").warning == nil)
        #expect(gap("0.9.0").error == nil)
        #expect(gap("0.9.0").hint.isEmpty)
    }

    @Test func anOlderSupervisorIsBroughtUpToDate() {
        #expect(gap("0.8.7").warning?.contains("version 0.8.7, and this slipway is newer: 0.9.0") == true)
        #expect(gap("0.8.7").hint.hasPrefix("`slipway restart` goes on with this one"))
        #expect(gap("0.9").isOlder == true)
    }

    /// The advice that is right for an older one would take a newer one back.
    @Test func aNewerSupervisorIsNotTakenBack() {
        #expect(gap("0.10.0").isOlder == false)
        #expect(gap("0.10.0").warning?.contains("this slipway is older") == true)
        #expect(gap("0.10.0").hint.hasPrefix("use the newer slipway"))
    }

    @Test func anotherInterfaceIsAnError() {
        #expect(gap("0.10.0", api: 2).error?.code == "version")
        #expect(gap("0.10.0", api: 2).error?.hint.hasPrefix("use the newer slipway") == true)
        #expect(gap("0.9.0", api: 0).isOlder == true)
        #expect(gap("0.9.0-rc1").isOlder == nil)
        #expect(gap("0.9.0-rc1").warning != nil)
    }
}
