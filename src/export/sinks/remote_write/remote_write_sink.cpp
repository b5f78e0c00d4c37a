#include "export/sinks/remote_write/remote_write_sink.h"

#include <fmt/format.h>
#include <snappy.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <utility>
#include <variant>

#include "base/setup_error.h"
#include "base/wall_clock.h"
#include "export/sinks/push/http_outcome.h"

namespace hopscope::exporter {
namespace {

using Result = Outcome::Result;

/// After so many for one batch it is told what has become of its front.
constexpr int kMostRequests = 256;

HttpTarget target_of(const RemoteWriteOptions& options) {
  HttpTarget target = http_target(options.http);
  target.headers.emplace_back("X-Prometheus-Remote-Write-Version: 0.1.0");
  target.headers.emplace_back("User-Agent: hopscope/" HOPSCOPE_VERSION);
  return target;
}

/// What a server may have against the time of a sample, and of none of the others of a request.
enum class Complaint : std::uint8_t { kOther, kTime, kHasNewer };

/// In the words of Prometheus, Mimir and Thanos.
Complaint complaint_of(const HttpAnswer& answer) {
  // Prometheus 2.42 says 500 of what is older than its out_of_order_time_window.
  const bool is_too_old = answer.status == 500 && answer.body.starts_with("too old sample");
  if (is_too_old) return Complaint::kTime;
  if (answer.status != 400 && answer.status != 409 && answer.status != 422) {
    return Complaint::kOther;
  }
  std::string text = answer.body;
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return c == '-' ? ' ' : static_cast<char>(std::tolower(c));
  });
  const auto has = [&](std::string_view words) { return text.find(words) != text.npos; };
  if (has("out of bounds") || has("too old") || has("too far")) return Complaint::kTime;
  if (has("out of order") || has("duplicate sample")) return Complaint::kHasNewer;
  return Complaint::kOther;
}

}  // namespace

RemoteWriteSink::RemoteWriteSink(const RemoteWriteOptions& options, const Names& names)
    : options_(options),
      started_ns_(wall_ns()),
      encoder_(
          {.values = options.values,
           .flow_labels = options.flow_labels,
           .labels = options.labels,
           .max_series = options.max_series,
           .switch_time_window_ns = static_cast<std::int64_t>(options.switch_time_window_s * 1e9)},
          names),
      post_(target_of(options)) {}

void RemoteWriteSink::encode(const Item& item, std::int64_t now_ns, std::string& record) {
  const bool is_event = std::holds_alternative<const pipeline::Event*>(item);
  if (is_event ? options_.events : options_.values) encoder_.encode(item, now_ns, record);
}

void RemoteWriteSink::end_of_rows(std::int64_t now_ns, std::string& record) {
  encoder_.end_of_rows(now_ns, record);
}

HttpAnswer RemoteWriteSink::send(std::span<const Record> records) {
  body_.clear();
  for (const Record& record : records) body_ += record.bytes;
  snappy::Compress(body_.data(), body_.size(), &compressed_);
  return post_.post(compressed_, "application/x-protobuf", "snappy");
}

/// Whether a record may have been sent before: by an attempt whose answer did not come, because its
/// server may have lost it, or by an earlier run of the program whose spool remembers it.
bool RemoteWriteSink::was_sent(const Record& record) const noexcept {
  return record.number < sent_ || record.number < unanswered_ || record.time_ns < started_ns_;
}

std::string RemoteWriteSink::reopen() {
  try {
    post_.set_target(target_of(options_));
    return "";
  } catch (const SetupError& error) {
    return fmt::format("{}: {}; the one read before stays", options_.name, error.what());
  }
}

Outcome RemoteWriteSink::deliver(std::span<const Record> batch) {
  auto left = batch;
  std::size_t size = left.size();
  bool reconnected = false;
  int requests = 0;
  std::vector<std::uint64_t> refused;  // numbers
  std::vector<std::uint64_t> refused_before;
  std::string refusal;
  while (!left.empty()) {
    const auto part = left.first(std::min(size, left.size()));
    const HttpAnswer answer = send(part);
    ++requests;
    Outcome outcome = outcome_of(answer);
    const Complaint complaint = complaint_of(answer);
    if (complaint != Complaint::kOther) outcome.result = Result::kRefused;
    if (outcome.result == Result::kTryAgain) {
      unanswered_ = std::max(unanswered_, part.back().number + 1);
      sent_ = std::max(sent_, part.front().number);
      outcome.reconnected = outcome.reconnected || reconnected;
      outcome.taken = batch.size() - left.size();
      outcome.refused = refused.size();
      if (!refused.empty()) outcome.detail += "; before that: " + refusal;
      return outcome;
    }
    if (outcome.reconnected && !std::exchange(reconnected, true) && left.size() < batch.size()) {
      // With the connection the parts before this one may be gone.
      unanswered_ = std::max(unanswered_, part.back().number + 1);
      left = batch;
      refused_before = std::exchange(refused, {});
      continue;
    }
    const bool is_refused = outcome.result != Result::kDelivered;
    if (is_refused && part.size() > 1 &&
        (outcome.result == Result::kTooLarge || complaint != Complaint::kOther)) {
      size = part.size() / 2;
      continue;
    }
    // Samples of a series ascend: where a newer one is there this one is, if it was ever sent and
    // not refused.
    const bool is_there = complaint == Complaint::kHasNewer && was_sent(part.front()) &&
                          std::find(refused_before.begin(), refused_before.end(),
                                    part.front().number) == refused_before.end();
    if (is_refused && !is_there) {
      for (const Record& record : part) refused.push_back(record.number);
      refusal = std::move(outcome.detail);
    }
    left = left.subspan(part.size());
    size = is_refused ? part.size() : part.size() * 2;
    if (requests >= kMostRequests && !left.empty()) {
      sent_ = std::max(sent_, left.front().number);
      return {.result = Result::kPartly,
              .taken = batch.size() - left.size(),
              .refused = refused.size(),
              .detail = std::move(refusal),
              .reconnected = reconnected};
    }
  }
  Outcome outcome;
  outcome.reconnected = reconnected;
  outcome.refused = refused.size();
  outcome.detail = std::move(refusal);
  if (refused.size() >= batch.size() && !batch.empty()) outcome.result = Result::kRefused;
  if (!batch.empty()) sent_ = std::max(sent_, batch.back().number + 1);
  return outcome;
}

}  // namespace hopscope::exporter
