/// What an image runs on: `linux/amd64`, `linux/arm64/v8`.
///
/// Source: OCI Image Index Specification, *platform*.
package struct ImagePlatform: Hashable, Sendable, CustomStringConvertible {
    package var system: String
    package var architecture: String
    package var variant: String?
    /// Of Windows, whose images run only on their own release of it.
    package var version: String?

    package init(system: String, architecture: String, variant: String? = nil, version: String? = nil) {
        self.system = system
        self.architecture = architecture
        self.variant = variant
        self.version = version
    }

    /// Reads `linux/arm64/v8`, or `arm64` for Linux; nil for anything else. Other tools' names are ours too.
    package init?(_ text: String) {
        let parts = text.lowercased().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (1...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        let whole = parts.count == 1 ? ["linux"] + parts : parts
        self.init(system: whole[0], architecture: whole[1], variant: whole.count == 3 ? whole[2] : nil)
        self = normal
    }

    package var description: String { "\(system)/\(architecture)" + (variant.map { "/\($0)" } ?? "") }

    /// With the names that Go has for architectures, and without a variant that goes without saying.
    var normal: ImagePlatform {
        var platform = self
        switch architecture {
        case "x86_64", "x86-64": platform.architecture = "amd64"
        case "aarch64": platform.architecture = "arm64"
        case "armhf": (platform.architecture, platform.variant) = ("arm", variant ?? "v7")
        case "i386", "i686": platform.architecture = "386"
        case _: break
        }
        switch (platform.architecture, platform.variant) {
        case ("arm64", "v8"), ("arm64", "8"), ("amd64", "v1"): platform.variant = nil
        case ("arm", nil): platform.variant = "v7"
        case ("arm", let number?) where !number.hasPrefix("v"): platform.variant = "v\(number)"
        case _: break
        }
        return platform
    }

    /// Whether a machine of this platform runs an image for that one. An arm of version 7 runs what is for version 6.
    package func runs(_ image: ImagePlatform) -> Bool {
        let (own, other) = (normal, image.normal)
        guard own.system == other.system, own.architecture == other.architecture else { return false }
        if let version, let needed = image.version, version != needed { return false }
        return other.rank <= own.rank
    }

    /// Of two images that run, the one of the higher rank is made for newer machines.
    var rank: Int {
        guard let variant = normal.variant else { return normal.architecture == "arm64" ? 8 : 1 }
        return Int(variant.drop { !$0.isNumber }.prefix { $0.isNumber }) ?? 0
    }
}
