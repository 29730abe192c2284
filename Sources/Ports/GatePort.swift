package import Domain

/// What answers gates. One look at a time; rhythm and limits are Core's.
package protocol GatePort: Sendable {
    /// Takes one look. A question that cannot be asked is a verdict (`error`), not a thrown error.
    func look(_ request: LookRequest) async -> LookResult
    /// A run begins, or begins anew after a restart: its evidence counts from here. Only gates that measure traffic
    /// note anything. Convergent.
    /// - Parameters:
    ///   - key: of the run; its `look` is not looked at.
    ///   - since: the last look of the run that passed or failed; windows reach back to it.
    func mark(_ key: LookKey, _ gate: GateSpec, release: ReleaseNumber, since: Int) async
}

/// One look to be taken.
package struct LookRequest: Hashable, Sendable {
    package var key: LookKey
    package var gate: GateSpec
    /// The release on trial and, where there is one, the stable one: under the number of its baseline when the gate
    /// compares with that.
    package var release: Release
    package var stable: Release?
    /// Instances of the release on trial that are ready.
    package var instances: [InstanceView]
    /// All instances of the release on trial, ready or not.
    package var all: [InstanceView]
    /// Instances of the fresh baseline that are ready; none where the gate compares with stable.
    package var baseline: [InstanceID]
    /// The last look of this run that was neither inconclusive nor an error; 0: none. Windows reach back to it.
    package var since: Int

    package init(
        key: LookKey, gate: GateSpec, release: Release, stable: Release?, instances: [InstanceView],
        all: [InstanceView], baseline: [InstanceID] = [], since: Int
    ) {
        self.key = key
        self.gate = gate
        self.release = release
        self.stable = stable
        self.instances = instances
        self.all = all
        self.baseline = baseline
        self.since = since
    }
}
