import Domain
import Testing

@Suite("Values of answers")
struct AnswerTests {
    @Test func jsonIsReadAndCompared() throws {
        let value = try #require(JSONValue(parsing: #"{"a":[1,2.5,"x\n",null,true],"b":{"c":9007199254740993}}"#.utf8))
        #expect(value.at("a[0]") == .integer(1))
        #expect(value.at("b.c") == .integer(9_007_199_254_740_993))
        #expect(value.at("a[2]")?.compact == "\"x\\n\"")
        #expect(value.at("a[2]")?.plain == "x\n")
        #expect(value.at("a[9]") == nil)
        #expect(value.at("a.b") == nil)
        #expect(value.at("") == value)
        #expect(value.compact == #"{"a":[1,2.5,"x\n",null,true],"b":{"c":9007199254740993}}"#)
        #expect(JSONValue.integer(1).equals(.number(1)))
        #expect(!JSONValue.integer(1).equals(.text("1")))
        #expect(!JSONValue.integer(1).equals(.bool(true)))
        #expect(JSONValue(parsing: "{".utf8) == nil)
        #expect(JSONValue(parsing: "7".utf8) == .integer(7))
    }

    @Test func placeholdersAreFilledOnceAndKnown() throws {
        let known = Placeholders(values: ["a": "1/${b}", "b": "2"])
        #expect(try known.fill("x${a}y${b}$${a}$c$") == "x1/${b}y2${a}$c$")
        #expect(try known.fill("/p/${a}?q=${b}", encode: Placeholders.pathSegment) == "/p/1%2F%24%7Bb%7D?q=2")
        #expect(throws: Placeholders.UnknownName(name: "z")) { try known.fill("${z}") }
        #expect(try known.fill("${unclosed") == "${unclosed")
    }
}
