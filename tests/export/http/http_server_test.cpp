#include "export/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "base/setup_error.h"
#include "support/http_client.h"

namespace hopscope::exporter {
namespace {

using testing::HasSubstr;

class HttpServerTest : public testing::Test {
 protected:
  HttpOptions options() const {
    HttpOptions options;
    options.listen = "127.0.0.1:" + std::to_string(port_);
    return options;
  }
  HttpHandlers handlers() {
    return {.metrics =
                [](const ScrapeRequest& request, ScrapeResponse& response) {
                  response.begin(200, "text/plain; version=0.0.4; charset=utf-8", "");
                  for (int i = 0; i < 100 && !request.head_only; ++i) {
                    if (!response.write(std::string(10'000, 'm'))) return;
                  }
                  response.finish();
                },
            .health =
                [this] {
                  return std::vector<HealthCheck>{
                      {"worker-0", healthy_, healthy_ ? "" : "stands still"}};
                },
            .ready =
                [] {
                  return std::vector<HealthCheck>{{"receive", true, ""}};
                },
            .sources = [] { return std::string("[]\n"); }};
  }

  const std::uint16_t port_ = test::free_tcp_port();
  std::atomic<bool> healthy_{true};
  HttpCounters counters_;
};

TEST_F(HttpServerTest, MetricsComeInChunks) {
  const HttpServer server(options(), handlers(), counters_);
  const test::HttpAnswer answer = test::http(port_, "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.headers, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_EQ(answer.body, std::string(1'000'000, 'm'));
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  const HttpServer server(options(), handlers(), counters_);
  for (const char* path : {"/metrics", "/healthz", "/"}) {
    const test::HttpAnswer answer = test::http(port_, path, "HEAD");
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_EQ(answer.body, "") << path;
  }
}

TEST_F(HttpServerTest, HealthSaysWhatIsWrong) {
  const HttpServer server(options(), handlers(), counters_);
  EXPECT_EQ(test::http(port_, "/readyz").status, 200);
  const test::HttpAnswer well = test::http(port_, "/healthz");
  EXPECT_EQ(well.status, 200);
  EXPECT_EQ(nlohmann::json::parse(well.body)["status"], "ok");
  healthy_ = false;
  const test::HttpAnswer ill = test::http(port_, "/healthz");
  EXPECT_EQ(ill.status, 503);
  const auto json = nlohmann::json::parse(ill.body);
  EXPECT_EQ(json["status"], "failing");
  EXPECT_EQ(json["checks"][0]["detail"], "stands still");
}

TEST_F(HttpServerTest, HealthIsJsonWhateverADetailHolds) {
  HttpHandlers ill = handlers();
  ill.health = [] { return std::vector<HealthCheck>{{"sink", true, "HTTP 500: \xff cut \xC3"}}; };
  const HttpServer server(options(), std::move(ill), counters_);
  const test::HttpAnswer answer = test::http(port_, "/healthz");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(nlohmann::json::accept(answer.body)) << answer.body;
}

TEST_F(HttpServerTest, OtherPagesAndMethods) {
  const HttpServer server(options(), handlers(), counters_);
  EXPECT_EQ(test::http(port_, "/nothing").status, 404);
  EXPECT_EQ(test::http(port_, "/metrics/../etc/passwd").status, 404);
  EXPECT_EQ(test::http(port_, "/metrics", "POST").status, 405);
  EXPECT_THAT(test::http(port_, "/").body, HasSubstr("/metrics"));
  EXPECT_EQ(test::http(port_, "/metrics?collect[]=x").status, 200);
}

TEST_F(HttpServerTest, ManyReadersAndOnesThatLeave) {
  HttpOptions many = options();
  many.threads = 40;
  const HttpServer server(many, handlers(), counters_);
  std::vector<std::thread> readers;
  std::atomic<int> whole{0};
  for (int i = 0; i < 16; ++i) {
    readers.emplace_back([this, &whole] {
      if (test::http(port_, "/metrics").body.size() == 1'000'000) ++whole;
    });
    readers.emplace_back([this] {
      const int fd = test::connect_to(port_);
      const std::string request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
      (void)!write(fd, request.data(), request.size());
      close(fd);
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(whole, 16);
}

TEST_F(HttpServerTest, SlowScrapersLeaveTheOtherPagesAThread) {
  HttpOptions few = options();
  few.threads = 3;
  std::atomic<bool> scraping{false};
  std::atomic<bool> go_on{false};
  HttpHandlers slow = handlers();
  std::atomic<int> refused{0};
  slow.metrics = [&](const ScrapeRequest&, ScrapeResponse& response) {
    scraping = true;
    go_on.wait(false);
    response.begin(200, "text/plain", "");
    response.write("m");
    response.finish();
  };
  slow.scrape_refused = [&] { ++refused; };
  const HttpServer server(few, std::move(slow), counters_);
  std::thread first([this] { EXPECT_EQ(test::http(port_, "/metrics").body, "m"); });
  while (!scraping) std::this_thread::yield();
  EXPECT_EQ(test::http(port_, "/metrics").status, 503);
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(test::http(port_, "/healthz").status, 200);
  go_on = true;
  go_on.notify_all();
  first.join();
  EXPECT_EQ(test::http(port_, "/metrics").status, 200);
}

/// Sends bytes as they are and returns what came until the server hung up.
std::string talk(int fd, const std::string& bytes) {
  if (!bytes.empty()) {
    // What is not taken any more is no mistake: a refusal may come before the end.
    (void)send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  std::string got;
  char buffer[65536];
  for (ssize_t n = 0; (n = read(fd, buffer, sizeof buffer)) > 0;) {
    got.append(buffer, static_cast<std::size_t>(n));
  }
  return got;
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  const HttpServer server(options(), handlers(), counters_);
  const int fd = test::connect_to(port_);
  const std::string got = talk(fd,
                               "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
                               "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
                               "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                               "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
  close(fd);
  EXPECT_EQ(times(got, "HTTP/1.1 200 OK"), 2U);
  EXPECT_EQ(times(got, "HTTP/1.1 404"), 1U);
  EXPECT_GT(got.find("HTTP/1.1 404"), 1'000'000U);
}

TEST_F(HttpServerTest, AHalfClosedClientGetsItsAnswer) {
  const HttpServer server(options(), handlers(), counters_);
  const int fd = test::connect_to(port_);
  const std::string request = "GET /metrics HTTP/1.0\r\n\r\n";
  ASSERT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  shutdown(fd, SHUT_WR);
  const std::string got = talk(fd, "");
  close(fd);
  // Without chunks, which HTTP/1.0 does not know.
  EXPECT_TRUE(got.ends_with("\r\n\r\n" + std::string(1'000'000, 'm')));
}

TEST_F(HttpServerTest, WhatIsNoRequestIsRefusedAndCounted) {
  const HttpServer server(options(), handlers(), counters_);
  const auto status = [this](const std::string& bytes) {
    const int fd = test::connect_to(port_);
    const std::string got = talk(fd, bytes);
    close(fd);
    return got.size() > 12 ? got.substr(9, 3) : got;
  };
  EXPECT_EQ(status(std::string("\0\xff\x01", 3)), "400");
  EXPECT_EQ(status("GET /" + std::string(60'000, 'a')), "414");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nX: " + std::string(60'000, 'a')), "431");
  EXPECT_EQ(status("GET / HTTP/3.0\r\nHost: x\r\n\r\n"), "505");
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n" +
                   std::string(500'000, 'b')),
            "405");
  const auto counted = [this](int code) {
    const auto& codes = HttpCounters::kCodes;
    return counters_.answers(
        static_cast<std::size_t>(std::find(codes.begin(), codes.end(), code) - codes.begin()));
  };
  for (const int code : {400, 414, 431, 505, 405}) EXPECT_EQ(counted(code), 1U) << code;
}

TEST_F(HttpServerTest, ClientsThatSendNothingMakeRoomForOnesThatDo) {
  HttpOptions small = options();
  small.connections = 8;
  small.header_timeout_ms = 600'000;
  small.idle_timeout_ms = 600'000;
  const HttpServer server(small, handlers(), counters_);
  std::vector<int> idle;
  for (int i = 0; i < 50; ++i) {
    idle.push_back(test::connect_to(port_));
    ASSERT_GE(idle.back(), 0);
    // Half of them with half a request.
    if (i % 2 == 0) {
      ASSERT_EQ(write(idle.back(), "GET", 3), 3);
    }
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(test::http(port_, "/healthz").status, 200);
  EXPECT_EQ(test::http(port_, "/metrics").body.size(), 1'000'000U);
  EXPECT_LE(counters_.open(), 8);
  EXPECT_GE(counters_.refusals(HttpRefusal::kCrowdedOut), 42U);
  for (const int fd : idle) close(fd);
}

TEST_F(HttpServerTest, AHeadThatDoesNotEndIsRefusedInTime) {
  HttpOptions hasty = options();
  hasty.header_timeout_ms = 100;
  const HttpServer server(hasty, handlers(), counters_);
  const int silent = test::connect_to(port_);
  const int slow = test::connect_to(port_);
  EXPECT_THAT(talk(slow, "GET / HTTP/1.1\r\n"), HasSubstr("408"));
  EXPECT_EQ(talk(silent, ""), "");
  EXPECT_EQ(counters_.refusals(HttpRefusal::kHeaderTimeout), 2U);
  close(slow);
  close(silent);
}

TEST_F(HttpServerTest, AKeptConnectionEndsAfterItsIdleTime) {
  HttpOptions hasty = options();
  hasty.idle_timeout_ms = 100;
  const HttpServer server(hasty, handlers(), counters_);
  const int fd = test::connect_to(port_);
  EXPECT_THAT(talk(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("200 OK"));
  close(fd);
}

HttpHandlers endless(HttpHandlers handlers) {
  handlers.metrics = [](const ScrapeRequest&, ScrapeResponse& response) {
    response.begin(200, "text/plain", "");
    while (response.write(std::string(100'000, 'm'))) {
    }
  };
  return handlers;
}

TEST_F(HttpServerTest, AClientThatReadsTooSlowlyIsGivenUp) {
  HttpOptions hasty = options();
  hasty.request_timeout_ms = 200;
  const HttpServer server(hasty, endless(handlers()), counters_);
  // Reads all it gets, and still there is no end: the time for the whole answer counts.
  const int fd = test::connect_to(port_);
  const std::string got = talk(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  close(fd);
  EXPECT_THAT(got, HasSubstr("200 OK"));
  EXPECT_FALSE(got.ends_with("0\r\n\r\n"));
  EXPECT_EQ(counters_.refusals(HttpRefusal::kSendTimeout), 1U);
}

void ask_for_metrics(int fd) {
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
}

/// The first scrape gets an answer without an end, the others "second".
HttpHandlers endless_then_short(HttpHandlers by_turns, std::atomic<int>& scrapes) {
  by_turns.metrics = [&scrapes](const ScrapeRequest&, ScrapeResponse& response) {
    response.begin(200, "text/plain", "");
    if (scrapes++ > 0) {
      response.write("second");
      response.finish();
      return;
    }
    while (response.write(std::string(100'000, 'm'))) {
    }
  };
  return by_turns;
}

TEST_F(HttpServerTest, AScrapeThatNobodyReadsGivesItsPlaceToAnother) {
  HttpOptions few = options();
  few.threads = 3;  // one scrape at a time
  few.request_timeout_ms = 600'000;
  std::atomic<int> scrapes{0};
  const HttpServer server(few, endless_then_short(handlers(), scrapes), counters_);
  const int fd = test::connect_to(port_);
  ask_for_metrics(fd);
  while (scrapes == 0) std::this_thread::yield();
  test::HttpAnswer second;
  while (second.status != 200) {
    second = test::http(port_, "/metrics");
    EXPECT_EQ(test::http(port_, "/healthz").status, 200);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(second.body, "second");
  EXPECT_EQ(counters_.refusals(HttpRefusal::kStalled), 1U);
  close(fd);
}

TEST_F(HttpServerTest, AScrapeThatIsReadByTheByteGivesItsPlaceToAnother) {
  HttpOptions few = options();
  few.threads = 3;  // one scrape at a time
  few.request_timeout_ms = 600'000;
  std::atomic<int> scrapes{0};
  const HttpServer server(few, endless_then_short(handlers(), scrapes), counters_);
  const int fd = test::connect_to(port_);
  // So that every read is felt at the other end.
  const int small = 4096;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  ask_for_metrics(fd);
  while (scrapes == 0) std::this_thread::yield();
  // Some KiB ten times a second: it never stops for a second.
  std::atomic<bool> is_over{false};
  std::thread reader([&] {
    std::string bytes(3000, '\0');
    while (!is_over && read(fd, bytes.data(), bytes.size()) > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  test::HttpAnswer second;
  while (second.status != 200) second = test::http(port_, "/metrics");
  is_over = true;
  EXPECT_EQ(second.body, "second");
  EXPECT_EQ(counters_.refusals(HttpRefusal::kStalled), 1U);
  shutdown(fd, SHUT_RDWR);
  reader.join();
  close(fd);
}

TEST_F(HttpServerTest, AScrapeOfWhichTheScraperHasHadEnoughEnds) {
  HttpOptions patient = options();
  patient.request_timeout_ms = 600'000;
  HttpHandlers endless = handlers();
  std::atomic<bool> has_ended{false};
  endless.metrics = [&has_ended](const ScrapeRequest& request, ScrapeResponse& response) {
    EXPECT_EQ(request.scrape_timeout, "0.2");
    response.limit(std::chrono::milliseconds(100));
    response.begin(200, "text/plain", "");
    while (response.write(std::string(100'000, 'm'))) {
    }
    has_ended = true;
  };
  const HttpServer server(patient, std::move(endless), counters_);
  const int fd = test::connect_to(port_);
  const std::string request =
      "GET /metrics HTTP/1.1\r\nHost: x\r\nX-Prometheus-Scrape-Timeout-Seconds: 0.2\r\n\r\n";
  ASSERT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  while (!has_ended) std::this_thread::yield();
  EXPECT_EQ(counters_.refusals(HttpRefusal::kSendTimeout), 1U);
  close(fd);
}

TEST_F(HttpServerTest, AsksForCredentials) {
  setenv("HOPSCOPE_TEST_PASSWORD", "one", 1);
  HttpOptions closed = options();
  closed.auth.users.push_back(
      {.name = "ann", .password = {.file = "", .env = "HOPSCOPE_TEST_PASSWORD"}});
  const std::string ann = "Authorization: Basic YW5uOm9uZQ==\r\n";
  const std::string ann_later = "Authorization: Basic YW5uOnR3bw==\r\n";
  const auto ask = [this](const std::string& path, const std::string& header) {
    const int fd = test::connect_to(port_);
    const std::string got =
        talk(fd, "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + header + "\r\n");
    close(fd);
    return got;
  };
  {
    HttpServer server(closed, handlers(), counters_);
    for (const char* path : {"/", "/metrics", "/healthz", "/readyz", "/sources", "/nothing"}) {
      const std::string got = ask(path, "");
      EXPECT_THAT(got, HasSubstr("HTTP/1.1 401 Unauthorized")) << path;
      EXPECT_THAT(got, HasSubstr("WWW-Authenticate: Basic realm=\"hopscope\"")) << path;
    }
    EXPECT_THAT(ask("/metrics", ann), HasSubstr("200 OK"));
    EXPECT_THAT(ask("/metrics", ann_later), HasSubstr("401"));
    setenv("HOPSCOPE_TEST_PASSWORD", "two", 1);
    EXPECT_EQ(server.reload(), "");
    EXPECT_THAT(ask("/metrics", ann), HasSubstr("401"));
    EXPECT_THAT(ask("/metrics", ann_later), HasSubstr("200 OK"));
    unsetenv("HOPSCOPE_TEST_PASSWORD");
    EXPECT_THAT(server.reload(), HasSubstr("HOPSCOPE_TEST_PASSWORD is not set"));
    EXPECT_THAT(ask("/metrics", ann_later), HasSubstr("200 OK"));
  }
  setenv("HOPSCOPE_TEST_PASSWORD", "one", 1);
  closed.auth.open_probes = true;
  const HttpServer server(closed, handlers(), counters_);
  EXPECT_THAT(ask("/healthz", ""), HasSubstr("200 OK"));
  EXPECT_THAT(ask("/readyz", ""), HasSubstr("200 OK"));
  EXPECT_THAT(ask("/metrics", ""), HasSubstr("401"));
  unsetenv("HOPSCOPE_TEST_PASSWORD");
}

TEST_F(HttpServerTest, TheHandlerSeesTheRequestAndSaysHowItIsAnswered) {
  HttpHandlers asked = handlers();
  ScrapeRequest seen;
  asked.metrics = [&](const ScrapeRequest& request, ScrapeResponse& response) {
    seen = request;
    response.begin(400, "text/plain", "gzip");
    response.write("no\n");
    response.finish();
  };
  const HttpServer server(options(), std::move(asked), counters_);
  const test::HttpAnswer answer = test::http(port_, "/metrics?topk=5&shard=0/2", "GET",
                                             "Accept: text/plain;q=0.5\r\nAccept-Encoding: gzip\r\n"
                                             "X-Prometheus-Scrape-Timeout-Seconds: 9.5\r\n");
  EXPECT_EQ(seen.query, "topk=5&shard=0/2");
  EXPECT_EQ(seen.accept, "text/plain;q=0.5");
  EXPECT_EQ(seen.accept_encoding, "gzip");
  EXPECT_EQ(seen.scrape_timeout, "9.5");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.body, "no\n");
  EXPECT_THAT(answer.headers, HasSubstr("Content-Encoding: gzip"));
}

TEST_F(HttpServerTest, AnAnswerThatIsNotFinishedHasNoLastChunk) {
  HttpHandlers broken = handlers();
  broken.metrics = [](const ScrapeRequest&, ScrapeResponse& response) {
    response.begin(200, "text/plain", "");
    response.write("m 1\n");
  };
  const HttpServer server(options(), std::move(broken), counters_);
  const test::HttpAnswer answer = test::http(port_, "/metrics");
  EXPECT_EQ(answer.body, "m 1\n");
  EXPECT_FALSE(answer.whole);
  EXPECT_TRUE(test::http(port_, "/healthz").whole);
}

TEST_F(HttpServerTest, APortThatIsTaken) {
  const HttpServer server(options(), handlers(), counters_);
  try {
    const HttpServer second(options(), handlers(), counters_);
    FAIL() << "two servers on one port";
  } catch (const SetupError& error) {
    EXPECT_THAT(error.what(), HasSubstr(options().listen));
  }
}

TEST_F(HttpServerTest, StopsAlthoughSomebodyKeepsAConnection) {
  int fd = -1;
  {
    const HttpServer server(options(), handlers(), counters_);
    fd = test::connect_to(port_);
    ASSERT_GE(fd, 0);
  }
  close(fd);
}

}  // namespace
}  // namespace hopscope::exporter
