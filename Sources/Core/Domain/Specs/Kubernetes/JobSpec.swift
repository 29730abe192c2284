/// A program that is run at times, with the image and the variables of its service.
package struct CronSpec: Hashable, Sendable, Codable {
    package var name: String
    /// Five fields, `0 2 * * *`.
    package var schedule: String
    /// A time zone, `Europe/Vienna`; nil: the cluster's.
    package var zone: String?
    package var command: [String]
    package var overlap: CronOverlap
    /// How long one run may take.
    package var deadline: Span
    package var retries: Int

    package init(
        name: String, schedule: String, zone: String? = nil, command: [String], overlap: CronOverlap = .forbid,
        deadline: Span = .hours(1), retries: Int = 2
    ) {
        self.name = name
        self.schedule = schedule
        self.zone = zone
        self.command = command
        self.overlap = overlap
        self.deadline = deadline
        self.retries = retries
    }
}

/// What happens when the time comes and the run before is not done.
package enum CronOverlap: String, Hashable, Sendable, Codable, CaseIterable {
    case allow = "Allow"
    case forbid = "Forbid"
    case replace = "Replace"

    package var word: String {
        switch self {
        case .allow: "allow"
        case .forbid: "forbid"
        case .replace: "replace"
        }
    }
}

/// Jobs that run together, as a JobSet with one replicated job.
package struct JobSetSpec: Hashable, Sendable, Codable {
    package var name: String
    package var command: [String]
    /// How many jobs.
    package var replicas: Int
    /// Pods of one job, all at once.
    package var pods: Int
    /// How often all of it is started again.
    package var restarts: Int

    package init(name: String, command: [String], replicas: Int = 1, pods: Int = 1, restarts: Int = 0) {
        self.name = name
        self.command = command
        self.replicas = replicas
        self.pods = pods
        self.restarts = restarts
    }
}
