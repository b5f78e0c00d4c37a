#include "export/http/http_request.h"

#include <algorithm>

namespace hopscope::exporter {
namespace {

constexpr std::size_t kMaxHeaders = 100;
constexpr std::size_t kMaxMethod = 16;
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";

using State = HttpHead::State;

bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

HttpHead refused(int status) {
  HttpHead head;
  head.state = State::kRefused;
  head.status = status;
  return head;
}

/// Whether these first bytes can still become a request: garbage is told at once, not when its time
/// is up.
bool may_be_request(std::string_view bytes) {
  const std::string_view method = bytes.substr(0, bytes.find(' '));
  return method.size() <= kMaxMethod && (method.empty() ? bytes.empty() : is_token(method));
}

/// Whether what ends at `end` is too long, or will be: not found yet, it may have begun already.
bool longer(std::string_view bytes, std::size_t end, std::string_view mark, std::size_t most) {
  return end == std::string_view::npos ? bytes.size() >= most + mark.size() : end > most;
}

/// 0, or the status to refuse with.
int read_target(std::string_view target, HttpRequest& request) {
  if (const std::size_t scheme = target.find("://");
      scheme != std::string_view::npos && !target.starts_with('/')) {
    // As for a proxy: the host is not looked at.
    const std::size_t path = target.find_first_of("/?", scheme + 3);
    target = path == std::string_view::npos ? "/" : target.substr(path);
  }
  if (target.empty() || (target.front() != '/' && target != "*")) return 400;
  const bool clean = std::none_of(target.begin(), target.end(), [](char c) {
    return is_control(c) || static_cast<unsigned char>(c) >= 0x80;
  });
  if (!clean) return 400;
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
  return 0;
}

int read_first_line(std::string_view line, HttpRequest& request) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) return 400;
  const std::string_view version = line.substr(last + 1);
  if (!version.starts_with("HTTP/")) return 400;
  request.method = line.substr(0, first);
  if (!is_token(request.method)) return 400;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return 505;
  request.chunks = version == "HTTP/1.1";
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (target.find(' ') != std::string_view::npos) return 400;
  return read_target(target, request);
}

int read_header(std::string_view line, HttpRequest& request) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return 400;
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (std::any_of(value.begin(), value.end(), [](char c) { return is_control(c) && c != '\t'; })) {
    return 400;
  }
  if (request.headers.size() >= kMaxHeaders) return 431;
  request.headers.emplace_back(lower(line.substr(0, colon)), value);
  return 0;
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (lower(trimmed(list.substr(0, comma))) == word) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

/// Bodies are not read; behind one the connection cannot be used on.
bool has_body(const HttpRequest& request) {
  const std::string* length = request.header("content-length");
  return (length != nullptr && *length != "0") || request.header("transfer-encoding") != nullptr;
}

int check_headers(HttpRequest& request) {
  const auto hosts = std::count_if(request.headers.begin(), request.headers.end(),
                                   [](const auto& header) { return header.first == "host"; });
  if (hosts > 1 || (hosts == 0 && request.chunks)) return 400;
  request.keep_alive = request.chunks && !has_body(request);
  for (const auto& [name, value] : request.headers) {
    if (name == "connection" && has_word(value, "close")) request.keep_alive = false;
  }
  return 0;
}

}  // namespace

const std::string* HttpRequest::header(std::string_view name) const noexcept {
  for (const auto& [known, value] : headers) {
    if (known == name) return &value;
  }
  return nullptr;
}

HttpHead parse_http_head(std::string_view bytes, std::size_t max_bytes) {
  // An empty line in front is a leftover of some clients.
  const std::size_t start = bytes.starts_with(kLineEnd) ? kLineEnd.size() : 0;
  std::string_view rest = bytes.substr(start);
  if (rest == "\r") return {};
  if (!may_be_request(rest)) return refused(400);
  const std::size_t line_end = rest.find(kLineEnd);
  if (longer(rest, line_end, kLineEnd, max_bytes / 2)) return refused(414);
  const std::size_t end = rest.find(kHeadEnd);
  if (longer(rest, end, kHeadEnd, max_bytes)) return refused(431);
  if (end == std::string_view::npos) return {};

  HttpHead head;
  head.length = start + end + kHeadEnd.size();
  int status = read_first_line(rest.substr(0, line_end), head.request);
  rest = rest.substr(0, end + 2).substr(line_end + 2);
  while (status == 0 && !rest.empty()) {
    const std::size_t next = rest.find(kLineEnd);
    status = read_header(rest.substr(0, next), head.request);
    rest.remove_prefix(next + 2);
  }
  if (status == 0) status = check_headers(head.request);
  if (status != 0) return refused(status);
  head.state = State::kWhole;
  return head;
}

}  // namespace hopscope::exporter
