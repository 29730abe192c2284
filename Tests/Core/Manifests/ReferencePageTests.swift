import FoundationEssentials
import Glibc
import Testing

@testable import Manifests

/// The tables of `docs/reference/manifest.md` and `scenario.md` are written from the shapes.
/// `SLIPWAY_REWRITE_GOLDENS=1` writes them anew.
@Suite struct ReferencePageTests {
    private static let marker = "<!-- From here on written from the code: SLIPWAY_REWRITE_GOLDENS=1 make test -->\n"

    @Test(arguments: ["manifest", "scenario"])
    func thePageIsUpToDate(_ name: String) throws {
        let maps = name == "scenario" ? Self.scenarioMaps : ManifestShape.maps
        let real = try #require(realpath(fixtureURL("").path, nil))
        defer { free(real) }
        let root = String(cString: real).split(separator: "/").dropLast(4).joined(separator: "/")
        let page = URL(filePath: "/\(root)/docs/reference/\(name).md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let parts = text.split(separator: Self.marker, omittingEmptySubsequences: false)
        #expect(parts.count == 2)
        let wanted = parts[0] + Self.marker + "\n" + Self.tables(maps)
        if ProcessInfo.processInfo.environment["SLIPWAY_REWRITE_GOLDENS"] == "1" {
            try Data(wanted.utf8).write(to: page)
        }
        #expect(try String(contentsOf: page, encoding: .utf8) == wanted)
    }

    private static let scenarioMaps = [LoadShape.scenario, LoadShape.flow, LoadShape.step, LoadShape.capture]

    private static func tables(_ maps: [MapShape]) -> String {
        var text = ""
        for map in maps {
            let title = map.title.split(separator: " ").filter { !["a", "an", "the"].contains($0) }
            let heading = title.joined(separator: " ")
            text += "## \(heading.prefix(1).uppercased())\(heading.dropFirst())\n\n"
            for choice in map.choices {
                let keys = choice.keys.map { "`\($0)`" }.joined(separator: ", ")
                let unless = choice.unless.map { "`\($0)`" }.joined(separator: ", ")
                let rule = choice.isRequired ? "Exactly one of \(keys)" : "At most one of \(keys)"
                text += rule + (unless.isEmpty ? "" : ", or none beside \(unless)") + ".\n\n"
            }
            text += "| Key | Value | Default | Meaning |\n|---|---|---|---|\n"
            for field in map.fields {
                let standard = field.isRequired ? "required" : field.standard.map { "`\($0)`" } ?? ""
                text += "| `\(field.key)` | \(value(field.shape)) | \(standard) | \(field.summary) |\n"
            }
            for family in map.families {
                text += "| `\(family.label)` | \(value(family.shape)) |  | \(family.summary) |\n"
            }
            let examples = (map.fields.map(\.example) + map.families.map(\.example)).joined(separator: "\n")
            text += "\n```yaml\n\(examples)\n```\n\n"
        }
        return String(text.dropLast())
    }

    private static func value(_ shape: Shape) -> String {
        switch shape {
        case .map(let map): "map, see [\(heading(map))](#\(anchor(map)))"
        case .wordOr(let scalar, let map): "\(scalar.title), or a map, see [\(heading(map))](#\(anchor(map)))"
        case .entries(let entries):
            switch entries.value {
            case .map(let map): "map from names to [\(heading(map))](#\(anchor(map)))"
            case .entries, .list, .scalar, .wordOr, .json: String(entries.title.dropFirst(2))
            }
        case .list(let list):
            switch list.item {
            case .map(let map): "list of [\(heading(map))](#\(anchor(map)))"
            case .entries, .list, .scalar, .wordOr, .json: String(list.title.dropFirst(2))
            }
        case .scalar(let scalar): scalar.title.hasPrefix("a ") ? String(scalar.title.dropFirst(2)) : scalar.title
        case .json: "any value"
        }
    }

    private static func heading(_ map: MapShape) -> String {
        map.title.split(separator: " ").filter { !["a", "an", "the"].contains($0) }.joined(separator: " ")
    }

    private static func anchor(_ map: MapShape) -> String {
        heading(map).lowercased().split(separator: " ").joined(separator: "-")
    }
}
