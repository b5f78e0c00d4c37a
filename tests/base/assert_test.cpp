// Broken contracts are caught where assertions are on, and cost nothing where they are off.

#include "base/assert.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <thread>

#include "base/fixed_array.h"
#include "base/single_writer.h"

namespace hopscope {
namespace {

#if defined(HOPSCOPE_ASSERTIONS)

/// The bug that this finds: two workers write one row. Each leaves the sequence number even at the
/// end, so readers take rows that are half of each; without the assertion no call fails and only
/// values in a dashboard are wrong, now and then.
void write_row_from_two_workers() {
  std::uint32_t sequence = 0;
  const RowWriter first(sequence);
  std::thread([&sequence] { const RowWriter second(sequence); }).join();
}

TEST(AssertDeathTest, Row_with_two_writers_is_caught) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(write_row_from_two_workers(), "single_writer.h:.*assertion failed: .*start_ & 1");
}

TEST(AssertDeathTest, Row_changed_behind_its_writer_is_caught) {
  const auto overwrite = [] {
    std::uint32_t sequence = 4;
    const RowWriter writer(sequence);
    sequence = 0;  // as clearing a row while it is written would
  };
  EXPECT_DEATH(overwrite(), "assertion failed: sequence_ == start_ \\+ 1");
}

TEST(AssertDeathTest, Array_index_out_of_range_is_caught) {
  FixedArray<std::uint64_t> array(8);
  EXPECT_EQ(array[7], 0U);
  EXPECT_DEATH(array[8] = 1, "fixed_array.h:.*assertion failed: i < count_");
}

#else

TEST(Assert, Condition_in_release_is_not_evaluated) {
  int evaluated = 0;
  HOPSCOPE_ASSERT(++evaluated != 0);
  EXPECT_EQ(evaluated, 0);
}

#endif

}  // namespace
}  // namespace hopscope
