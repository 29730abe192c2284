import KubernetesObjects

/// How a list may be asked for. Source: Kubernetes, `apimachinery/pkg/apis/meta/internalversion/validation`.
enum ListOptions {
    /// - Parameter version: the newest that there is.
    static func check(_ asked: Asked, _ version: UInt64) throws(Refusal) {
        let said = asked.query["resourceVersion"] ?? ""
        if let match = asked.query["resourceVersionMatch"], !match.isEmpty {
            let faults = faults(match, said)
            guard faults.isEmpty else { throw .invalidOptions(faults) }
        }
        if let limit = asked.query["limit"], Int(limit) == nil {
            throw .bad("strconv.ParseInt: parsing \"\(limit)\": invalid syntax")
        }
        guard !said.isEmpty else { return }
        guard let number = UInt64(said) else {
            throw .bad(
                "invalid resource version: resourceVersion: Invalid value: \"\(said)\": strconv.ParseUint: "
                    + "parsing \"\(said)\": invalid syntax")
        }
        guard number <= version else { throw .tooLarge(number, version) }
    }

    private static func faults(_ match: String, _ version: String) -> [FieldFault] {
        let field = "resourceVersionMatch"
        guard ["Exact", "NotOlderThan"].contains(match) else {
            return [
                FieldFault(
                    field: field, reason: "FieldValueNotSupported",
                    words: "Unsupported value: \"\(match)\": supported values: \"Exact\", \"NotOlderThan\", \"\"")
            ]
        }
        if version.isEmpty {
            return [.forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided")]
        }
        if match == "Exact", version == "0" {
            return [.forbidden(field, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")]
        }
        return []
    }
}

extension Refusal {
    fileprivate static func invalidOptions(_ faults: [FieldFault]) -> Refusal {
        let kind = ServedKind("meta.k8s.io/v1", "", "ListOptions")
        return .invalid(kind, "", faults)
    }

    /// A version that the server has not come to yet.
    fileprivate static func tooLarge(_ asked: UInt64, _ version: UInt64) -> Refusal {
        Refusal(
            code: 504, reason: "Timeout",
            message: "Timeout: Too large resource version: \(asked), current: \(version)",
            details: [
                "causes": [["reason": "ResourceVersionTooLarge", "message": "Too large resource version"]]
            ], retryAfter: 1)
    }
}
