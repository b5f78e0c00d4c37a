#pragma once
// The senders that spoke last, each with the row of its sequence numbers, so that a report need not
// look that up by the whole key. A line of two entries per hash: a newcomer drives out the older.

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/fixed_array.h"
#include "base/single_writer.h"
#include "pipeline/tables/sender.h"
#include "pipeline/tables/slot_index.h"

namespace hopscope::pipeline {

class RecentSenders {
 public:
  /// The row of the sender; SlotIndex::kNone: it is not among them.
  [[nodiscard]] std::uint32_t row_of(const SenderWords& sender) const noexcept {
    const Line& line = lines_[line_of(sender)];
    if (line[0].words == sender) return line[0].row;
    return line[1].words == sender ? line[1].row : SlotIndex::kNone;
  }

  /// Of a sender that is not among them.
  void add(const SenderWords& sender, std::uint32_t row) noexcept {
    Line& line = lines_[line_of(sender)];
    line[1] = line[0];
    line[0] = {.words = sender, .row = row};
  }

  /// Forgets all: a row may have become another sender's.
  void clear() noexcept {
    for (std::size_t i = 0; i < kLines; ++i) lines_[i] = {};
  }

 private:
  struct Entry {
    SenderWords words;
    std::uint32_t row = SlotIndex::kNone;
  };
  using Line = std::array<Entry, 2>;
  static_assert(sizeof(Line) == kCacheLine);

  static constexpr std::size_t kLines = 1024;

  static std::size_t line_of(const SenderWords& sender) noexcept { return sender.mix() % kLines; }

  FixedArray<Line> lines_{kLines};
};

}  // namespace hopscope::pipeline
