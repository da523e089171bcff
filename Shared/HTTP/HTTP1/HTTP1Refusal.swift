/// Why a request is refused before any handler sees it.
///
/// The connection ends with the answer: behind a request that cannot be understood, nobody knows where the
/// next one begins, and whoever guesses lets requests be smuggled.
struct HTTP1Refusal: Error, Equatable {
  var status: Int
  /// A sentence for the peer; it quotes nothing of the request.
  var message: String

  static func malformed(_ message: String) -> HTTP1Refusal {
    HTTP1Refusal(status: 400, message: message)
  }
}
