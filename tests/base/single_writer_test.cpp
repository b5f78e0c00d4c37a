#include "base/single_writer.h"

#include <gtest/gtest.h>

#include <thread>

namespace hopscope {
namespace {

struct Row {
  std::uint32_t sequence;
  std::uint32_t a;
  std::uint64_t b;
  std::array<std::uint64_t, 6> rest;
};

TEST(SingleWriter, Row_read_while_written_is_never_torn) {
  Row row{};
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::uint32_t n = 1; !stop.load(std::memory_order_relaxed); ++n) {
      const RowWriter lock(row.sequence);
      put(row.a, n);
      put(row.b, n);
      for (auto& value : row.rest) put(value, n);
    }
  });
  std::uint64_t reads = 0;
  std::uint32_t newest = 0;
  while (reads < 20'000) {
    Row copy{};
    if (!read_row(row, copy)) continue;
    ++reads;
    ASSERT_EQ(copy.b, copy.a);
    for (const auto value : copy.rest) ASSERT_EQ(value, copy.a);
    ASSERT_GE(copy.a, newest);
    newest = copy.a;
    std::this_thread::yield();
  }
  stop = true;
  writer.join();
}

TEST(SingleWriter, Row_overwritten_keeps_its_sequence_number) {
  Row row{.sequence = 6, .a = 1, .b = 2, .rest = {}};
  const Row value{.sequence = 99, .a = 3, .b = 4, .rest = {5, 6, 7, 8, 9, 10}};
  put_row(row, value);
  EXPECT_EQ(row.sequence, 6U);
  EXPECT_EQ(row.a, 3U);
  EXPECT_EQ(row.b, 4U);
  EXPECT_EQ(row.rest, value.rest);
}

TEST(SingleWriter, Counter_read_while_written_never_decreases) {
  Counter counter;
  std::thread writer([&] {
    for (int i = 0; i < 100'000; ++i) counter.add(2);
  });
  std::uint64_t seen = 0;
  while (seen < 200'000) {
    const std::uint64_t now = counter.get();
    ASSERT_GE(now, seen);
    seen = now;
  }
  writer.join();
  EXPECT_EQ(counter.get(), 200'000U);
}

}  // namespace
}  // namespace hopscope
