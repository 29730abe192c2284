import Domain

extension SenseCheck {
    /// No two routes catch the same requests, and no two listen on addresses that exclude each other.
    func checkRoutes(_ findings: inout Findings) {
        var taken: [String: (service: String, place: Place)] = [:]
        var listens: [(address: String, host: String, port: Int, place: Place)] = []
        for service in reading.services {
            for route in service.tree["routes"]?.items ?? [] {
                guard let listen = route["listen"], let (address, port) = listen.text.flatMap({ Quantity.listen($0) })
                else { continue }
                let host = route["host"]?.text?.lowercased() ?? ""
                var path = Substring(route["path"]?.text ?? "/")
                while path.hasSuffix("/") { path = path.dropLast() }
                let key = "\(address) \(host) \(path)"
                if let first = taken[key] {
                    findings.error(
                        .routeClash, route.place,
                        "this route is the same as one of `\(first.service)` at line \(first.place.line)",
                        hint: "give it another `host`, `path` or `listen`")
                } else {
                    taken[key] = (service.name, route.place)
                }
                listens.append((address, String(address.dropLast(String(port).count + 1)), port, listen.place))
            }
        }
        checkWildcards(listens, &findings)
    }

    private func checkWildcards(
        _ listens: [(address: String, host: String, port: Int, place: Place)], _ findings: inout Findings
    ) {
        let wildcards = ["0.0.0.0", "[::]"]
        for (index, listen) in listens.enumerated() {
            let clash = listens[..<index].first {
                $0.port == listen.port && $0.host != listen.host
                    && (wildcards.contains($0.host) || wildcards.contains(listen.host))
            }
            guard let clash else { continue }
            findings.error(
                .portClash, listen.place,
                "`\(listen.address)` and `\(clash.address)` (line \(clash.place.line)) exclude each other",
                hint: "listen on the same address in all routes of port \(listen.port), and tell them apart by `host`")
        }
    }
}
