import Domain

/// A manifest: of an image, or of several for different platforms.
///
/// Source: OCI Image Format Specification, *Image Manifest* and *Image Index*; Docker's *Image Manifest V2, Schema 2*.
package struct ImageManifest: Hashable, Sendable {
    /// Of the bytes that came.
    package let digest: ImageDigest
    package let content: Content

    package enum Content: Hashable, Sendable {
        /// An image, and the digest of its configuration.
        case image(configuration: ImageDigest)
        /// An index, or Docker's manifest list.
        case index([Entry])
    }

    /// An image of an index.
    package struct Entry: Hashable, Sendable {
        package var digest: ImageDigest
        package var platform: ImagePlatform
    }

    static let indexTypes = [
        "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
    static let imageTypes = [
        "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
    ]
    private static let configurationTypes = [
        "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json",
    ]

    /// - Parameter name: of the image, for messages.
    init(_ bytes: [UInt8], digest: ImageDigest, name: String) throws(RegistryTrouble) {
        self.digest = digest
        guard let value = JSONValue(parsing: bytes), case .map = value else {
            throw RegistryTrouble(
                .garbled, "\(name): the registry's manifest is no JSON", hint: "is there a proxy between it and here?")
        }
        // Two readers must not see two different images in the same bytes.
        let isBoth = value["manifests"] != nil && (value["config"] != nil || value["layers"] != nil)
        let type = value["mediaType"]?.text
        let isOdd =
            value["manifests"] != nil && type.map { Self.imageTypes.contains($0) } == true
            || value["manifests"] == nil && type.map { Self.indexTypes.contains($0) } == true
        guard !isBoth, !isOdd else {
            throw RegistryTrouble(
                .garbled, "\(name): its manifest can be read as an image and as an index",
                hint: "nobody builds such a thing by accident: do not run it")
        }
        if let manifests = value["manifests"] {
            content = .index(manifests.items.compactMap { Self.entry($0) })
        } else if let text = value["config"]?["digest"]?.text, let configuration = ImageDigest(text) {
            if let type = value["config"]?["mediaType"]?.text, !Self.configurationTypes.contains(type) {
                throw RegistryTrouble(
                    .garbled, "\(name) is no image that runs: it holds \(type.printable.bounded(to: 100))",
                    hint: "charts and signatures are kept in registries too; name the image")
            }
            content = .image(configuration: configuration)
        } else {
            let isOld = value["schemaVersion"]?.integer == 1
            throw RegistryTrouble(
                .garbled,
                "\(name): its manifest is \(isOld ? "of schema 1, from before 2016" : "neither image nor index")",
                hint: isOld ? "build and push it anew" : "name an image")
        }
    }

    /// Nil for what does not run: signatures and attestations stand there as well.
    private static func entry(_ value: JSONValue) -> Entry? {
        guard let digest = value["digest"]?.text.flatMap({ ImageDigest($0) }),
            let platform = platform(value["platform"]),
            platform.system != "unknown"
        else { return nil }
        return Entry(digest: digest, platform: platform)
    }

    /// Of an index's entry or of an image's configuration.
    static func platform(_ value: JSONValue?) -> ImagePlatform? {
        guard let system = value?["os"]?.text, let architecture = value?["architecture"]?.text else { return nil }
        return ImagePlatform(
            system: system, architecture: architecture, variant: value?["variant"]?.text,
            version: value?["os.version"]?.text
        ).normal
    }

    /// Of the images that a machine of this platform runs, the one that is made for the newest; the first of equals.
    static func choose(_ entries: [Entry], for platform: ImagePlatform) -> Entry? {
        var best: Entry?
        for entry in entries where platform.runs(entry.platform) {
            if let best, best.platform.rank >= entry.platform.rank { continue }
            best = entry
        }
        return best
    }
}

/// What a reference leads to.
package struct ResolvedImage: Hashable, Sendable {
    /// As it was asked for.
    package let reference: ImageReference
    /// Of the index, or of the manifest where there is no index. This is what a release pins.
    package let digest: ImageDigest
    /// Of the one image for the platform that was asked for; nil where none was, and there are several.
    package let manifest: ImageDigest?
    /// What it runs on, in the registry's order.
    package let platforms: [ImagePlatform]

    /// `registry.example.com/shop/api@sha256:…`
    package var pinned: ImageReference { reference.pinned(to: digest) }
}
