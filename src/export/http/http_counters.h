#pragma once
// What the HTTP server counts: answers by status code, and connections that were ended or refused,
// by reason.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hopscope::exporter {

// Why a connection was not served to its end.
// clang-format off
// X(enumerator, label, meaning)
#define HOPSCOPE_HTTP_REFUSALS(X)                                                                  \
  X(kFull, full, "no room, and all connections were being answered")                                \
  X(kCrowdedOut, crowded_out, "no request yet, and a newer connection needed the room")             \
  X(kHeaderTimeout, header_timeout, "the request was not complete in time")                         \
  X(kTls, tls, "the handshake failed")                                                              \
  X(kSendTimeout, send_timeout, "the client took the answer too slowly")                            \
  X(kStalled, stalled, "a scrape whose client hardly read, ended to make room for another scrape")
// clang-format on

enum class HttpRefusal : std::uint8_t {
#define HOPSCOPE_X(enumerator, label, meaning) enumerator,
  HOPSCOPE_HTTP_REFUSALS(HOPSCOPE_X)
#undef HOPSCOPE_X
};
/// By HttpRefusal.
inline constexpr std::array kHttpRefusalLabels{
#define HOPSCOPE_X(enumerator, label, meaning) std::string_view(#label),
    HOPSCOPE_HTTP_REFUSALS(HOPSCOPE_X)
#undef HOPSCOPE_X
};

class HttpCounters {
 public:
  /// Codes of their own; any other counts as 0, "other".
  static constexpr std::array<int, 15> kCodes{200, 400, 401, 403, 404, 405, 406, 408,
                                              414, 431, 500, 501, 503, 505, 0};

  void answered(int code) noexcept {
    std::size_t i = 0;
    while (i + 1 < kCodes.size() && kCodes[i] != code) ++i;
    answers_[i].fetch_add(1, std::memory_order_relaxed);
  }
  void refused(HttpRefusal reason) noexcept {
    refusals_[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
  }
  void opened() noexcept { open_.fetch_add(1, std::memory_order_relaxed); }
  void closed() noexcept { open_.fetch_sub(1, std::memory_order_relaxed); }

  /// By index into kCodes.
  [[nodiscard]] std::uint64_t answers(std::size_t i) const noexcept { return answers_[i].load(); }
  /// By index into kHttpRefusalLabels.
  [[nodiscard]] std::uint64_t refusals(std::size_t i) const noexcept { return refusals_[i].load(); }
  [[nodiscard]] std::uint64_t refusals(HttpRefusal reason) const noexcept {
    return refusals(static_cast<std::size_t>(reason));
  }
  [[nodiscard]] std::int64_t open() const noexcept { return open_.load(); }

 private:
  std::array<std::atomic<std::uint64_t>, kCodes.size()> answers_{};
  std::array<std::atomic<std::uint64_t>, kHttpRefusalLabels.size()> refusals_{};
  std::atomic<std::int64_t> open_{0};
};

}  // namespace hopscope::exporter
