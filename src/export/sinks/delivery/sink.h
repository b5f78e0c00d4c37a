#pragma once
// The contract of every sink: make a record of an item; take a batch of records and say what became
// of it. Queueing, retries, spool, state and counters are Delivery's, the same for all.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "export/sinks/delivery/item.h"
#include "export/sinks/delivery/record.h"

namespace hopscope::exporter {

/// What became of a batch.
struct Outcome {
  enum class Result : std::uint8_t {
    kDelivered,  ///< the other side has it, but for `refused` records
    kRefused,    ///< it will never take it
    kTooLarge,   ///< it may take a smaller one
    kTryAgain,   ///< not now
    kPartly,     ///< `taken` of them, one at least; the others may be asked about at once
  };

  Result result = Result::kDelivered;
  /// For a batch that was not delivered whole: its first records that were, including `refused`.
  std::size_t taken = 0;
  std::uint64_t refused = 0;  ///< of those that were delivered
  std::string detail{};       ///< for people: what the other side said; of kDelivered: of `refused`
  /// Wait at least this long before the next attempt; empty: the caller decides.
  std::optional<std::chrono::milliseconds> retry_after{};
  /// The connection of the previous batch had ended unexpectedly.
  bool reconnected = false;
};

class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;

  /// What it is, for people and for the label `kind`: "file", "influxdb", ...
  [[nodiscard]] virtual std::string_view kind() const noexcept = 0;

  /// The encoding of its records, in at most 28 letters. deliver() cannot read records of another
  /// encoding, made by another kind of sink or with other settings.
  [[nodiscard]] virtual std::string content() const { return std::string(kind()); }

  // Making records: one thread at a time; shares nothing with deliver().

  /// Appends what there is to be said of the item: nothing, and there is no record; or several of
  /// them, where first_record() tells them apart.
  virtual void encode(const Item& item, std::int64_t now_ns, std::string& records) = 0;
  /// Length of the first of the records that encode() or end_of_rows() appended; they are not
  /// empty.
  [[nodiscard]] virtual std::size_t first_record(std::string_view records) const {
    return records.size();
  }
  /// Whether it wants a row of every flow: there may be millions.
  [[nodiscard]] virtual bool wants_flows() const noexcept { return false; }
  /// All rows of the tables were encoded since the last call: appends what follows from that.
  virtual void end_of_rows(std::int64_t /*now_ns*/, std::string& /*records*/) {}

  // Delivering: one thread, the delivery's own.

  /// May take as long as its time-out; returns soon once `hurry()` was called.
  [[nodiscard]] virtual Outcome deliver(std::span<const Record> batch) = 0;
  /// The connection over which the last batch went still stands, or there is none to lose.
  [[nodiscard]] virtual bool is_connected() { return true; }
  /// Opens files anew and reads secrets again (SIGHUP). Returns what went wrong.
  virtual std::string reopen() { return ""; }

  /// Values that it left out because of a cap on series. Any thread.
  [[nodiscard]] virtual std::uint64_t suppressed() const noexcept { return 0; }
  /// The end is near: no waiting from now on. Any thread.
  virtual void hurry() noexcept {}
};

}  // namespace hopscope::exporter
