package import Domain

/// What a rendering gives.
package struct RenderedCluster: Hashable, Sendable {
    package var objects: [KubernetesObject] = []
    /// What cannot be rendered. With any of them, the objects are not complete.
    package var troubles: [RenderingRemark] = []
    /// What a manifest says and the objects do not.
    package var notes: [RenderingRemark] = []

    package init() {}
}

/// A word on one service.
package struct RenderingRemark: Hashable, Sendable {
    package var service: ServiceName
    package var text: String
    package var hint: String

    package init(service: ServiceName, text: String, hint: String) {
        self.service = service
        self.text = text
        self.hint = hint
    }
}
