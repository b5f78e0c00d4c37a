#include "export/http/http_request.h"

#include <gtest/gtest.h>

#include <string>

namespace hopscope::exporter {
namespace {

using State = HttpHead::State;

constexpr std::size_t kMaxHeadBytes = 4096;

HttpHead parse(const std::string& bytes) {
  return parse_http_head(bytes, kMaxHeadBytes);
}

int status_of(const std::string& bytes) {
  const HttpHead head = parse(bytes);
  return head.state == State::kRefused ? head.status : head.state == State::kWhole ? 200 : 0;
}

TEST(HttpRequest, AScrape) {
  const std::string text =
      "GET /metrics?topk=5&x=%20 HTTP/1.1\r\nHost: a:9465\r\nAccept:  text/plain \t\r\n"
      "X-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n";
  const HttpHead head = parse(text + "GET /next");
  ASSERT_EQ(head.state, State::kWhole);
  EXPECT_EQ(head.length, text.size());
  EXPECT_EQ(head.request.method, "GET");
  EXPECT_EQ(head.request.path, "/metrics");
  EXPECT_EQ(head.request.query, "topk=5&x=%20");
  ASSERT_NE(head.request.header("accept"), nullptr);
  EXPECT_EQ(*head.request.header("accept"), "text/plain");
  EXPECT_EQ(head.request.header("cookie"), nullptr);
  EXPECT_TRUE(head.request.keep_alive);
  EXPECT_TRUE(head.request.chunks);
}

TEST(HttpRequest, MoreIsNeededAtEveryByte) {
  const std::string text = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t n = 0; n < text.size(); ++n) {
    EXPECT_EQ(parse(text.substr(0, n)).state, State::kMore) << n;
  }
  EXPECT_EQ(parse(text).length, text.size());
}

TEST(HttpRequest, HowTheConnectionGoesOn) {
  const auto keeps = [](const std::string& first, const std::string& headers) {
    const HttpHead head = parse(first + "\r\nHost: a\r\n" + headers + "\r\n");
    EXPECT_EQ(head.state, State::kWhole) << headers;
    return head.request.keep_alive;
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1", ""));
  EXPECT_TRUE(keeps("GET / HTTP/1.1", "Content-Length: 0\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1", "Connection: upgrade, Close\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0", "Connection: keep-alive\r\n"));
  EXPECT_FALSE(keeps("POST / HTTP/1.1", "Content-Length: 5\r\n"));
  EXPECT_FALSE(keeps("POST / HTTP/1.1", "Transfer-Encoding: chunked\r\n"));
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n").request.chunks);
}

TEST(HttpRequest, TargetWithHost) {
  EXPECT_EQ(parse("GET http://a/metrics?x HTTP/1.1\r\nHost: a\r\n\r\n").request.path, "/metrics");
  EXPECT_EQ(parse("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n").request.path, "/");
  EXPECT_EQ(parse("GET /r?to=http://a HTTP/1.1\r\nHost: a\r\n\r\n").request.path, "/r");
}

TEST(HttpRequest, WhatIsRefused) {
  EXPECT_EQ(status_of("\x16\x03\x01\x02"), 400);  // TLS
  EXPECT_EQ(status_of(std::string("\0", 1)), 400);
  EXPECT_EQ(status_of("ABCDEFGHIJKLMNOPQRST"), 400);
  EXPECT_EQ(status_of(" / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET metrics HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);                        // no host
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);  // two
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"), 400);
}

TEST(HttpRequest, WhatIsTooLong) {
  const std::string end = "\r\nHost: a\r\n\r\n";
  EXPECT_EQ(status_of("GET /" + std::string(kMaxHeadBytes / 2 - 14, 'a') + " HTTP/1.1" + end), 200);
  EXPECT_EQ(status_of("GET /" + std::string(kMaxHeadBytes / 2, 'a') + " HTTP/1.1" + end), 414);
  EXPECT_EQ(status_of("GET /" + std::string(kMaxHeadBytes / 2, 'a')),
            414);  // without waiting for its end
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(status_of(start + "X: " + std::string(kMaxHeadBytes, 'a')), 431);
  EXPECT_EQ(status_of(start + "X: " + std::string(kMaxHeadBytes, 'a') + "\r\n\r\n"), 431);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "A: b\r\n";
  EXPECT_EQ(status_of(start + many + "\r\n"), 431);
}

}  // namespace
}  // namespace hopscope::exporter
