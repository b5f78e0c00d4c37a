#include "export/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "io/setup_error.h"
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
                  return std::vector<Check>{{"worker-0", healthy_, healthy_ ? "" : "stands still"}};
                },
            .ready =
                [] {
                  return std::vector<Check>{{"receive", true, ""}};
                },
            .sources = [] { return std::string("[]\n"); }};
  }

  const std::uint16_t port_ = test::free_tcp_port();
  std::atomic<bool> healthy_{true};
};

TEST_F(HttpServerTest, MetricsComeInChunks) {
  const HttpServer server(options(), handlers());
  const test::HttpAnswer answer = test::http(port_, "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.headers, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_EQ(answer.body, std::string(1'000'000, 'm'));
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  const HttpServer server(options(), handlers());
  for (const char* path : {"/metrics", "/healthz", "/"}) {
    const test::HttpAnswer answer = test::http(port_, path, "HEAD");
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_EQ(answer.body, "") << path;
  }
}

TEST_F(HttpServerTest, HealthSaysWhatIsWrong) {
  const HttpServer server(options(), handlers());
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

TEST_F(HttpServerTest, OtherPagesAndMethods) {
  const HttpServer server(options(), handlers());
  EXPECT_EQ(test::http(port_, "/nothing").status, 404);
  EXPECT_EQ(test::http(port_, "/metrics/../etc/passwd").status, 404);
  EXPECT_EQ(test::http(port_, "/metrics", "POST").status, 405);
  EXPECT_THAT(test::http(port_, "/").body, HasSubstr("/metrics"));
  EXPECT_EQ(test::http(port_, "/metrics?collect[]=x").status, 200);
}

TEST_F(HttpServerTest, ManyReadersAndOnesThatLeave) {
  HttpOptions many = options();
  many.threads = 40;
  const HttpServer server(many, handlers());
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
  const HttpServer server(few, std::move(slow));
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

TEST_F(HttpServerTest, TheHandlerSeesTheRequestAndSaysHowItIsAnswered) {
  HttpHandlers asked = handlers();
  ScrapeRequest seen;
  asked.metrics = [&](const ScrapeRequest& request, ScrapeResponse& response) {
    seen = request;
    response.begin(400, "text/plain", "gzip");
    response.write("no\n");
    response.finish();
  };
  const HttpServer server(options(), std::move(asked));
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
  const HttpServer server(options(), std::move(broken));
  const test::HttpAnswer answer = test::http(port_, "/metrics");
  EXPECT_EQ(answer.body, "m 1\n");
  EXPECT_FALSE(answer.whole);
  EXPECT_TRUE(test::http(port_, "/healthz").whole);
}

TEST_F(HttpServerTest, APortThatIsTaken) {
  const HttpServer server(options(), handlers());
  try {
    const HttpServer second(options(), handlers());
    FAIL() << "two servers on one port";
  } catch (const io::SetupError& error) {
    EXPECT_THAT(error.what(), HasSubstr(options().listen));
  }
}

TEST_F(HttpServerTest, StopsAlthoughSomebodyKeepsAConnection) {
  int fd = -1;
  {
    const HttpServer server(options(), handlers());
    fd = test::connect_to(port_);
    ASSERT_GE(fd, 0);
  }
  close(fd);
}

}  // namespace
}  // namespace hopscope::exporter
