import Domain

/// What a single value may be.
enum ScalarShape: Hashable, Sendable {
    /// Any text; numbers and booleans are taken as they are written.
    case text
    /// A text that is not empty.
    case filled
    case word([String])
    case boolean
    /// Only `true`: being there is what counts.
    case yes
    case integer(ClosedRange<Int>)
    /// This number alone.
    case version(Int)
    /// A length of time with a unit.
    case duration(mayBeZero: Bool)
    /// A length of time or `untilPromoted`.
    case hold
    /// A share of traffic in whole percent, 1…100.
    case weight
    /// A number of replicas or a share of them.
    case amount
    /// Thousandths of a core, one value or a range.
    case cpu
    /// Bytes, one value or a range.
    case memory
    /// Bytes.
    case size
    case name
    /// A path relative to the manifest that stays inside the project.
    case projectPath
    /// Any path.
    case path
    /// Begins with a slash.
    case urlPath
    /// `http://` or `https://`, without a user's name.
    case webURL
    /// A port, or `address:port`.
    case listen
    /// A host name, `*.` in front allowed.
    case host
    case headerName
    case identifier
    case jsonPath
    /// `<= 1%`
    case shareLimit
    /// `<= 200ms`
    case durationLimit
    /// `>= 50/s`
    case rateLimit
    /// A text of a form that is told by itself.
    case form(TextForm)
    /// `100/s`
    case rate

    /// How a person would say it.
    var title: String {
        switch self {
        case .text: "a text"
        case .filled: "a text that is not empty"
        case .word(let words): words.count == 1 ? "`\(words[0])`" : "one of " + words.map { "`\($0)`" }.listed
        case .boolean: "true or false"
        case .yes: "`true`"
        case .integer(let range):
            range.upperBound == Int.max
                ? "a whole number from \(range.lowerBound)"
                : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .version(let number): "`\(number)`"
        case .duration(let mayBeZero): mayBeZero ? "a length of time" : "a length of time above zero"
        case .hold: "a length of time, or `untilPromoted`"
        case .weight: "a share from 1% to 100%"
        case .amount: "a whole number or a share"
        case .cpu: "an amount of CPU"
        case .memory: "an amount of memory"
        case .size: "a size in bytes"
        case .name: "a name"
        case .projectPath: "a path inside the project"
        case .path: "a path"
        case .urlPath: "a path that begins with `/`"
        case .webURL: "an `http://` or `https://` URL"
        case .listen: "a port, or `address:port`"
        case .host: "a host name"
        case .headerName: "the name of a header"
        case .identifier: "a word of letters, digits, `_` and `-`"
        case .jsonPath: "a JSON path"
        case .shareLimit: "a limit such as `<= 1%`"
        case .durationLimit: "a limit such as `<= 200ms`"
        case .rateLimit: "a limit such as `>= 50/s`"
        case .form(let form): form.title
        case .rate: "a rate"
        }
    }

    /// How it may be written, for hints: units first.
    var hint: String {
        switch self {
        case .duration, .hold: "units are ms, s, m, h and d: `500ms`, `30s`, `2m`"
        case .weight: "write a whole percentage: `5%`"
        case .amount: "for example `1` or `25%`"
        case .cpu: "cores or thousandths of them, request and limit: `250m..500m`, `0.5`, `..2`"
        case .memory: "units are Ki, Mi, Gi, K, M and G, request and limit: `256Mi..512Mi`, `..1Gi`"
        case .size: "units are Ki, Mi, Gi, K, M and G: `16Mi`"
        case .name: "lower-case letters, digits and hyphens, at most 40, no hyphen at the ends"
        case .projectPath: "relative to the manifest, without `..`: `api`, `conf/nginx.conf.tmpl`"
        case .listen: "for example `8080`, `0.0.0.0:80`, `\"[::1]:8080\"`"
        case .host: "for example `shop.example.com` or `*.example.com`"
        case .shareLimit: "write `<=` and a percentage: `\"<= 1%\"`, `\"<= 0.5%\"`"
        case .durationLimit: "write `<=` and a length of time: `\"<= 200ms\"`"
        case .rate: "requests a second: `100/s`, `0.5/s`"
        case .rateLimit: "write `>=` and requests a second: `\">= 50/s\"`"
        case .jsonPath: "names and indices: `id`, `items[0].id`"
        case .webURL: "for example `https://ci.example.com/gate`, without a user's name or a fragment"
        case .boolean: "without quotes"
        case .yes: "write `true`, or leave the key out"
        case .version: "a later version needs a later Slipway"
        case .form(let form): form.hint
        case .text, .filled, .word, .integer, .path, .urlPath, .headerName, .identifier: ""
        }
    }
}

extension [String] {
    /// `a, b and c`
    var listed: String {
        guard count > 1, let last else { return first ?? "" }
        return dropLast().joined(separator: ", ") + " or " + last
    }
}
