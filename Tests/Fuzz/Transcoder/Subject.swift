internal import Faults
internal import Messages
internal import Protobuf
internal import TestMessages

@testable internal import Transcoding

/// One message type with its plans, and what must hold whatever bytes come.
struct Subject: Sendable {
  private let request: RequestPlan
  private let response: ResponsePlan
  private let decodes: @Sendable ([UInt8]) throws(Fault) -> Void

  private init<M: ContractMessage>(_ type: M.Type) {
    request = RequestPlan(M.schema)
    response = ResponsePlan(M.schema)
    decodes = { bytes throws(Fault) in
      _ = try bytes.span.withUnsafeBytes { raw throws(Fault) in try M(decoding: raw) }
    }
  }

  /// Everything the gateway transcodes that has a body, and the test message that has every kind of field.
  static var all: [Subject] {
    [
      Subject(CreateProductRequest.self), Subject(CreatePolicyRequest.self),
      Subject(CreateLicenseRequest.self), Subject(ValidateKeyRequest.self),
      Subject(CreateApiKeyRequest.self), Subject(License.self), Subject(ListLicensesResponse.self),
      Subject(Everything.self), Subject(Constrained.self),
    ]
  }

  /// A body is refused with named issues, or becomes a message that a service would accept.
  func tryRequest(_ body: UnsafeRawBufferPointer) {
    let message: [UInt8]
    do throws(Fault) {
      message = try request.encode(body: body)
    } catch {
      precondition(error.code == .invalidArgument, "refused as \(error.code)")
      precondition(!error.issues.isEmpty, "refused without an issue")
      precondition(error.issues.count <= JSONLimits.issuesMax + 1, "too many issues")
      return
    }
    do throws(Fault) {
      try decodes(message)
      let text = try response.json(message, isEnveloped: false)
      // What we write is JSON, as our own strict reader has it.
      _ = try text.span.withUnsafeBytes { raw throws(Fault) in try JSONDocument(parsing: raw) }
    } catch {
      preconditionFailure("accepted here and refused by the service: \(error.debugDescription)")
    }
  }

  /// An answer becomes text, or a fault of ours.
  ///
  /// Whether the text is JSON depends on the service, which is trusted with the metadata that it gives
  /// as JSON.
  func tryAnswer(_ bytes: [UInt8]) {
    do throws(Fault) {
      let text = try response.json(bytes, isEnveloped: true)
      precondition(String(validating: text, as: UTF8.self) != nil, "text that is not UTF-8")
    } catch {
      precondition(error.code == .internalError, "refused as \(error.code)")
    }
  }
}
