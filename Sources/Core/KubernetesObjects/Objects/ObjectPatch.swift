/// The way from one value to another as a JSON Patch (RFC 6902).
package struct ObjectPatch: Hashable, Sendable {
    package var steps: [PatchStep]

    /// The fewest steps, map by map. Lists of the same length are compared place by place; others are replaced whole.
    package init(from old: ObjectValue, to new: ObjectValue) {
        var steps: [PatchStep] = []
        Self.compare(old, new, "", &steps)
        self.steps = steps
    }

    package var isEmpty: Bool { steps.isEmpty }

    /// As a list of operations.
    package var value: ObjectValue {
        .list(
            steps.map { step in
                switch step {
                case .add(let path, let value): ["op": "add", "path": .text(path), "value": value]
                case .replace(let path, let value): ["op": "replace", "path": .text(path), "value": value]
                case .remove(let path): ["op": "remove", "path": .text(path)]
                }
            })
    }

    private static func compare(_ old: ObjectValue, _ new: ObjectValue, _ path: String, _ steps: inout [PatchStep]) {
        guard old != new else { return }
        switch (old, new) {
        case (.map(let before), .map(let after)):
            for field in before where !after.contains(where: { $0.key == field.key }) {
                steps.append(.remove(path: path + "/" + pointer(field.key)))
            }
            for field in after {
                let place = path + "/" + pointer(field.key)
                if let other = before.first(where: { $0.key == field.key }) {
                    compare(other.value, field.value, place, &steps)
                } else {
                    steps.append(.add(path: place, value: field.value))
                }
            }
        case (.list(let before), .list(let after)) where before.count == after.count:
            for (index, pair) in zip(before, after).enumerated() {
                compare(pair.0, pair.1, "\(path)/\(index)", &steps)
            }
        case _: steps.append(.replace(path: path, value: new))
        }
    }

    /// A key as a part of a JSON Pointer (RFC 6901).
    private static func pointer(_ key: String) -> String {
        key.replacing("~", with: "~0").replacing("/", with: "~1")
    }
}

/// One operation. Paths are JSON Pointers.
package enum PatchStep: Hashable, Sendable {
    case add(path: String, value: ObjectValue)
    case replace(path: String, value: ObjectValue)
    case remove(path: String)
}
