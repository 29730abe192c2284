package import Domain

/// A service of one environment, as the proxy knows it: `shop/production/api`. Names are DNS labels, so the slashes
/// can be told apart again.
package struct ServiceKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let environment: EnvironmentID
    package let service: ServiceName

    package init(_ service: ServiceName, in environment: EnvironmentID) {
        self.environment = environment
        self.service = service
    }

    /// Reads what `description` writes; nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        self.init(ServiceName(parts[2]), in: EnvironmentID(project: parts[0], name: parts[1]))
    }

    package var description: String { "\(environment)/\(service)" }

    package static func < (left: ServiceKey, right: ServiceKey) -> Bool {
        (left.environment, left.service) < (right.environment, right.service)
    }
}
