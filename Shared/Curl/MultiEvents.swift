internal import CCurl

/// What libcurl wants of the event loop, noted by its callbacks and done once libcurl has returned.
///
/// A plain class of the loop's isolation, so that the callbacks, several a request, enter nothing. Sockets that libcurl
/// closes are closed last of all: until then no other socket can get their number.
public final class MultiEvents {
  /// What is to be watched for on a socket: libcurl's `CURL_POLL_…`.
  var interests: [(socket: Int32, what: Int32)] = []
  /// Sockets that libcurl is done with.
  var closed: [Int32] = []
  /// After how many milliseconds libcurl wants to be called; negative for not at all, nil for no change.
  var timeoutMilliseconds: Int?

  /// Has a multi handle tell its wishes here.
  func attach(to multi: UnsafeMutableRawPointer) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    // Return CURLM_OK, or CURLM_UNKNOWN_OPTION, which cannot be.
    ccurl_multi_set_socket_function(multi) { _, socket, what, context, _ in
      guard let context else { return -1 }
      Unmanaged<MultiEvents>.fromOpaque(context).takeUnretainedValue()
        .interests.append((socket, what))
      return 0
    }
    ccurl_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, context)
    ccurl_multi_set_timer_function(multi) { _, milliseconds, context in
      guard let context else { return -1 }
      Unmanaged<MultiEvents>.fromOpaque(context).takeUnretainedValue()
        .timeoutMilliseconds = milliseconds
      return 0
    }
    ccurl_multi_set_pointer(multi, CURLMOPT_TIMERDATA, context)
  }

  /// Has the sockets that libcurl closes for a handle left to the loop, as they are watched.
  public func takeClosedSockets(of handle: UnsafeMutableRawPointer) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    // Return CURLE_OK, or CURLE_UNKNOWN_OPTION, which cannot be.
    _ = ccurl_easy_set_closesocket(handle) { context, socket in
      guard let context else { return 1 }
      Unmanaged<MultiEvents>.fromOpaque(context).takeUnretainedValue().closed.append(socket)
      return 0
    }
    _ = ccurl_easy_set_pointer(handle, CURLOPT_CLOSESOCKETDATA, context)
  }
}
