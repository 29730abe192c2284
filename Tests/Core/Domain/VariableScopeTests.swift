import Domain
import Testing

@Suite struct VariableScopeTests {
    private let scope = VariableScope([("instance.port", "20001"), ("env.A", "x${y}")])

    @Test(arguments: [
        ("plain", "plain"), ("p=${instance.port}", "p=20001"), ("${env.A}", "x${y}"),
        ("$${instance.port}", "${instance.port}"),
        ("$HOME $", "$HOME $"), ("$$", "$$"), ("a${instance.port}b${instance.port}", "a20001b20001"),
    ])
    func puts(_ text: String, _ expected: String) throws {
        #expect(try scope.expand(text, place: "x") == expected)
    }

    @Test func unknownNamesAreErrors() {
        #expect(throws: VariableScope.Unknown.self) { try scope.expand("${nope}", place: "x") }
        #expect(throws: VariableScope.Unknown.self) { try scope.expand("${open", place: "x") }
    }

    @Test func aShellKeepsItsOwn() throws {
        let text = "echo ${HOME:-x} ${instance.port} ${open"
        #expect(try scope.expand(text, place: "x", leavesShellNames: true) == "echo ${HOME:-x} 20001 ${open")
        #expect(throws: VariableScope.Unknown.self) {
            try scope.expand("${instance.prot}", place: "x", leavesShellNames: true)
        }
    }
}
