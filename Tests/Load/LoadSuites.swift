import Testing

/// One test at a time: several of them judge when things happen, and share the processor with what they judge.
@Suite(.serialized) enum LoadSuites {}
