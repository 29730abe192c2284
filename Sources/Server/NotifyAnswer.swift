import Domain
import Ports
import SupervisorAPI

extension SupervisorDesk {
    /// Tries each channel once, with the secrets that this process finds.
    func testNotify(_ id: EnvironmentID, _ request: NotifyTestRequest) async -> NotifyTestReport {
        var results: [NotifyTestResult] = []
        for spec in request.channels {
            let at = now().wall
            let event = Event(.other, at: at, text: "Slipway reaches this channel.", by: request.by)
            let notification = Notification(id: "\(id)/test-\(at)", kind: nil, environment: id, event: event)
            switch await notifier.deliver(notification, over: spec) {
            case .delivered: results.append(NotifyTestResult(channel: spec.name, isDelivered: true))
            case .failed(let reason, _), .refused(let reason):
                results.append(NotifyTestResult(channel: spec.name, isDelivered: false, message: reason))
            }
        }
        return NotifyTestReport(results: results)
    }
}
