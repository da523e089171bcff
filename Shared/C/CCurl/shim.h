#pragma once
#include <curl/curl.h>

// libcurl sets and tells everything through variadic functions, which Swift cannot call: one function for each
// kind of value. The parentheses keep libcurl's own type-checking macros away.
static inline CURLcode ccurl_easy_set_long(CURL *handle, CURLoption option, long value) {
  return (curl_easy_setopt)(handle, option, value);
}
/// Strings are copied by libcurl, except for the body (CURLOPT_POSTFIELDS); lists and contexts are not.
static inline CURLcode ccurl_easy_set_pointer(CURL *handle, CURLoption option, const void *value) {
  return (curl_easy_setopt)(handle, option, value);
}
static inline CURLcode ccurl_easy_set_write(CURL *handle, CURLoption option, curl_write_callback value) {
  return (curl_easy_setopt)(handle, option, value);
}
static inline CURLcode ccurl_easy_set_opensocket(CURL *handle, curl_opensocket_callback value) {
  return (curl_easy_setopt)(handle, CURLOPT_OPENSOCKETFUNCTION, value);
}
static inline CURLcode ccurl_easy_set_closesocket(CURL *handle, curl_closesocket_callback value) {
  return (curl_easy_setopt)(handle, CURLOPT_CLOSESOCKETFUNCTION, value);
}
/// A PEM text that stays where it is while the handle uses it; NULL takes the last one away.
static inline CURLcode ccurl_easy_set_authorities(CURL *handle, const void *pem, size_t size) {
  struct curl_blob blob = {(void *)pem, size, CURL_BLOB_NOCOPY};
  return (curl_easy_setopt)(handle, CURLOPT_CAINFO_BLOB, pem ? &blob : NULL);
}
static inline CURLcode ccurl_easy_get_long(CURL *handle, CURLINFO info, long *value) {
  return (curl_easy_getinfo)(handle, info, value);
}
/// The text is libcurl's own and is valid until the handle is used again.
static inline CURLcode ccurl_easy_get_string(CURL *handle, CURLINFO info, const char **value) {
  return (curl_easy_getinfo)(handle, info, value);
}
static inline CURLMcode ccurl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return (curl_multi_setopt)(multi, option, value);
}
static inline CURLMcode ccurl_multi_set_pointer(CURLM *multi, CURLMoption option, void *value) {
  return (curl_multi_setopt)(multi, option, value);
}
static inline CURLMcode ccurl_multi_set_socket_function(CURLM *multi, curl_socket_callback value) {
  return (curl_multi_setopt)(multi, CURLMOPT_SOCKETFUNCTION, value);
}
static inline CURLMcode ccurl_multi_set_timer_function(CURLM *multi, curl_multi_timer_callback value) {
  return (curl_multi_setopt)(multi, CURLMOPT_TIMERFUNCTION, value);
}
/// How a message ended: a union, of which Swift would have to guess the member.
static inline CURLcode ccurl_message_result(const CURLMsg *message) { return message->data.result; }
