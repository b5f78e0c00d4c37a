#pragma once
// Which samples of which series go out, and when they are dated, so that Prometheus takes them: it
// refuses a sample that is not newer than the series' newest one. Says when a series has ended,
// too.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hopscope::remote_write {
class TimeSeries;
}

namespace hopscope::exporter {

/// The bits of the value that says that a series has ended. Source: Remote-Write 1.0.
inline constexpr std::uint64_t kStaleMarker = 0x7ff0'0000'0000'0002;

struct SampleOptions {
  bool has_rows = true;  ///< rows come; a series that they do not bring any more has ended
  std::uint32_t max_series = 200'000;
};

/// Samples are appended as fields `timeseries` of a WriteRequest, which may be put one behind
/// another. Their times are ms since 1970 and ascend in each series:
/// - no sample is dated ahead of now, but for up to a second where a series has more samples than
///   there are milliseconds; what is more than that waits, and only the newest value of a series
///   that waits is written;
/// - a clock that is set back by more than a minute is followed: better in VictoriaMetrics, and
///   Prometheus has no place for such samples anyhow.
/// `labels` are always those of LabelSet::bytes().
class SampleWriter {
 public:
  explicit SampleWriter(const SampleOptions& options);
  SampleWriter(const SampleWriter&) = delete;
  SampleWriter& operator=(const SampleWriter&) = delete;
  ~SampleWriter();

  /// What follows goes to `to`, which must live until the next begin(). Appends what has waited.
  void begin(std::int64_t now_ns, std::string& to);

  /// A row's value as it is now. Of two rows of one series the first counts.
  void row(const std::string& labels, double value);
  /// The same where rows of one series are added up.
  void row_sum(const std::string& labels, double value);
  /// A value of a series that rows bring too.
  void event(const std::string& labels, double value, std::int64_t time_ns);
  /// A value of a series that only events have.
  void event_only(const std::string& labels, double value, std::int64_t time_ns);
  /// Adds one to a counter that only events have. It begins with a sample of 0, so that the first
  /// event is an increase.
  void count(const std::string& labels, std::int64_t time_ns);
  /// All rows came: ends series that had none, and writes sums and counters anew. At most a MiB at
  /// once; the rest comes with the next calls of begin().
  void end_of_rows();

  [[nodiscard]] std::size_t series() const noexcept { return series_.size(); }
  /// Samples that were left out because there are max_series series. Any thread.
  [[nodiscard]] std::uint64_t suppressed() const noexcept { return suppressed_.load(); }

 private:
  enum class Kind : std::uint8_t { kRow, kEventValue, kEventCounter };

  struct Series {
    std::int64_t newest_ms = -1;
    std::int64_t touched_ms = 0;  ///< now, when something was last heard of it
    double value = 0;             ///< the newest, written or not
    std::uint64_t pass = 0;       ///< the last in which something was heard of it
    std::uint64_t row_pass = 0;   ///< the last in which it had a row
    std::size_t place = 0;        ///< in order_
    Kind kind = Kind::kRow;
    bool is_shared = false;  ///< several rows are added up: written when all came
    bool is_ended = false;
    bool waits = false;      ///< `value` is not written yet
    bool is_queued = false;  ///< in waiting_
  };
  using Entry = std::pair<const std::string, Series>;

  [[nodiscard]] Entry* find(const std::string& labels, Kind kind);
  void put(Entry& entry, double value, std::int64_t time_ms);
  void write(Entry& entry, double value, std::int64_t time_ms);
  void write_waiting();
  void sweep();
  [[nodiscard]] bool sweep(Entry& entry);
  void end(Entry& entry);
  void erase(Entry& entry);

  const SampleOptions options_;
  std::unordered_map<std::string, Series> series_;
  std::vector<Entry*> order_;   ///< all of series_, to go on where a sweep was left
  std::deque<Entry*> waiting_;  ///< some of them do not wait any more
  std::unique_ptr<remote_write::TimeSeries> point_;
  std::string* to_ = nullptr;
  std::int64_t now_ms_ = 0;
  std::uint64_t pass_ = 1;  ///< the one whose rows come now
  std::size_t sweep_at_ = 0;
  bool is_sweeping_ = false;
  std::atomic<std::uint64_t> suppressed_{0};
};

}  // namespace hopscope::exporter
