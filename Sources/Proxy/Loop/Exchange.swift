/// One request and its response, while they are under way on a client connection.
///
/// A class, because the parts of the loop that it holds on to would be retained and released with each copy of a
/// value.
final class Exchange {
    let rule: LoopRule
    var choice: TargetChoice
    let method: RequestMethod
    let isVersion11: Bool
    let wantsUpgrade: Bool
    /// When the head had arrived.
    let startedAt: Nanoseconds
    /// Whether the client connection may stay after the response.
    var keepsAlive: Bool
    /// The part of the request's body that has not been passed on.
    var body: BodyReader
    var bodyBytes: Int64 = 0
    /// Whether all of the request lies in the connection's buffer and may be sent again.
    var isReplayable = false
    /// Whether the request was sent again after a reused connection had closed.
    var wasReplayed = false
    /// Whether connections of the pool may be used.
    var mayReuse = true
    var upstream: UpstreamConnection?
    /// Where the request is under way.
    var backend: LoopBackend?
    var instance: InstanceTally?
    /// The backends of the target, by index, that refused a connection.
    var tried: UInt64 = 0
    var attempts = 0
    /// The status that was sent to the client; 0 while none was.
    var status = 0
    var interimResponses = 0
    /// Whether the response's end is the connection's end.
    var endsWithConnection = false

    init(
        rule: LoopRule, choice: TargetChoice, method: RequestMethod, isVersion11: Bool, wantsUpgrade: Bool,
        startedAt: Nanoseconds, keepsAlive: Bool, body: BodyReader
    ) {
        self.rule = rule
        self.choice = choice
        self.method = method
        self.isVersion11 = isVersion11
        self.wantsUpgrade = wantsUpgrade
        self.startedAt = startedAt
        self.keepsAlive = keepsAlive
        self.body = body
    }
}
