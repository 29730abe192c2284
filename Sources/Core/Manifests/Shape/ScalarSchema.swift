import Domain

extension ScalarShape {
    private static let number = "[0-9]+(\\.[0-9]+)?"
    private static let bytes = number + "(Ki|Mi|Gi|K|M|G)"
    private static let cores = "(([0-9]{1,6}|1000000)m|[0-9]{1,3}(\\.[0-9]+)?|1000)"
    private static let port =
        "0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
    private static let positive = "(?=.*[1-9])"

    private static func range(_ value: String) -> String {
        "^\(positive)(\(value)|(\(value))?\\.\\.(\(value))|(\(value))\\.\\.)$"
    }

    /// The JSON Schema of a value. Patterns say what can be said in patterns; `check` is exact.
    var schema: JSONText {
        switch self {
        case .text: .map([("type", .texts(["string", "number", "boolean"]))])
        case .filled: .map([("type", .texts(["string", "number", "boolean"])), ("minLength", .integer(1))])
        case .word(let words): .map([("enum", .texts(words))])
        case .boolean: .map([("type", .text("boolean"))])
        case .yes: .map([("const", .boolean(true))])
        case .integer(let range): Self.integer(range)
        case .version(let number): .map([("const", .integer(number))])
        case .duration(true): .anyOf([Self.zero, .pattern("^(0|\(Self.number)(ms|s|m|h|d))$")])
        case .duration(false): .pattern("^\(Self.positive)\(Self.number)(ms|s|m|h|d)$")
        case .hold: .pattern("^(untilPromoted|\(Self.positive)\(Self.number)(ms|s|m|h|d))$")
        case .weight: .pattern("^0*([1-9][0-9]?|100)%$")
        case .amount: .anyOf([Self.integer(0...1000), .pattern("^([0-9]{1,3}|0*(100|[1-9]?[0-9])%)$")])
        case .cpu:
            .anyOf([
                .map([("type", .text("number")), ("exclusiveMinimum", .integer(0)), ("maximum", .integer(1000))]),
                .pattern(Self.range(Self.cores)),
            ])
        case .memory: .pattern(Self.range(Self.bytes))
        case .size: .pattern("^\(Self.positive)\(Self.bytes)$")
        case .name: KeyShape.name.schema
        case .projectPath: KeyShape.relativePath.schema
        case .path: .pattern("^[^\\u0000-\\u001f]{1,1024}$")
        case .urlPath: .pattern("^/[^\\s\\u0000-\\u0020\\u007f]*$")
        case .listen:
            .anyOf([
                Self.integer(1...65_535),
                .pattern("^((\\[(?=.*:.*\\])[0-9A-Za-z:.%-]+\\]|[0-9A-Za-z.-]+):)?\(Self.port)$"),
            ])
        case .webURL: .pattern("^https?://[!\"$-.0-9:;<=>A-~]{1,}([/?][!\"$-~]*)?$")
        case .host: .pattern("^(\\*\\.)?(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*$")
        case .headerName: KeyShape.headerName.schema
        case .identifier: KeyShape.identifier.schema
        case .jsonPath: KeyShape.jsonPath.schema
        case .shareLimit: .pattern("^<= *(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)%$")
        case .durationLimit: .pattern("^<= *\(Self.positive)\(Self.number)(ms|s|m|h|d)$")
        case .rateLimit: .pattern("^>= *\(Self.positive)\(Self.number)/s$")
        case .form(let form): .pattern(form.pattern)
        case .rate: .pattern("^\(Self.positive)\(Self.number)/s$")
        }
    }

    private static let zero = JSONText.map([("const", .integer(0))])

    private static func integer(_ range: ClosedRange<Int>) -> JSONText {
        .map([
            ("type", .text("integer")), ("minimum", .integer(range.lowerBound)),
            ("maximum", .integer(range.upperBound)),
        ])
    }
}

extension KeyShape {
    var schema: JSONText {
        switch self {
        case .name: .pattern("^(?!-)[a-z0-9-]{1,40}(?<!-)$")
        case .variable: .pattern("^[A-Za-z_][A-Za-z0-9_]{0,255}$")
        case .headerName: .pattern("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$")
        case .relativePath: .pattern("^(?!/)(?!(.*/)?\\.\\.(/|$))[^\\u0000-\\u001f]{1,1024}$")
        case .jsonPath:
            .pattern("^(\\[[0-9]{1,9}\\]|[A-Za-z0-9_-]+)(\\[[0-9]{1,9}\\]|\\.[A-Za-z0-9_-]+)*$")
        case .identifier: .pattern("^[A-Za-z0-9_-]{1,100}$")
        case .label: .pattern(ClusterForm.labelKey.pattern)
        }
    }
}
