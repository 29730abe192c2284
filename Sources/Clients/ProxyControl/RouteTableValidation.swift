import Glibc

extension RouteTable {
    /// The first thing that makes the table unusable, or nil. A table is taken whole or not at all.
    package func fault() -> ProxyControlError? {
        guard version == Self.currentVersion else {
            return .init(
                code: .invalidTable, message: "table version \(version) is not \(Self.currentVersion)",
                hint: "use a supervisor and a proxy of the same version")
        }
        var names: Set<String> = []
        for service in services {
            if !names.insert(service.name).inserted { return refuse("service \(service.name) is listed twice") }
            if let reason = service.fault() { return refuse("service \(service.name): \(reason)") }
        }
        var addresses: Set<String> = []
        for listener in listeners {
            if !addresses.insert(listener.address).inserted {
                return refuse("listener \(listener.address) is listed twice")
            }
            if let reason = listener.fault(services: names) {
                return refuse("listener \(listener.address): \(reason)")
            }
        }
        return nil
    }

    private func refuse(_ message: String) -> ProxyControlError {
        .init(code: .invalidTable, message: message)
    }
}

extension Listener {
    fileprivate func fault(services: Set<String>) -> String? {
        if address.isEmpty { return "the address is empty" }
        var seen: Set<String> = []
        for rule in rules {
            if !services.contains(rule.service) {
                return "the rule for \(rule.path) names no known service: \(rule.service)"
            }
            if let reason = rule.fault() { return reason }
            if !seen.insert("\(rule.host?.lowercased() ?? "") \(rule.normalPath)").inserted {
                return "two rules for \(rule.host ?? "every host") and \(rule.path)"
            }
        }
        return nil
    }
}

extension Rule {
    /// The path without the slash at its end, so that `/api` and `/api/` are one prefix; the root is empty.
    package var normalPath: String {
        var path = self.path
        while path.hasSuffix("/") { path.removeLast() }
        return path
    }

    fileprivate func fault() -> String? {
        guard path.hasPrefix("/") else { return "the path \(path) does not start with a slash" }
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        else { return "the path \(path) has a character that no path has" }
        guard let host else { return nil }
        let plain = host.hasPrefix("*.") ? host.dropFirst(2) : host[...]
        let isName = plain.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
                true
            default: false
            }
        }
        let hasPort = !plain.hasPrefix("[") && plain.contains(":")
        return plain.isEmpty || !isName || hasPort ? "the host \(host) is not a host name without a port" : nil
    }
}

extension ServiceRoute {
    fileprivate func fault() -> String? {
        if name.isEmpty || !name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) { return "the name is not printable" }
        if targets.isEmpty { return "there are no targets" }
        let sum = targets.reduce(0) { $0 &+ $1.weight }
        if targets.contains(where: { $0.weight < 0 || $0.weight > 100 }) || sum != 100 {
            return "weights \(targets.map { String($0.weight) }.joined(separator: " + ")) do not sum to 100"
        }
        var releases: Set<Int> = []
        var instances: Set<String> = []
        for target in targets {
            if !releases.insert(target.release).inserted { return "release \(target.release) is listed twice" }
            if case .unknown(let role) = target.role { return "release \(target.release): unknown role \(role)" }
            for backend in target.backends {
                if !instances.insert(backend.instance).inserted {
                    return "instance \(backend.instance) is listed twice"
                }
                if let reason = backend.fault() { return "instance \(backend.instance): \(reason)" }
            }
        }
        for match in matches ?? [] {
            if let reason = match.fault(releases: releases) { return reason }
        }
        if let sticky, !isToken(sticky.cookie) || sticky.maxAge < 0 { return "the sticky cookie is not a cookie name" }
        if let hold, ![hold.maxRequests, hold.maxBytes, hold.maxSeconds].allSatisfy(Amount.isSensible) {
            return "a limit of hold is negative or beyond all measure"
        }
        return limits?.fault()
    }
}

extension Backend {
    fileprivate func fault() -> String? {
        if instance.isEmpty { return "the name is empty" }
        if port < 1 || port > 65535 { return "\(port) is not a port" }
        return isAddress(host) ? nil : "\(host) is not an IP address or localhost"
    }
}

extension Match {
    fileprivate func fault(releases: Set<Int>) -> String? {
        guard let name = header ?? cookie, (header == nil) != (cookie == nil) else {
            return "a match names a header or a cookie, and only one of them"
        }
        if !isToken(name) { return "the match on \(name) is not a header or cookie name" }
        if !value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) {
            return "the match on \(name) has a control character"
        }
        return releases.contains(release) ? nil : "the match on \(name) names no target: release \(release)"
    }
}

extension ServiceLimits {
    fileprivate func fault() -> String? {
        let all = [
            connectMilliseconds, responseMilliseconds, stallMilliseconds, tunnelDrainMilliseconds,
        ]
        let areSensible = all.allSatisfy { Amount.isSensible($0 ?? 0) } && (maxBodyBytes ?? 0) >= 0
        return areSensible ? nil : "a limit is negative or beyond all measure"
    }
}

/// Milliseconds, seconds, bytes and numbers that can be counted with, in nanoseconds too, without an overflow.
private enum Amount {
    /// As seconds 68 years, as milliseconds 24 days, as bytes 2 GiB less one, which is more than anybody holds in
    /// memory here.
    static let largest = Int(Int32.max)

    static func isSensible(_ amount: Int) -> Bool { (0...largest).contains(amount) }
}

/// A name that can stand before a colon in a header or an equals sign in a cookie (RFC 9110, token).
private func isToken(_ text: String) -> Bool {
    !text.isEmpty
        && text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        }
}

private func isAddress(_ host: String) -> Bool {
    var four = in_addr()
    var six = in6_addr()
    return host == "localhost" || inet_pton(AF_INET, host, &four) == 1 || inet_pton(AF_INET6, host, &six) == 1
}
