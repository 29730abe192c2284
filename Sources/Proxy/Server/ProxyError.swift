/// Why the proxy could not start, or could not take a listening socket.
package struct ProxyError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// The route table on disk is damaged, or of another version.
        case tableFile
        /// The control socket could not be made.
        case controlSocket
        /// A listening socket could not be taken.
        case listener
        /// The proxy is on its way out.
        case shuttingDown
    }

    package let code: Code
    package let message: String
    package let cause: String?
    package let hint: String?

    package init(code: Code, message: String, cause: String? = nil, hint: String? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
        self.hint = hint
    }

    /// The exit status for a process that ends for this (sysexits.h).
    package var exitStatus: Int32 {
        switch code {
        case .tableFile: 65
        case .controlSocket, .listener: 71
        case .shuttingDown: 75
        }
    }

    package var description: String {
        var text = message
        if let cause { text += ": \(cause)" }
        if let hint { text += "; \(hint)" }
        return text
    }
}
