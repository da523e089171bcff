import TestKit
import Testing

/// All that runs on the loop, one test after the other: they share the process's one loop.
@Suite(.serialized, .onLoop) enum GatewaySuites {}
