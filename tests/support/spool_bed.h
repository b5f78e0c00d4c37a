#pragma once
// What tests of the spool share: records that can be told from each other, a clock that only the
// test moves, and waiting until the disk has done its part.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "export/sinks/spool/spool.h"

namespace hopscope::test {

using exporter::Spool;
using exporter::SpoolEngine;
using exporter::SpoolOptions;

inline constexpr std::int64_t kSecond = 1'000'000'000;
inline constexpr std::int64_t kStart = 1'700'000'000 * kSecond;

/// Says which record it is, and has `size` bytes at least.
inline std::string record_text(std::uint64_t number, std::size_t size = 0) {
  std::string text = "record " + std::to_string(number) + " ";
  while (text.size() < size) text += static_cast<char>('a' + (number + text.size()) % 26);
  return text;
}

inline std::int64_t record_time(std::uint64_t number) {
  return kStart + static_cast<std::int64_t>(number) * 1000;
}

[[nodiscard]] inline Spool::Append append(Spool& spool, std::uint64_t number,
                                          std::size_t size = 0) {
  return spool.append(number, record_text(number, size), record_time(number));
}

/// Ticks at time `now_ns` until `done()`; fails the test after a long time.
template <typename Done>
Spool::Removed tick_until(Spool& spool, const Done& done, std::int64_t now_ns = kStart) {
  Spool::Removed all;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (true) {
    const Spool::Removed removed = spool.tick(now_ns);
    all.below = removed.below;
    all.for_size += removed.for_size;
    all.for_age += removed.for_age;
    if (done()) return all;
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "the disk does not get done: " << spool.failure();
      return all;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

inline Spool::Removed tick_until_written(Spool& spool, std::int64_t now_ns = kStart) {
  return tick_until(
      spool, [&spool] { return spool.unwritten() == 0; }, now_ns);
}

/// Numbers [from, below), each taken.
inline void append_all(Spool& spool, std::uint64_t from, std::uint64_t below,
                       std::size_t size = 0) {
  for (std::uint64_t number = from; number < below; ++number) {
    Spool::Append result = append(spool, number, size);
    for (int i = 0; result == Spool::Append::kNoRoom && i < 100'000; ++i) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      result = append(spool, number, size);
    }
    ASSERT_EQ(result, Spool::Append::kTaken) << number << ' ' << spool.failure();
  }
}

inline std::vector<Spool::Stored> read_all(Spool& spool, std::uint64_t from = 0) {
  std::vector<Spool::Stored> all;
  while (spool.read(from, 1000, 1 << 20, all) > 0) from = all.back().number + 1;
  return all;
}

inline std::vector<std::uint64_t> numbers_of(const std::vector<Spool::Stored>& records) {
  std::vector<std::uint64_t> numbers;
  for (const auto& one : records) numbers.push_back(one.number);
  return numbers;
}

/// [from, below)
inline std::vector<std::uint64_t> count_up(std::uint64_t from, std::uint64_t below) {
  std::vector<std::uint64_t> numbers;
  for (; from < below; ++from) numbers.push_back(from);
  return numbers;
}

/// Each is what was appended under its number, in order.
inline void expect_right(const std::vector<Spool::Stored>& records, std::size_t size = 0) {
  for (std::size_t i = 0; i < records.size(); ++i) {
    ASSERT_EQ(records[i].record, record_text(records[i].number, size));
    ASSERT_EQ(records[i].time_ns, record_time(records[i].number));
    if (i > 0) {
      ASSERT_GT(records[i].number, records[i - 1].number);
    }
  }
}

/// Paths of the segments, oldest first.
inline std::vector<std::filesystem::path> segments_in(const std::string& directory) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".segment") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

inline std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void set_content(const std::filesystem::path& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
}

}  // namespace hopscope::test
