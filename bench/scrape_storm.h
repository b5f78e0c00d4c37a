#pragma once
// Many scrapers at once, over HTTP on the loopback interface, again and again while they may.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "export/exporter.h"

namespace hopscope::bench {

class ScrapeStorm {
 public:
  static constexpr unsigned kScrapers = 10;

  /// Threads of the server and of the scrapers inherit the CPU of the caller. Throws
  /// SetupError.
  explicit ScrapeStorm(const pipeline::TableView& tables)
      : port_(free_port()),
        exporter_(options(port_), {},
                  {.tables = tables,
                   .take_events = [](auto) { return std::size_t{0}; },
                   .sources = {},
                   .formats = {},
                   .xdp = nullptr,
                   .health = [] { return std::vector<exporter::HealthCheck>{}; },
                   .ready = nullptr}) {
    for (unsigned i = 0; i < kScrapers; ++i) {
      scrapers_.emplace_back([this] { scrape_on(); });
    }
  }
  ScrapeStorm(const ScrapeStorm&) = delete;
  ScrapeStorm& operator=(const ScrapeStorm&) = delete;
  ~ScrapeStorm() {
    is_over_ = true;
    blow(true);
    for (std::thread& scraper : scrapers_) scraper.join();
  }

  void blow(bool on) {
    blows_ = on;
    blows_.notify_all();
  }
  /// Whole answers so far, and lines of them.
  [[nodiscard]] std::uint64_t scrapes() const { return scrapes_; }
  [[nodiscard]] std::uint64_t lines() const { return lines_; }

 private:
  static exporter::ExportOptions options(std::uint16_t port) {
    exporter::ExportOptions options;
    options.http.listen = "127.0.0.1:" + std::to_string(port);
    options.http.threads = kScrapers + 2;
    options.http.request_timeout_ms = 60'000;
    options.flows.series = exporter::FlowSeries::kAll;
    return options;
  }

  static sockaddr_in address(std::uint16_t port) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return where;
  }

  static std::uint16_t free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where = address(0);
    socklen_t length = sizeof where;
    const bool is_bound = bind(fd, reinterpret_cast<sockaddr*>(&where), length) == 0 &&
                          getsockname(fd, reinterpret_cast<sockaddr*>(&where), &length) == 0;
    close(fd);
    return is_bound ? ntohs(where.sin_port) : std::uint16_t{0};
  }

  void scrape_on() {
    while (!is_over_) {
      blows_.wait(false);
      if (!is_over_) scrape();
    }
  }

  void scrape() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in where = address(port_);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0) {
      constexpr std::string_view kRequest =
          "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
      (void)!send(fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
      std::array<char, 65536> piece;
      std::uint64_t lines = 0;
      ssize_t n = 0;
      while (!is_over_ && (n = read(fd, piece.data(), piece.size())) > 0) {
        for (ssize_t i = 0; i < n; ++i) lines += piece[static_cast<std::size_t>(i)] == '\n' ? 1 : 0;
      }
      if (n == 0) {
        ++scrapes_;
        lines_ += lines;
      }
    }
    close(fd);
  }

  const std::uint16_t port_;
  exporter::Exporter exporter_;
  std::atomic<bool> blows_{false};
  std::atomic<bool> is_over_{false};
  std::atomic<std::uint64_t> scrapes_{0};
  std::atomic<std::uint64_t> lines_{0};
  std::vector<std::thread> scrapers_;
};

}  // namespace hopscope::bench
