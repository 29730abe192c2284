/// Looks for what is well-formed but makes no sense.
struct SenseCheck {
    let reading: ProjectReading
    let text: String

    func run(_ findings: inout Findings) {
    }
}
