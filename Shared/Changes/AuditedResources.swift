internal import EventLoop
internal import Faults
internal import Protobuf
internal import Transcoding

/// Shows resources as REST would, without their secrets, for the audit log.
@EventLoop
final class AuditedResources {
  /// The plan of each message type that was shown, by its name.
  private var plans: [String: ResponsePlan] = [:]

  /// The JSON of a resource; nil for none.
  func json<Resource: ContractMessage>(_ resource: Resource?) throws(Fault) -> [UInt8]? {
    guard let resource else { return nil }
    var bytes: [UInt8] = []
    resource.encode(appendingTo: &bytes)
    return try plan(Resource.schema).json(bytes, isEnveloped: false)
  }

  private func plan(_ schema: MessageSchema) -> ResponsePlan {
    if let plan = plans[schema.name] { return plan }
    let plan = ResponsePlan(schema, omitsSecrets: true)
    plans[schema.name] = plan
    return plan
  }
}
