import Domain
import NIOCore

/// The flows of a plan, ready to be sent: requests numbered through, weights summed up, texts compiled.
///
/// Owned by the run's one event loop, as everything that it makes.
final class Script {
    struct Flow {
        /// Numbers of its steps.
        var steps: Range<Int>
        /// Nanoseconds.
        var think: ClosedRange<UInt64>
        /// The sum of the weights up to and with this one.
        var weightBelow: Int
    }

    struct Step {
        var name: String
        var template: RequestTemplate
        var isHead: Bool
        /// The status that must come back; nil: as the plan says.
        var status: Int?
        var captures: [Capture]
        /// In lower case, with the captures that take their values.
        var fields: [[UInt8]]
        /// An answer's body is kept, for a capture.
        var keepsBody: Bool
    }

    let steps: [Step]
    private let flows: [Flow]
    private let weights: Int
    private let seed: UInt64
    private var visitors = 0

    /// Nil when the plan is one request, again and again, of users without pauses.
    init?(_ plan: LoadPlan, allocator: ByteBufferAllocator) {
        var flows = plan.flows
        if flows.isEmpty {
            guard plan.usersWanted(after: 0) != nil else { return nil }
            flows = [FlowSpec(name: "", steps: [FlowStep(name: "", path: plan.target.path)])]
        }
        var steps: [Step] = []
        var compiled: [Flow] = []
        var weights = 0
        for flow in flows {
            let first = steps.count
            for step in flow.steps {
                let template =
                    plan.flows.isEmpty
                    ? RequestTemplate(plan, allocator: allocator)
                    : RequestTemplate(step, of: plan, allocator: allocator)
                steps.append(Step(step, template))
            }
            weights += flow.weight
            let think = flow.think ?? .zero
            compiled.append(
                Flow(
                    steps: first..<steps.count,
                    think: UInt64(think.shortest.milliseconds) * 1_000_000...UInt64(think.longest.milliseconds)
                        * 1_000_000, weightBelow: weights))
        }
        self.steps = steps
        self.flows = compiled
        self.weights = weights
        seed = plan.seed
    }

    /// Somebody new, at the first request of a flow.
    func visitor() -> Visitor {
        // Of its own for each visitor: what one draws does not depend on when the answers of others come.
        var random = SplitMix(seed: seed &+ UInt64(visitors) &* 0x9E37_79B9_7F4A_7C15)
        random.skip()
        let visitor = Visitor(number: visitors, random: random)
        visitors += 1
        begin(visitor)
        return visitor
    }

    /// Draws the next flow.
    func begin(_ visitor: Visitor) {
        let drawn = Int(visitor.random.next(below: UInt64(weights)))
        visitor.flow = flows.firstIndex { drawn < $0.weightBelow } ?? 0
        visitor.step = flows[visitor.flow].steps.lowerBound
        visitor.values = [
            "user": "\(visitor.number)", "random": "\(100_000 + visitor.random.next(below: 900_000))",
        ]
    }

    /// Goes on to the next request of its flow; false when there is none.
    func advance(_ visitor: Visitor) -> Bool {
        visitor.step += 1
        return visitor.step < flows[visitor.flow].steps.upperBound
    }

    /// Nanoseconds that it waits before its next request.
    func pause(_ visitor: Visitor) -> UInt64 {
        let think = flows[visitor.flow].think
        guard think.lowerBound < think.upperBound else { return think.lowerBound }
        return think.lowerBound + visitor.random.next(below: think.upperBound - think.lowerBound + 1)
    }

    func step(of visitor: Visitor) -> Step { steps[visitor.step] }
}

extension Script.Step {
    fileprivate init(_ spec: FlowStep, _ template: RequestTemplate) {
        name = spec.name
        self.template = template
        isHead = spec.method == "HEAD"
        status = spec.status
        captures = spec.capture.map(Capture.init)
        fields = captures.compactMap(\.field)
        keepsBody = captures.contains { $0.field == nil }
    }
}

/// What a captured value is made from.
struct Capture {
    enum Source {
        case json(String)
        /// By its place in `Script.Step.fields`.
        case field([UInt8])
        case regex(Regex<AnyRegexOutput>)
        /// The pattern cannot be read: it was not checked.
        case unreadable
    }

    let name: String
    /// `header Location`, for failures.
    let words: String
    let source: Source

    init(_ spec: CaptureSpec) {
        name = spec.name
        words = spec.source.words
        switch spec.source {
        case .json(let path): source = .json(path)
        case .header(let name): source = .field(Array(name.lowercased().utf8))
        case .regex(let pattern):
            do { source = .regex(try Regex(pattern)) } catch { source = .unreadable }
        }
    }

    var field: [UInt8]? {
        switch source {
        case .field(let name): name
        case .json, .regex, .unreadable: nil
        }
    }
}

/// The generator of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
struct SplitMix {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Visitors have seeds that are steps of one sequence: this leaves it.
    mutating func skip() { state = next() }

    /// Below a bound above zero; off by less than 2^-32 for the bounds in use.
    mutating func next(below bound: UInt64) -> UInt64 { next().multipliedFullWidth(by: bound).high }
}
