import Domain
import FoundationEssentials
import Glibc
import Testing

@testable import Manifests

/// The schema and the checks come from one description; an independent validator tells whether they agree.
@Suite struct SchemaTests {
    @Test func everyKeyIsDescribed() {
        for map in ManifestShape.maps {
            for field in map.fields {
                #expect(field.summary.hasSuffix("."), "\(map.title): \(field.key)")
                #expect(field.example.hasPrefix(field.key + ": "), "\(map.title): \(field.key)")
            }
        }
    }

    @Test func examplesOfKeysAreRight() throws {
        for map in ManifestShape.maps {
            for field in map.fields {
                var reader = TreeReader(file: "")
                let read = reader.read("{ \(field.example) }")
                let tree = try #require(read, "\(field.example)")
                var check = ShapeCheck(file: "", isOverride: map.title.contains("overrides"))
                let value = try #require(tree.entry(field.key)?.value)
                check.check(value, field.shape, label: field.key, owner: .start)
                let errors = check.findings.all.filter { !($0.code == .missingKey && field.key == "overrides") }
                #expect(errors.isEmpty, "\(field.example): \(errors)")
            }
        }
    }

    @Test func agreesWithAnIndependentValidator() throws {
        guard let python = Self.pythonWithJSONSchema() else {
            let message = "SKIPPED: no python3 with the package jsonschema, so the schema was not validated"
            if ProcessInfo.processInfo.environment["SLIPWAY_REQUIRE_PEERS"] == "1" { Issue.record("\(message)") }
            print(message)
            return
        }
        var cases = try Self.manifestCases()
        cases += Self.scalarCases()
        let text = JSONText.map([
            ("schema", ShapeSchema.manifest()),
            ("cases", .list(cases.map { .map([("schema", $0.schema ?? .null), ("value", $0.value)]) })),
        ]).compact
        let input = FileManager.default.temporaryDirectory.appending(path: "slipway-schema-\(getpid()).json")
        try Data(text.utf8).write(to: input)
        defer { unlink(input.path) }
        let verdicts = try #require(Self.run(python, Self.script, input.path))
        let lines = verdicts.split(separator: "\n").map(String.init)
        #expect(lines.count == cases.count)
        for (verdict, tested) in zip(lines, cases) {
            let isValid = verdict == "valid"
            #expect(isValid == tested.isRight, "\(tested.name): the schema says \(verdict)")
        }
    }

    struct Case {
        var name: String
        /// Nil: the manifest's.
        var schema: JSONText?
        var value: JSONText
        var isRight: Bool
    }

    /// Whole manifests: those whose form is wrong must be refused by the schema as well.
    static func manifestCases() throws -> [Case] {
        var cases: [Case] = []
        let names = try DiagnosticTests.names().map { "diagnostics/\($0).yaml" } + ["shop.yaml", "everything.yaml"]
        for name in names {
            let text = try fixture(name)
            var reader = TreeReader(file: "")
            guard let tree = reader.read(text), !reader.findings.all.hasErrors, case .map = tree.content else {
                continue
            }
            let isRight = !Manifest.parse(text: text).diagnostics.hasErrors
            // Overrides are held against the merged manifest too, which a schema cannot do.
            if name.contains("overrides") { continue }
            cases.append(Case(name: name, schema: nil, value: JSONText(tree: tree), isRight: isRight))
        }
        return cases
    }

    /// Every kind of value against texts of all kinds.
    static func scalarCases() -> [Case] {
        let shapes: [ScalarShape] = [
            .text, .filled, .word(["a", "TERM"]), .boolean, .yes, .integer(1...100), .version(1),
            .duration(mayBeZero: true), .duration(mayBeZero: false), .hold, .weight, .amount, .cpu, .memory, .size,
            .name,
            .projectPath, .path, .urlPath, .webURL, .listen, .host, .headerName, .identifier, .jsonPath, .shareLimit,
            .durationLimit, .rateLimit, .rate, .form(.tolerance), .form(.more), .form(.level), .form(.condition),
            .form(.less),
        ]
        let texts = [
            "< 0.2", "<0.2", ">= .95 and < 1.5", "< 1 or > 2 or == 3", "< 1 and > 0 or > 5", "< -1e-3", "< 1 > 2",
            "=> 1", "!= +1", "< 1.", "< 1 and", "< 1 and < 2 and < 3 and < 4 and < 5", "-20%", "-0.5%", "-101%",
            "+0.5pp", "+20%", "+0pp", "+100pp", "0.5pp", "+ 5%", "+%", "+1.pp", "100.0%", "+1000%",
            "", "a", "A", "TERM", "true", "false", "1", "0", "100", "101", "-1", "1.5", "30s", "0s", "1.5m", "1.m",
            ".5s",
            "5 s", "2h", "7d", "10ms", "untilPromoted", "5%", "0%", "100%", "101%", "2.5%", "25%", "250m", "250m..500m",
            "..2", "2..", "..", "0.5..1", "256Mi", "256Mi..512Mi", "..1Gi", "1.5Gi", "1K", "0Mi", "a-b", "-a", "a-",
            "a_b", "a.b", "A B", "a/b", "../a", "a/../b", "a/..", "..a", "/", "/a b", "/a?b=c", "8080", "70000",
            "0.0.0.0:80", "[::1]:8080", "::1:80", "host:80", ":80", "*.a.b", "a..b", "*.", "items[0].id", "[2].a",
            "a.", "a[x]", "$.a", "<= 1%", "<=1%", "< 1%", "<= 0.5%", "<= 101%", "<= 200ms", "<= 0ms", ">= 50/s",
            "http://a", "https://a.b:1/c?d=e", "https://u@h/", "http://", "http:///a", "ftp://a", "http://a b",
            "http://a#b",
            "http://é", "http://a?b@c/d", "https://[::1]:8/x", "http://a?", "http://a/b?c@d",
            ">= 0/s", "50/s", "0/s", "0.5/s", "50 /s", "50/m", ">=1.5/s", "X-Header", "é", "x\ny",
            String(repeating: "n", count: 41),
        ]
        var cases: [Case] = []
        for shape in shapes {
            for text in texts {
                for isPlain in [true, false] {
                    let scalar = TreeScalar(text: text, isPlain: isPlain)
                    if scalar.isNull { continue }
                    let tree = Tree(place: .start, content: .scalar(scalar))
                    cases.append(
                        Case(
                            name: "\(shape) \(isPlain ? text : "\"\(text)\"")", schema: shape.schema,
                            value: JSONText(tree: tree), isRight: shape.trouble(with: scalar) == nil))
                }
            }
        }
        return cases
    }

    private static let script = """
        import json, sys
        from jsonschema import Draft202012Validator
        data = json.load(open(sys.argv[1]))
        Draft202012Validator.check_schema(data["schema"])
        whole = Draft202012Validator(data["schema"])
        made = {}
        for case in data["cases"]:
            schema = case["schema"]
            if schema is None:
                validator = whole
            else:
                key = json.dumps(schema)
                validator = made.get(key) or made.setdefault(key, Draft202012Validator(schema))
            errors = list(validator.iter_errors(case["value"]))
            print("valid" if not errors else "invalid: " + errors[0].message.replace("\\n", " ")[:200])
        """

    private static func pythonWithJSONSchema() -> String? {
        ["python3", "/usr/bin/python3"].first { run($0, "import jsonschema; print('yes')", "") == "yes\n" }
    }

    /// The standard output of a Python script; nil when it fails.
    private static func run(_ python: String, _ script: String, _ argument: String) -> String? {
        let output = FileManager.default.temporaryDirectory.appending(path: "slipway-schema-\(getpid()).out")
        defer { unlink(output.path) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, output.path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        let words: [String] = [python, "-c", script, argument]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for pointer in arguments { free(pointer) } }
        var pid: pid_t = 0
        guard posix_spawnp(&pid, python, &actions, nil, &arguments, environ) == 0 else { return nil }
        var status: Int32 = 0
        guard waitpid(pid, &status, 0) == pid, status == 0 else { return nil }
        do {
            return try String(contentsOf: output, encoding: .utf8)
        } catch {
            Issue.record(error)
            return nil
        }
    }
}
