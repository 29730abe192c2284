import Domain

extension SenseCheck {
    /// Channels for environments that do not exist, and passwords without a user.
    func checkNotify(_ findings: inout Findings) {
        for hook in reading.tree["hooks"]?.entries ?? [] {
            guard let entry = hook.value.entry("onFailure"), entry.value.text == "ignore",
                hook.value["at"]?.text == HookPoint.beforePromote.rawValue
            else { continue }
            findings.error(
                .conflict, entry.keyPlace, "a hook before promotion is a gate, which cannot be ignored",
                hint: "`at: afterPromote` stops nothing")
        }
        let declared = (reading.tree["environments"]?.entries ?? []).map(\.key) + ["dev"]
        for channel in reading.tree["notify"]?.entries ?? [] {
            for item in channel.value["environments"]?.items ?? [] {
                guard let name = item.text, !declared.contains(name) else { continue }
                let near = Suggestion.nearest(to: name, in: declared)
                findings.error(
                    .unknownEnvironment, item.place, "there is no environment `\(name)`",
                    hint: near.map { "did you mean `\($0)`?" } ?? "environments are named under `environments`")
            }
            guard let email = channel.value["email"] else { continue }
            for (key, other) in [("user", "password"), ("password", "user")] {
                guard let entry = email.entry(key), email[other] == nil else { continue }
                findings.error(
                    .missingKey, entry.keyPlace, "`\(key)` needs `\(other)` beside it", hint: "give both, or neither")
            }
        }
    }
}
