#include "export/sinks/remote_write/remote_write_sink.h"

#include <fmt/format.h>
#include <snappy.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <utility>
#include <variant>
#include <vector>

#include "base/assert.h"
#include "base/setup_error.h"
#include "base/wall_clock.h"
#include "export/sinks/push/http_outcome.h"

namespace hopscope::exporter {
namespace {

using Result = Outcome::Result;

/// After this many requests for one batch deliver() reports what it has done so far.
constexpr int kMaxRequests = 256;

HttpTarget target_of(const RemoteWriteOptions& options) {
  HttpTarget target = http_target(options.http);
  target.headers.emplace_back("X-Prometheus-Remote-Write-Version: 0.1.0");
  target.headers.emplace_back("User-Agent: hopscope/" HOPSCOPE_VERSION);
  return target;
}

/// Why a server may refuse one sample of a request because of its time.
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

/// How far a batch that is sent in parts has come.
class Progress {
 public:
  explicit Progress(std::span<const Record> batch)
      : batch_(batch), left_(batch), size_(batch.size()) {}

  [[nodiscard]] bool is_done() const noexcept { return left_.empty(); }
  /// The records to send next.
  [[nodiscard]] std::span<const Record> part() const {
    return left_.first(std::min(size_, left_.size()));
  }
  void halve() {
    HOPSCOPE_ASSERT(part().size() > 1);
    size_ = part().size() / 2;
  }
  /// The connection was a new one. True: the parts sent over the old one may be lost with it, so
  /// the batch begins again; once only.
  [[nodiscard]] bool restarts_after_reconnect() {
    if (std::exchange(reconnected_, true) || left_.size() == batch_.size()) return false;
    left_ = batch_;
    refused_before_ = std::exchange(refused_, {});
    return true;
  }
  /// Whether the server refused this record before it began again.
  [[nodiscard]] bool was_refused_before(const Record& record) const {
    return std::find(refused_before_.begin(), refused_before_.end(), record.number) !=
           refused_before_.end();
  }
  void refuse_part(std::string why) {
    for (const Record& record : part()) refused_.push_back(record.number);
    refusal_ = std::move(why);
  }
  /// The part is settled. The next one is twice as large if the server had `taken` this one.
  void advance(bool taken) {
    const std::size_t records = part().size();
    HOPSCOPE_ASSERT(records > 0);
    left_ = left_.subspan(records);
    size_ = taken ? 2 * records : records;
  }

  /// For a batch that is done.
  [[nodiscard]] Outcome whole() {
    Outcome outcome{
        .refused = refused_.size(), .detail = std::move(refusal_), .reconnected = reconnected_};
    if (!batch_.empty() && refused_.size() >= batch_.size()) outcome.result = Result::kRefused;
    return outcome;
  }
  [[nodiscard]] Outcome partly() {
    return {.result = Result::kPartly,
            .taken = batch_.size() - left_.size(),
            .refused = refused_.size(),
            .detail = std::move(refusal_),
            .reconnected = reconnected_};
  }
  /// `outcome`: of the part that must be tried again.
  [[nodiscard]] Outcome interrupted(Outcome outcome) const {
    outcome.reconnected = outcome.reconnected || reconnected_;
    outcome.taken = batch_.size() - left_.size();
    outcome.refused = refused_.size();
    if (!refused_.empty()) outcome.detail += "; before that: " + refusal_;
    return outcome;
  }

 private:
  const std::span<const Record> batch_;
  std::span<const Record> left_;
  std::size_t size_;  ///< records of a part
  bool reconnected_ = false;
  std::vector<std::uint64_t> refused_;         ///< numbers
  std::vector<std::uint64_t> refused_before_;  ///< numbers, before the batch began again
  std::string refusal_;
};

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

/// The server may have these records, or lost them with the connection.
void RemoteWriteSink::note_unanswered(std::span<const Record> part) noexcept {
  unanswered_ = std::max(unanswered_, part.back().number + 1);
}

Outcome RemoteWriteSink::deliver(std::span<const Record> batch) {
  Progress progress(batch);
  for (int requests = 1; !progress.is_done(); ++requests) {
    const auto part = progress.part();
    const HttpAnswer answer = send(part);
    Outcome outcome = outcome_of(answer);
    const Complaint complaint = complaint_of(answer);
    if (complaint != Complaint::kOther) outcome.result = Result::kRefused;
    if (outcome.result == Result::kTryAgain) {
      note_unanswered(part);
      sent_ = std::max(sent_, part.front().number);
      return progress.interrupted(std::move(outcome));
    }
    if (outcome.reconnected && progress.restarts_after_reconnect()) {
      note_unanswered(part);
      continue;
    }
    const bool is_taken = outcome.result == Result::kDelivered;
    const bool is_too_large = outcome.result == Result::kTooLarge;
    if (!is_taken && part.size() > 1 && (is_too_large || complaint != Complaint::kOther)) {
      progress.halve();
      continue;
    }
    // Samples of a series ascend: if the server has a newer one, it has this one too, provided that
    // it was ever sent and not refused.
    const Record& first = part.front();
    const bool is_there =
        complaint == Complaint::kHasNewer && was_sent(first) && !progress.was_refused_before(first);
    if (!is_taken && !is_there) progress.refuse_part(std::move(outcome.detail));
    sent_ = std::max(sent_, part.back().number + 1);
    progress.advance(is_taken);
    if (requests >= kMaxRequests && !progress.is_done()) return progress.partly();
  }
  return progress.whole();
}

}  // namespace hopscope::exporter
