#include "export/sinks/spool/number_runs.h"

#include <algorithm>
#include <utility>

namespace hopscope::exporter {

void NumberRuns::add(std::uint64_t number) {
  if (!runs_.empty() && runs_.back().below == number) {
    ++runs_.back().below;
    return;
  }
  const std::uint64_t before =
      runs_.empty() ? 0 : runs_.back().before + runs_.back().below - runs_.back().first;
  runs_.push_back({.first = number, .below = number + 1, .before = before});
}

std::uint64_t NumberRuns::count_below(std::uint64_t number) const noexcept {
  const auto after = std::partition_point(runs_.begin(), runs_.end(),
                                          [number](const Run& run) { return run.first < number; });
  if (after == runs_.begin()) return runs_.empty() ? 0 : runs_.front().before;
  const Run& run = *std::prev(after);
  return run.before + std::min(number, run.below) - run.first;
}

std::uint64_t NumberRuns::count(std::uint64_t from, std::uint64_t below) const noexcept {
  return from < below ? count_below(below) - count_below(from) : 0;
}

std::uint64_t NumberRuns::size() const noexcept {
  if (runs_.empty()) return 0;
  return runs_.back().before + runs_.back().below - runs_.back().first - runs_.front().before;
}

void NumberRuns::erase_front(std::uint64_t below) noexcept {
  while (!runs_.empty() && runs_.front().below <= below) runs_.pop_front();
  if (runs_.empty() || runs_.front().first >= below) return;
  runs_.front().before += below - runs_.front().first;
  runs_.front().first = below;
}

std::uint64_t NumberRuns::erase(std::uint64_t from, std::uint64_t below) {
  const std::uint64_t erased = count(from, below);
  if (erased == 0) return 0;
  if (from <= first()) {
    erase_front(below);
    return erased;
  }
  // From the middle, for damaged segments only: built anew.
  std::deque<Run> rest;
  std::uint64_t before = 0;
  const auto keep = [&](std::uint64_t begin, std::uint64_t end) {
    if (begin >= end) return;
    rest.push_back({.first = begin, .below = end, .before = before});
    before += end - begin;
  };
  for (const Run& run : runs_) {
    keep(run.first, std::min(run.below, from));
    keep(std::max(run.first, below), run.below);
  }
  runs_ = std::move(rest);
  return erased;
}

}  // namespace hopscope::exporter
