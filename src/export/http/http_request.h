#pragma once
// The head of an HTTP/1.x request. Reads bytes from anybody: whatever they are, the answer is a
// request, a status code to refuse with, or that more bytes are needed.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hopscope::exporter {

struct HttpRequest {
  std::string method;
  std::string path;                                          ///< as sent, without the query
  std::string query;                                         ///< behind the question mark, as sent
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  bool chunks = true;       ///< the client knows chunked answers (HTTP/1.1)
  bool keep_alive = false;  ///< wanted, and nothing speaks against it

  /// Value of the first header of that name, given in lower case; nullptr: there is none.
  [[nodiscard]] const std::string* header(std::string_view name) const noexcept;
};

/// What the bytes so far are.
struct HttpHead {
  enum class State { kMore, kWhole, kRefused };
  State state = State::kMore;
  int status = 0;          ///< kRefused: 400, 414, 431 or 505
  std::size_t length = 0;  ///< kWhole: bytes of the head; what follows is the next request
  HttpRequest request;
};

/// `max_bytes` bounds the head; its first line may have half of them.
[[nodiscard]] HttpHead parse_http_head(std::string_view bytes, std::size_t max_bytes);

}  // namespace hopscope::exporter
