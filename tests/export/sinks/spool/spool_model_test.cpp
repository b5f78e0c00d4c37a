// The spool against a set of numbers, by random operations: appending with gaps, reading from
// anywhere, acknowledging, limits, restarts. After each step both must say the same.

#include <gtest/gtest.h>

#include <iterator>
#include <memory>
#include <random>
#include <set>

#include "export/sinks/spool/number_runs.h"
#include "export/sinks/spool/spool.h"
#include "support/spool_bed.h"
#include "support/temporary_directory.h"

namespace hopscope::exporter {
namespace {

using test::kSecond;
using test::kStart;

class Model {
 public:
  Model(const SpoolOptions& options, std::uint64_t seed)
      : options_(options), random_(seed), spool_(std::make_unique<Spool>(options)) {}

  void step() {
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        append();
        break;
      case 4:
      case 5:
        tick();
        break;
      case 6:
        take_away(test::tick_until_written(*spool_, now_));
        break;
      case 7:
      case 8:
        read();
        break;
      case 9:
        acknowledge();
        break;
      case 10:
        if (below(4) == 0) restart();
        break;
      default:
        now_ += static_cast<std::int64_t>(below(3) * kSecond);
    }
    compare();
  }

  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  [[nodiscard]] std::uint64_t read_back() const noexcept { return read_back_; }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  void append() {
    for (auto count = below(60); count > 0; --count) {
      const std::uint64_t number = end_ + (below(10) == 0 ? below(5) : 0);
      const auto result = test::append(*spool_, number, below(4) == 0 ? below(400) : 30);
      if (result == Spool::Append::kNoRoom) {
        tick();
        continue;
      }
      ASSERT_EQ(result, Spool::Append::kTaken);
      there_.insert(number);
      end_ = number + 1;
    }
  }

  void take_away(const Spool::Removed& removed) {
    const auto gone = there_.lower_bound(removed.below);
    const auto unread = there_.lower_bound(read_below_);
    std::uint64_t lost = 0;
    if (unread != there_.end() && *unread < removed.below) {
      lost = static_cast<std::uint64_t>(std::distance(unread, gone));
    }
    ASSERT_EQ(removed.for_size + removed.for_age, lost);
    lost_ += lost;
    there_.erase(there_.begin(), gone);
  }
  void tick() { take_away(spool_->tick(now_)); }

  void read() {
    std::vector<Spool::Stored> got;
    const std::uint64_t first = there_.empty() ? end_ : *there_.begin();
    const std::uint64_t from = below(2) == 0 ? first : first + below(end_ - first + 2);
    const std::size_t most = 1 + below(100);
    spool_->read(from, most, below(3) == 0 ? 1 + below(3000) : 1 << 20, got);
    auto expected = there_.lower_bound(from);
    for (const auto& one : got) {
      ASSERT_EQ(one.record.substr(0, test::record_text(one.number).size()),
                test::record_text(one.number));
      ASSERT_NE(expected, there_.end());
      ASSERT_EQ(one.number, *expected++);
    }
    if (got.empty()) {
      ASSERT_EQ(expected, there_.end());
    } else {
      read_below_ = std::max(read_below_, got.back().number + 1);
      read_back_ += got.size();
    }
  }

  void acknowledge() {
    const std::uint64_t first = there_.empty() ? end_ : *there_.begin();
    const std::uint64_t limit = std::max(first, read_below_);
    const std::uint64_t until = first + below(limit - first + 1);
    spool_->acknowledge(until);
    there_.erase(there_.begin(), there_.lower_bound(until));
  }

  void restart() {
    ASSERT_TRUE(spool_->flush()) << spool_->failure();
    tick();
    compare();
    spool_.reset();
    spool_ = std::make_unique<Spool>(options_);
    read_below_ = 0;
  }

  void compare() {
    // Limits work in append() too and are told by the next tick.
    tick();
    ASSERT_EQ(spool_->records(), there_.size());
    ASSERT_EQ(spool_->end(), end_);
    ASSERT_EQ(spool_->first(), there_.empty() ? end_ : *there_.begin());
    ASSERT_FALSE(spool_->is_failing()) << spool_->failure();
    ASSERT_EQ(spool_->counters().corrupt_records, 0U);
  }

  SpoolOptions options_;
  std::mt19937_64 random_;
  std::unique_ptr<Spool> spool_;
  std::set<std::uint64_t> there_;
  std::uint64_t end_ = 0;
  std::uint64_t read_below_ = 0;
  std::int64_t now_ = kStart;
  std::uint64_t lost_ = 0;
  std::uint64_t read_back_ = 0;
};

class SpoolModelTest : public testing::TestWithParam<SpoolEngine> {};

TEST_P(SpoolModelTest, SaysTheSameAsASet) {
  std::uint64_t lost = 0;
  std::uint64_t read_back = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const test::TemporaryDirectory directory;
    SpoolOptions options;
    options.directory = directory.path();
    options.engine = GetParam();
    options.segment_bytes = 1 << (9 + seed % 4);
    options.max_bytes = seed % 3 == 0 ? 1 << 30 : 24 << 10;
    options.buffer_bytes = 4096;
    Model model(options, seed);
    for (int i = 0; i < 600 && !testing::Test::HasFailure(); ++i) model.step();
    if (HasFailure()) return;
    lost += model.lost();
    read_back += model.read_back();
  }
  EXPECT_GT(lost, 100U);
  EXPECT_GT(read_back, 1000U);
}

INSTANTIATE_TEST_SUITE_P(Engines, SpoolModelTest,
                         testing::Values(SpoolEngine::kAuto, SpoolEngine::kThread),
                         [](const auto& tested) {
                           return tested.param == SpoolEngine::kAuto ? "uring" : "thread";
                         });

TEST(NumberRuns, CountAsASetDoes) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    NumberRuns runs;
    std::set<std::uint64_t> model;
    std::uint64_t next = 0;
    for (int i = 0; i < 60; ++i) {
      next += random() % 3 == 0 ? random() % 4 : 0;
      if (random() % 4 != 0) {
        runs.add(next);
        model.insert(next++);
      }
      const std::uint64_t from = random() % 3 == 0 ? random() % (next + 2) : 0;
      const std::uint64_t below = random() % (next + 3);
      std::uint64_t count = 0;
      for (const std::uint64_t one : model) count += one >= from && one < below ? 1 : 0;
      ASSERT_EQ(runs.count(from, below), count);
      if (random() % 6 == 0) {
        ASSERT_EQ(runs.erase(from, below), count);
        std::erase_if(model, [&](std::uint64_t one) { return one >= from && one < below; });
      }
      ASSERT_EQ(runs.size(), model.size());
      ASSERT_EQ(runs.empty(), model.empty());
      if (!model.empty()) {
        ASSERT_EQ(runs.first(), *model.begin());
      }
    }
  }
}

}  // namespace
}  // namespace hopscope::exporter
