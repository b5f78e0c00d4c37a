#pragma once
// A set of ascending numbers, kept as runs without a gap: which records a spool holds, to the
// record.

#include <cstdint>
#include <deque>

namespace hopscope::exporter {

class NumberRuns {
 public:
  /// `number` must be above all others.
  void add(std::uint64_t number);
  /// How many lie in [from, below).
  [[nodiscard]] std::uint64_t count(std::uint64_t from, std::uint64_t below) const noexcept;
  /// Takes those in [from, below) out; returns how many.
  std::uint64_t erase(std::uint64_t from, std::uint64_t below);

  [[nodiscard]] bool empty() const noexcept { return runs_.empty(); }
  [[nodiscard]] std::uint64_t size() const noexcept;
  /// The lowest; not of an empty set.
  [[nodiscard]] std::uint64_t first() const noexcept { return runs_.front().first; }

 private:
  struct Run {
    std::uint64_t first;
    std::uint64_t below;
    std::uint64_t before;  ///< numbers in all runs before this one, those erased at the front too
  };

  [[nodiscard]] std::uint64_t count_below(std::uint64_t number) const noexcept;
  void erase_front(std::uint64_t below) noexcept;

  std::deque<Run> runs_;
};

}  // namespace hopscope::exporter
