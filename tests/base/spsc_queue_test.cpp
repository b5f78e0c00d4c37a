#include "base/spsc_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace hopscope {
namespace {

TEST(SpscQueue, Push_into_full_queue_returns_what_fitted) {
  SpscQueue<int> queue(4);
  const std::array<int, 6> items{1, 2, 3, 4, 5, 6};
  EXPECT_EQ(queue.push(items.data(), items.size()), 4U);
  EXPECT_FALSE(queue.push(7));
  std::array<int, 6> taken{};
  EXPECT_EQ(queue.pop(taken.data(), taken.size()), 4U);
  EXPECT_EQ(taken[3], 4);
  EXPECT_EQ(queue.room(), 4U);
}

TEST(SpscQueue, Items_between_two_threads_keep_their_order) {
  constexpr std::uint64_t kItems = 1'000'000;
  SpscQueue<std::uint64_t> queue(1024);
  std::thread producer([&] {
    std::uint64_t next = 0;
    std::array<std::uint64_t, 64> batch;
    while (next < kItems) {
      std::size_t count = 0;
      while (count < batch.size() && next + count < kItems) {
        batch[count] = next + count;
        ++count;
      }
      next += queue.push(batch.data(), count);
    }
  });
  std::uint64_t expected = 0;
  std::array<std::uint64_t, 64> batch;
  while (expected < kItems) {
    const std::size_t count = queue.pop(batch.data(), batch.size());
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(batch[i], expected++);
  }
  producer.join();
}

}  // namespace
}  // namespace hopscope
