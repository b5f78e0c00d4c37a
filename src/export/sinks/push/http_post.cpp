#include "export/sinks/push/http_post.h"

#include <curl/curl.h>
#include <poll.h>

#include <algorithm>
#include <mutex>
#include <new>

namespace hopscope::exporter {
namespace {

constexpr std::size_t kMaxBody = 64 * 1024;
/// An answer that goes on for longer than this is none.
constexpr std::size_t kTooMuchBody = 1 << 20;
constexpr int kPollMs = 1000;

struct Received {
  std::string body;
  std::size_t bytes = 0;
  bool has_all_headers = false;
  bool is_too_long = false;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* to) {
  auto& received = *static_cast<Received*>(to);
  const std::size_t bytes = size * count;
  received.bytes += bytes;
  received.body.append(data, std::min(bytes, kMaxBody - received.body.size()));
  received.is_too_long = received.bytes > kTooMuchBody;
  return received.is_too_long ? 0 : bytes;
}

/// libcurl takes headers that were cut for an answer; the empty line tells that none is missing.
std::size_t take_header(char* data, std::size_t size, std::size_t count, void* to) {
  const std::string_view line(data, size * count);
  auto& received = *static_cast<Received*>(to);
  // Those of an answer before the last one, and trailers behind the body, say nothing of that.
  if (line.starts_with("HTTP/")) received.has_all_headers = false;
  if (line == "\r\n" || line == "\n") received.has_all_headers = true;
  return line.size();
}

void init_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

std::string mistake_in_url(const std::string& url) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> parsed(curl_url(), curl_url_cleanup);
  if (!parsed) throw std::bad_alloc();
  const CURLUcode code = curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0);
  return code == CURLUE_OK ? "" : curl_url_strerror(code);
}

struct HttpPost::Curl {
  CURLM* multi = curl_multi_init();
  CURL* easy = curl_easy_init();
  curl_slist* headers = nullptr;
  char error[CURL_ERROR_SIZE] = "";

  ~Curl() {
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }

  void set_headers(const HttpTarget& target, std::string_view content_type,
                   std::string_view encoding) {
    curl_slist_free_all(headers);
    headers = nullptr;
    const auto add = [this](const std::string& line) {
      headers = curl_slist_append(headers, line.c_str());
    };
    for (const std::string& line : target.headers) add(line);
    add("Content-Type: " + std::string(content_type));
    if (!encoding.empty()) add("Content-Encoding: " + std::string(encoding));
    if (!target.token.reveal().empty()) {
      add("Authorization: " + target.token_scheme + " " + target.token.reveal());
    }
    // Waiting for a 100 costs a round trip, and some servers never send it.
    add("Expect:");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  }
};

HttpPost::HttpPost(HttpTarget target) {
  init_curl();
  curl_ = std::make_unique<Curl>();
  if (curl_->easy == nullptr || curl_->multi == nullptr) throw std::bad_alloc();
  set_target(std::move(target));
}

void HttpPost::set_target(HttpTarget target) {
  target_ = std::move(target);
  CURL* easy = curl_->easy;
  // Or what the new one leaves out would stay as it was. Connections stay open.
  curl_easy_reset(easy);
  const auto text = [easy](CURLoption option, const std::string& value) {
    if (!value.empty()) curl_easy_setopt(easy, option, value.c_str());
  };
  curl_easy_setopt(easy, CURLOPT_URL, target_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(target_.timeout.count()));
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "hopscope");
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, curl_->error);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, target_.verify ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, target_.verify ? 2L : 0L);
  text(CURLOPT_CAINFO, target_.ca_file);
  text(CURLOPT_SSLCERT, target_.certificate_file);
  text(CURLOPT_SSLKEY, target_.key_file);
  if (!target_.username.empty()) {
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    text(CURLOPT_USERNAME, target_.username);
    text(CURLOPT_PASSWORD, target_.password.reveal());
  }
}

HttpPost::~HttpPost() = default;

void HttpPost::give_up() noexcept {
  gives_up_.store(true);
  curl_multi_wakeup(curl_->multi);
}

void HttpPost::remember_connection(bool answered, HttpAnswer& answer) {
  long made = 0;
  curl_easy_getinfo(curl_->easy, CURLINFO_NUM_CONNECTS, &made);
  answer.reconnected = answered && made > 0 && !ends_announced_;
  curl_socket_t socket = CURL_SOCKET_BAD;
  curl_easy_getinfo(curl_->easy, CURLINFO_ACTIVESOCKET, &socket);
  socket_ = socket;
  // One that libcurl closes behind a good answer was announced by it.
  ends_announced_ = answered && socket == CURL_SOCKET_BAD;
}

bool HttpPost::is_connected() const noexcept {
  if (ends_announced_) return true;
  if (socket_ < 0) return false;
  // Also behind bytes that nobody has read.
  pollfd one{.fd = socket_, .events = POLLRDHUP, .revents = 0};
  return poll(&one, 1, 0) <= 0;
}

HttpAnswer HttpPost::post(std::string_view body, std::string_view content_type,
                          std::string_view encoding) {
  Received received;
  HttpAnswer answer;
  CURL* easy = curl_->easy;
  curl_->error[0] = '\0';
  curl_->set_headers(target_, content_type, encoding);
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &received);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &received);
  curl_multi_add_handle(curl_->multi, easy);
  int running = 1;
  while (running > 0 && !gives_up_.load()) {
    if (curl_multi_perform(curl_->multi, &running) != CURLM_OK) break;
    if (running > 0) curl_multi_poll(curl_->multi, nullptr, 0, kPollMs, nullptr);
  }
  CURLcode code = CURLE_ABORTED_BY_CALLBACK;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(curl_->multi, &left)) {
    if (message->msg == CURLMSG_DONE) code = message->data.result;
  }
  remember_connection(code == CURLE_OK, answer);
  curl_multi_remove_handle(curl_->multi, easy);
  // A long list of what is wrong is an answer all the same.
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (received.is_too_long && received.has_all_headers && status >= 400) code = CURLE_OK;
  if (code != CURLE_OK) {
    answer.error = curl_->error[0] != '\0' ? curl_->error : curl_easy_strerror(code);
    return answer;
  }
  if (!received.has_all_headers) {
    answer.error = "the answer was cut";
    return answer;
  }
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer.status);
  const char* type = nullptr;
  curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
  if (type != nullptr) answer.content_type = type;
  curl_off_t retry_after_s = 0;
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s);
  if (retry_after_s > 0) {
    constexpr curl_off_t kMaxS = 3600;
    answer.retry_after = std::chrono::seconds(std::min(retry_after_s, kMaxS));
  }
  answer.is_cut = received.bytes > received.body.size();
  answer.body = std::move(received.body);
  return answer;
}

}  // namespace hopscope::exporter
