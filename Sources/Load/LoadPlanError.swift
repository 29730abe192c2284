/// Why a plan cannot be run: found before anything is sent.
package struct LoadPlanError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, for programs.
    package enum Code: String, Sendable, Hashable {
        case url
        case tls
        case request
        case arrival
        case bounds
        case resolution
    }

    package let code: Code
    /// What was given and why it will not do, as one sentence.
    package let cause: String
    /// What to try instead.
    package let hint: String

    package init(code: Code, cause: String, hint: String) {
        self.code = code
        self.cause = cause
        self.hint = hint
    }

    package var description: String { "\(cause) (\(hint))" }
}
