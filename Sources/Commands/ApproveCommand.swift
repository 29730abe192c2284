package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway approve`.
package struct ApproveCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "approve",
        abstract: "Say yes to an approval gate: the rollout goes on.",
        discussion: """
            Your user is told by the system, not by you, and is kept in the journal with the reason. A gate with \
            `by: other` wants another user than the one who asked for the deployment; where that user may not use this \
            state directory, the door for approvals is another socket (SLIPWAY_APPROVALS).

            Examples:
              slipway approve api release-ok --reason "tried it on staging"
              slipway approve production api release-ok
              slipway approve production api release-ok --approvals /run/s/door.sock
            """)

    @OptionGroup package var answer: ApprovalOptions

    package init() {}

    package func run() async throws {
        try await answer.give(.approve, done: "approved")
    }
}
