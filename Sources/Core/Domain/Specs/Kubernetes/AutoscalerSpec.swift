/// A metric of an HPA besides CPU, memory and requests. The value is a quantity as Kubernetes writes it: `30`, `500m`.
package struct AutoscalerMetric: Hashable, Sendable, Codable {
    package var kind: AutoscalerMetricKind
    package var name: String
    /// Labels of the metric. Sorted by name.
    package var selector: [Variable]
    /// What one pod is to carry on average.
    package var value: String

    package init(kind: AutoscalerMetricKind, name: String, selector: [Variable] = [], value: String) {
        self.kind = kind
        self.name = name
        self.selector = selector
        self.value = value
    }
}

/// Where an HPA gets a metric from.
package enum AutoscalerMetricKind: String, Hashable, Sendable, Codable, CaseIterable {
    /// Of the pods themselves, from the custom metrics API.
    case pods
    /// Of something outside, from the external metrics API.
    case external
}

/// Scaling by KEDA instead of an HPA of our own.
package struct KedaSpec: Hashable, Sendable, Codable {
    package var triggers: [KedaTrigger]
    package var polling: Span
    package var cooldown: Span
    /// How many run when nothing is to be done; nil: as many as at least.
    package var idle: Int?

    package init(
        triggers: [KedaTrigger], polling: Span = .seconds(30), cooldown: Span = .minutes(5), idle: Int? = nil
    ) {
        self.triggers = triggers
        self.polling = polling
        self.cooldown = cooldown
        self.idle = idle
    }
}

/// One thing that KEDA scales by.
package struct KedaTrigger: Hashable, Sendable, Codable {
    package var type: String
    /// Sorted by name.
    package var metadata: [Variable]
    /// A TriggerAuthentication; nil: none.
    package var authentication: String?

    package init(type: String, metadata: [Variable], authentication: String? = nil) {
        self.type = type
        self.metadata = metadata
        self.authentication = authentication
    }
}

/// What a VerticalPodAutoscaler does with what it finds.
package enum VerticalMode: String, Hashable, Sendable, Codable, CaseIterable {
    /// It recommends, and changes nothing.
    case off = "Off"
    case initial = "Initial"
    case recreate = "Recreate"
    case inPlace = "InPlaceOrRecreate"

    package var word: String {
        switch self {
        case .off: "off"
        case .initial: "initial"
        case .recreate: "recreate"
        case .inPlace: "inPlace"
        }
    }
}
