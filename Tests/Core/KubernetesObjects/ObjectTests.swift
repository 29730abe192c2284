import Domain
import KubernetesObjects
import Testing

@Suite struct ObjectTests {
    @Test func leavesOutWhatIsNotSaid() throws {
        let value: ObjectValue = ["a": 1, "b": nil, "c": ["d": nil]]
        #expect(ObjectText.json(value) == #"{"a":1,"c":{}}"#)
    }

    /// A YAML reader must give back the same texts, whatever they look like.
    @Test(arguments: [
        "true", "no", "on", "8080", "0x1f", "1e3", "~", "", "null", "2026-01-02", "0777", "a: b", "- a", "*a", "'",
        "#x",
    ])
    func textsStayTexts(_ text: String) throws {
        let yaml = try ObjectText.yaml(["key": .text(text)])
        #expect(yaml.hasPrefix("key: '") || yaml.hasPrefix("key: \""), "\(yaml)")
    }

    @Test func linesStayLines() throws {
        #expect(try ObjectText.yaml(["conf": "a = 1\nb = 2\n"]) == "conf: |\n  a = 1\n  b = 2\n")
    }

    @Test func writesJSONThatIsJSON() {
        #expect(ObjectText.json(["k\"": "a\\\n\t\u{1}é"]) == "{\"k\\\"\":\"a\\\\\\n\\t\\u0001é\"}")
    }

    @Test func patchesSayWhatDiffers() {
        let old: ObjectValue = ["a": 1, "b": ["x/y": "1", "z": [1, 2]], "gone": true]
        let new: ObjectValue = ["a": 1, "b": ["x/y": "2", "z": [1, 3]], "new": ["~": 1]]
        #expect(
            ObjectText.json(ObjectPatch(from: old, to: new).value)
                == #"[{"op":"remove","path":"/gone"},{"op":"replace","path":"/b/x~1y","value":"2"},"#
                + #"{"op":"replace","path":"/b/z/1","value":3},{"op":"add","path":"/new","value":{"~":1}}]"#)
        #expect(ObjectPatch(from: old, to: old).isEmpty)
    }

    @Test(arguments: [
        "{}", "[]", "0", "-1", "1.5", "1e3", "\"\"", "null", "[1,[2,{\"a\":null}]]", "{\"b\":1,\"a\":{\"x\":true}}",
        "\"\\u00e9\\ud83d\\ude00\\n\\/\"", " { \"a\" : [ 1 , 2 ] } ",
    ])
    func readsJSON(_ text: String) throws {
        let value = try #require(ObjectValue(json: Array(text.utf8)))
        let again = ObjectText.json(value)
        #expect(ObjectValue(json: Array(again.utf8)) == value)
        #expect(JSONValue(parsing: text.utf8)?.equals(try #require(JSONValue(parsing: again.utf8))) == true)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":}", "{\"a\" 1}", "{a:1}", "01", "1.", ".5", "+1", "1e", "tru", "nul", "\"\\x\"",
        "\"\\ud800\"",
        "\"a", "\"\n\"", "[1] 2", "--1", "{\"a\":1,}", "\u{feff}{}",
    ])
    func refusesWhatIsNoJSON(_ text: String) {
        #expect(ObjectValue(json: Array(text.utf8)) == nil)
    }

    @Test func refusesBytesThatAreNoText() {
        #expect(ObjectValue(json: [0x22, 0xff, 0x22]) == nil)
    }

    @Test func refusesWhatIsTooDeep() {
        let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        #expect(ObjectValue(json: Array(deep.utf8)) == nil)
    }

    @Test func keepsTheOrderOfKeys() {
        let text = #"{"z":1,"a":2,"m":{"y":1,"b":2}}"#
        #expect(ObjectValue(json: Array(text.utf8)).map { ObjectText.json($0) } == text)
    }
}
