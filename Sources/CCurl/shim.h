#include <curl/curl.h>

// curl_easy_setopt and curl_easy_getinfo take a variable number of arguments, which Swift cannot call: one function
// for each type of argument.
typedef size_t (*spread_curl_callback)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode spread_curl_set_number(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode spread_curl_set_text(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode spread_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode spread_curl_set_callback(CURL *handle, CURLoption option, spread_curl_callback value) {
  return curl_easy_setopt(handle, option, value);
}

// The end of a transfer does not wait for a name that is still being resolved, where libcurl knows how (7.87).
static inline void spread_curl_end_at_once(CURL *handle) {
#if LIBCURL_VERSION_NUM >= 0x075700
  curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
#else
  (void)handle;
#endif
}

// The address that a redirect leads to, made absolute; NULL where there is none. It lives as long as the handle.
static inline const char *spread_curl_redirect(CURL *handle) {
  char *address = NULL;
  return curl_easy_getinfo(handle, CURLINFO_REDIRECT_URL, &address) == CURLE_OK ? address : NULL;
}

// The result of the transfer that has ended; -1 while none has.
static inline int spread_curl_result(CURLM *multi) {
  int left = 0;
  for (CURLMsg *message; (message = curl_multi_info_read(multi, &left)) != NULL;) {
    if (message->msg == CURLMSG_DONE) return (int)message->data.result;
  }
  return -1;
}
