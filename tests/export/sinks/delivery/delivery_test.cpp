// Delivery in front of sinks that behave in every way they can. No test waits for a time to pass;
// all wait for what must happen.

#include "export/sinks/delivery/delivery.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <random>
#include <set>

#include "base/setup_error.h"
#include "export/sinks/spool/record_format.h"

namespace hopscope::exporter {
namespace {

using Result = Outcome::Result;

/// Makes a record of the new value of an event, and lets the test say what becomes of batches.
class TestSink final : public Sink {
 public:
  using Deliver = std::function<Outcome(std::span<const Record>)>;

  explicit TestSink(Deliver deliver) : deliver_(std::move(deliver)) {}

  [[nodiscard]] std::string_view kind() const noexcept override { return "test"; }
  void encode(const Item& item, std::int64_t /*now_ns*/, std::string& record) override {
    if (const auto* event = std::get_if<const pipeline::Event*>(&item)) {
      record = std::to_string((*event)->new_value);
    }
  }
  [[nodiscard]] Outcome deliver(std::span<const Record> batch) override { return deliver_(batch); }

 private:
  Deliver deliver_;
};

/// What arrived, and when enough did.
class Arrived {
 public:
  void add(std::span<const Record> batch) {
    const std::lock_guard lock(mutex_);
    for (const Record& record : batch) values_.push_back(std::stoul(record.bytes));
    moved_.notify_all();
  }
  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return values_.size() >= count; });
  }
  [[nodiscard]] std::vector<std::uint64_t> values() {
    const std::lock_guard lock(mutex_);
    return values_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable moved_;
  std::vector<std::uint64_t> values_;
};

DeliveryOptions quick() {
  DeliveryOptions options;
  options.batch_records = 10;
  options.batch_age_s = 0;
  options.retry_first_s = 0.01;
  options.retry_most_s = 0.01;
  return options;
}

std::vector<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> all(to - from);
  std::iota(all.begin(), all.end(), from);
  return all;
}

void offer(Delivery& delivery, std::uint64_t from, std::uint64_t to) {
  pipeline::Event event;
  for (std::uint64_t i = from; i < to; ++i) {
    event.new_value = i;
    delivery.offer(&event, static_cast<std::int64_t>(i));
  }
}

/// The same, `at_once` of them at a time, none of which the disk has no room for.
void offer_slowly(Delivery& delivery, std::uint64_t from, std::uint64_t to, std::uint64_t at_once) {
  for (std::uint64_t i = from; i < to; i += at_once) {
    offer(delivery, i, i + at_once);
    delivery.wait_for_room(std::chrono::seconds(30));
  }
}

std::uint64_t dropped(const DeliveryCounts& counts) {
  return sum_of(counts.dropped);
}

std::uint64_t dropped(const DeliveryCounts& counts, DropReason reason) {
  return counts.dropped[static_cast<std::size_t>(reason)];
}

void expect_all_accounted_for(const DeliveryCounts& counts) {
  EXPECT_EQ(counts.produced + counts.recovered,
            counts.delivered + counts.in_memory + counts.in_spool + dropped(counts));
}

/// In memory and in the spool at one moment: between two looks records move from one to the other.
std::uint64_t waiting(const Delivery& delivery) {
  const DeliveryCounts counts = delivery.counts();
  return counts.in_memory + counts.in_spool;
}

std::unique_ptr<TestSink> sink(TestSink::Deliver deliver) {
  return std::make_unique<TestSink>(std::move(deliver));
}

TEST(Delivery, DeliversInOrderAndInBatches) {
  Arrived arrived;
  std::atomic<std::size_t> largest{0};
  Delivery delivery("test", sink([&](auto batch) {
                      largest = std::max(largest.load(), batch.size());
                      arrived.add(batch);
                      return Outcome{};
                    }),
                    quick(), nullptr);
  offer(delivery, 0, 25);
  EXPECT_EQ(delivery.counts().in_memory, 25U);
  delivery.start();
  arrived.wait_for(25);
  delivery.stop();
  EXPECT_EQ(arrived.values(), numbers(0, 25));
  EXPECT_EQ(largest, 10U);
  EXPECT_EQ(delivery.counts().delivered, 25U);
  EXPECT_EQ(delivery.counts().batches, 3U);
  EXPECT_EQ(delivery.counts().bytes_delivered, 10U + 2U * 15U);
  EXPECT_EQ(delivery.counts().state, SinkState::kOk);
  expect_all_accounted_for(delivery.counts());
}

TEST(Delivery, TriesAgainUntilItIsTaken) {
  Arrived arrived;
  std::atomic<int> failures{5};
  Delivery delivery("test", sink([&](auto batch) {
                      if (failures-- > 0) {
                        Outcome busy;
                        busy.result = Result::kTryAgain;
                        busy.detail = "busy";
                        return busy;
                      }
                      arrived.add(batch);
                      return Outcome{};
                    }),
                    quick(), nullptr);
  delivery.start();
  offer(delivery, 0, 30);
  arrived.wait_for(30);
  delivery.stop();
  EXPECT_EQ(arrived.values(), numbers(0, 30));
  EXPECT_EQ(delivery.counts().retries, 5U);
  EXPECT_EQ(dropped(delivery.counts()), 0U);
  EXPECT_EQ(delivery.trouble(), "");
}

TEST(Delivery, WhatIsRefusedIsCountedAndToldOnce) {
  Arrived arrived;
  std::vector<std::string> told;
  Delivery delivery("test", sink([&](auto batch) {
                      arrived.add(batch);
                      Outcome no;
                      no.result = Result::kRefused;
                      no.detail = "never";
                      return no;
                    }),
                    quick(), [&](const std::string& what) { told.push_back(what); });
  offer(delivery, 0, 30);
  delivery.start();
  arrived.wait_for(30);
  delivery.stop();
  const DeliveryCounts counts = delivery.counts();
  EXPECT_EQ(counts.delivered, 0U);
  EXPECT_EQ(dropped(counts, DropReason::kRefused), 30U);
  EXPECT_EQ(counts.state, SinkState::kDropping);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0], "sink test: refused 10 records, the first of them \"0\": never");
  expect_all_accounted_for(counts);
}

TEST(Delivery, ARefusalIsToldThoughAnotherTroubleWas) {
  std::atomic<int> asked{0};
  std::vector<std::string> told;
  Delivery delivery("test", sink([&](auto) {
                      Outcome no;
                      no.result = asked++ == 0 ? Result::kTryAgain : Result::kRefused;
                      no.detail = no.result == Result::kTryAgain ? "busy" : "never";
                      return no;
                    }),
                    quick(), [&](const std::string& what) { told.push_back(what); });
  offer(delivery, 0, 30);
  delivery.start();
  delivery.stop();
  EXPECT_EQ(dropped(delivery.counts(), DropReason::kRefused), 30U);
  EXPECT_EQ(told, (std::vector<std::string>{
                      "sink test: tries again: busy",
                      "sink test: refused 10 records, the first of them \"0\": never"}));
}

TEST(Delivery, WhatWaitsForAnotherTryIsTriedOnceMoreAtTheEnd) {
  Arrived arrived;
  std::atomic<bool> is_busy{true};
  std::atomic<int> asked{0};
  DeliveryOptions options = quick();
  options.retry_first_s = options.retry_most_s = 3600;
  options.stop_timeout_s = 60;
  Delivery delivery("test", sink([&](auto batch) {
                      ++asked;
                      Outcome outcome;
                      outcome.result = is_busy ? Result::kTryAgain : Result::kDelivered;
                      if (!is_busy) arrived.add(batch);
                      return outcome;
                    }),
                    options, nullptr);
  offer(delivery, 0, 30);  // before the start, so that its batches are whole ones
  delivery.start();
  while (delivery.counts().retries == 0) std::this_thread::yield();
  is_busy = false;
  delivery.stop();
  EXPECT_EQ(asked, 4);
  EXPECT_EQ(arrived.values(), numbers(0, 30));
}

TEST(Delivery, PartOfABatchMayBeRefusedOrTaken) {
  Arrived arrived;
  int call = 0;
  Delivery delivery("test", sink([&](auto batch) {
                      Outcome outcome;
                      if (call++ == 0) {
                        outcome.result = Result::kTryAgain;
                        outcome.taken = 4;
                        arrived.add(batch.first(4));
                        return outcome;
                      }
                      outcome.refused = 1;
                      arrived.add(batch);
                      return outcome;
                    }),
                    quick(), nullptr);
  offer(delivery, 0, 10);
  delivery.start();
  arrived.wait_for(10);
  delivery.stop();
  EXPECT_EQ(arrived.values(), numbers(0, 10));
  EXPECT_EQ(delivery.counts().delivered, 9U);
  EXPECT_EQ(dropped(delivery.counts()), 1U);
  expect_all_accounted_for(delivery.counts());
}

TEST(Delivery, ABatchMayBeSettledInParts) {
  Arrived arrived;
  Delivery delivery("test", sink([&](std::span<const Record> batch) {
                      Outcome outcome;
                      if (batch.size() == 1) {
                        arrived.add(batch);
                        return outcome;
                      }
                      outcome.result = Result::kPartly;
                      outcome.taken = 2;
                      outcome.refused = 1;
                      outcome.detail = "never";
                      arrived.add(batch.first(2));
                      return outcome;
                    }),
                    quick(), nullptr);
  delivery.start();
  offer(delivery, 0, 30);
  arrived.wait_for(30);
  delivery.stop();
  const DeliveryCounts counts = delivery.counts();
  EXPECT_EQ(arrived.values(), numbers(0, 30));
  EXPECT_EQ(counts.delivered + dropped(counts, DropReason::kRefused), 30U);
  EXPECT_GE(dropped(counts, DropReason::kRefused), 1U);
  EXPECT_EQ(counts.retries, 0U);
  expect_all_accounted_for(counts);
}

TEST(Delivery, AnItemMayBeSeveralRecords) {
  /// Two for an odd value, none for an even one.
  class Pairs final : public Sink {
   public:
    explicit Pairs(Arrived& arrived) : arrived_(arrived) {}
    [[nodiscard]] std::string_view kind() const noexcept override { return "pairs"; }
    void encode(const Item& item, std::int64_t /*now_ns*/, std::string& records) override {
      const std::uint64_t value = std::get<const pipeline::Event*>(item)->new_value;
      if (value % 2 == 1) records = fmt::format("{}\n{}\n", value, value + 1);
    }
    [[nodiscard]] std::size_t first_record(std::string_view records) const override {
      return records.find('\n') + 1;
    }
    [[nodiscard]] Outcome deliver(std::span<const Record> batch) override {
      arrived_.add(batch);
      return {};
    }

   private:
    Arrived& arrived_;
  };
  Arrived arrived;
  Delivery delivery("test", std::make_unique<Pairs>(arrived), quick(), nullptr);
  offer(delivery, 1, 21);
  EXPECT_EQ(delivery.counts().produced, 20U);
  delivery.start();
  delivery.stop();
  EXPECT_EQ(arrived.values(), numbers(1, 21));
  EXPECT_EQ(delivery.counts().delivered, 20U);
  EXPECT_EQ(delivery.counts().batches, 2U);
}

TEST(Delivery, ABatchThatIsTooLargeIsHalved) {
  Arrived arrived;
  Delivery delivery("test", sink([&](auto batch) {
                      Outcome outcome;
                      // The record 7 is too large by itself.
                      const bool has_7 = std::any_of(batch.begin(), batch.end(),
                                                     [](const auto& r) { return r.bytes == "7"; });
                      if (batch.size() > 3 || has_7) {
                        outcome.result = Result::kTooLarge;
                        return outcome;
                      }
                      arrived.add(batch);
                      return outcome;
                    }),
                    quick(), nullptr);
  offer(delivery, 0, 20);
  delivery.start();
  arrived.wait_for(19);
  delivery.stop();
  std::vector<std::uint64_t> expected = numbers(0, 20);
  expected.erase(expected.begin() + 7);
  EXPECT_EQ(arrived.values(), expected);
  EXPECT_EQ(dropped(delivery.counts()), 1U);
  expect_all_accounted_for(delivery.counts());
}

TEST(Delivery, WithoutASpoolTheOldestGiveWay) {
  Arrived arrived;
  std::mutex gate;
  gate.lock();
  DeliveryOptions options = quick();
  options.memory_bytes = 100 * (2 + sizeof(Record));
  Delivery delivery("test", sink([&](auto batch) {
                      const std::lock_guard open(gate);
                      arrived.add(batch);
                      return Outcome{};
                    }),
                    options, nullptr);
  offer(delivery, 10, 90);
  offer(delivery, 10, 90);
  const DeliveryCounts full = delivery.counts();
  EXPECT_EQ(full.in_memory, 100U);
  EXPECT_EQ(dropped(full, DropReason::kMemoryFull), 60U);
  EXPECT_EQ(full.state, SinkState::kDropping);
  expect_all_accounted_for(full);
  delivery.start();
  gate.unlock();
  arrived.wait_for(100);
  delivery.stop();
  std::vector<std::uint64_t> expected = numbers(70, 90);
  for (const std::uint64_t number : numbers(10, 90)) expected.push_back(number);
  EXPECT_EQ(arrived.values(), expected);
  EXPECT_EQ(delivery.counts().state, SinkState::kOk);
}

class DeliveryWithSpool : public testing::Test {
 protected:
  DeliveryWithSpool() {
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    options_.spool.directory = directory_ + "/spool";
    options_.spool.sync_interval_s = 0.01;
    options_.spool.max_age_s = 0;  // the records of these tests are from 1970
    options_.memory_bytes = 50 * (4 + sizeof(Record));
    options_.replay_rate = 0;
    options_.stop_timeout_s = 0;
  }
  ~DeliveryWithSpool() override { std::filesystem::remove_all(directory_); }

  static Outcome busy() {
    Outcome outcome;
    outcome.result = Result::kTryAgain;
    outcome.detail = "busy";
    return outcome;
  }
  static std::unique_ptr<TestSink> dead() {
    return sink([](auto) { return busy(); });
  }

  DeliveryOptions options_ = quick();
  std::string directory_ = testing::TempDir() + "hopscope_XXXXXX";
};

TEST_F(DeliveryWithSpool, HoldsWhatMemoryDoesNot) {
  Arrived arrived;
  std::atomic<bool> is_up{false};
  Delivery delivery("test", sink([&](auto batch) {
                      if (!is_up) return busy();
                      arrived.add(batch);
                      return Outcome{};
                    }),
                    options_, nullptr);
  delivery.start();
  offer(delivery, 1000, 3000);
  const DeliveryCounts down = delivery.counts();
  EXPECT_GE(down.in_spool, 1900U);
  EXPECT_EQ(down.in_memory + down.in_spool, 2000U);
  EXPECT_EQ(down.state, SinkState::kSpooling);
  expect_all_accounted_for(down);
  is_up = true;
  arrived.wait_for(2000);
  offer(delivery, 3000, 4000);
  arrived.wait_for(3000);
  EXPECT_EQ(arrived.values(), numbers(1000, 4000));
  delivery.stop();
  EXPECT_EQ(delivery.counts().state, SinkState::kOk);
  EXPECT_EQ(delivery.counts().delivered, 3000U);
  expect_all_accounted_for(delivery.counts());
}

TEST_F(DeliveryWithSpool, WhatIsLeftAtTheEndIsDeliveredNextTime) {
  {
    Delivery first("test", dead(), options_, nullptr);
    first.start();
    offer(first, 1000, 2000);
    first.stop();
    EXPECT_EQ(first.counts().in_spool, 1000U);
    EXPECT_EQ(first.counts().in_memory, 0U);
    expect_all_accounted_for(first.counts());
  }
  Arrived arrived;
  {
    Delivery second("test", sink([&](auto batch) {
                      arrived.add(batch);
                      return Outcome{};
                    }),
                    options_, nullptr);
    EXPECT_EQ(second.counts().recovered, 1000U);
    EXPECT_EQ(second.counts().in_spool, 1000U);
    offer(second, 2000, 2100);
    second.start();
    arrived.wait_for(1100);
    second.stop();
    expect_all_accounted_for(second.counts());
  }
  EXPECT_EQ(arrived.values(), numbers(1000, 2100));
  Delivery third("test", dead(), options_, nullptr);
  EXPECT_EQ(third.counts().recovered, 0U);
}

TEST_F(DeliveryWithSpool, DamageIsCountedToTheRecordAndToldAtStart) {
  options_.spool.segment_bytes = 1 << 12;
  {
    Delivery first("test", dead(), options_, nullptr);
    offer(first, 1000, 2000);
    first.stop();
    EXPECT_EQ(first.counts().in_spool, 1000U);
  }
  std::set<std::filesystem::path> segments;
  for (const auto& file : std::filesystem::directory_iterator(options_.spool.directory)) {
    if (file.path().extension() == ".segment") segments.insert(file.path());
  }
  ASSERT_GT(segments.size(), 3U);
  const auto spoil = [](const std::filesystem::path& path, std::int64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file.put('\xff');
  };
  // The first record of all, and one in the newest segment with others behind it.
  constexpr auto kHeader = static_cast<std::int64_t>(kSegmentHeaderBytes);
  constexpr auto kRecord = static_cast<std::int64_t>(kRecordHeaderBytes) + 4;
  spoil(*segments.begin(), kHeader + kRecord - 1);
  spoil(*segments.rbegin(), kHeader + 3 * kRecord - 1);
  // Nobody had the time to say how many there were.
  std::filesystem::remove(options_.spool.directory + "/mark");

  Arrived arrived;
  std::vector<std::string> told;
  Delivery second("test", sink([&](auto batch) {
                    arrived.add(batch);
                    return Outcome{};
                  }),
                  options_, [&](const std::string& what) { told.push_back(what); });
  EXPECT_EQ(second.counts().recovered, 1000U);
  second.start();
  while (waiting(second) > 0) std::this_thread::yield();
  second.stop();
  const DeliveryCounts counts = second.counts();
  EXPECT_EQ(counts.delivered, 998U);
  EXPECT_EQ(dropped(counts, DropReason::kSpoolCorrupt), 2U);
  EXPECT_EQ(arrived.values().size(), 998U);
  EXPECT_EQ(arrived.values().front(), 1001U);
  EXPECT_EQ(arrived.values().back(), 1999U);
  expect_all_accounted_for(counts);
  EXPECT_EQ(told, (std::vector<std::string>{fmt::format(
                      "sink test: {} bytes of the spool are no whole records and cannot be "
                      "delivered",
                      2 * kRecord)}));
}

TEST_F(DeliveryWithSpool, RecordsOfAnotherSinkAreNotTaken) {
  class Other final : public Sink {
   public:
    [[nodiscard]] std::string_view kind() const noexcept override { return "other"; }
    void encode(const Item& /*item*/, std::int64_t /*now_ns*/, std::string& /*to*/) override {}
    [[nodiscard]] Outcome deliver(std::span<const Record> /*batch*/) override { return {}; }
  };
  {
    Delivery first("test", dead(), options_, nullptr);
    offer(first, 1000, 1010);
    first.stop();
  }
  EXPECT_THROW(Delivery("other", std::make_unique<Other>(), options_, nullptr), SetupError);
  const Delivery again("test", dead(), options_, nullptr);
  EXPECT_EQ(again.counts().recovered, 10U);
}

TEST_F(DeliveryWithSpool, WhatTheCapsTookIsNotSaidToBeOnTheDisk) {
  options_.spool.max_bytes = 1 << 20;
  options_.spool.segment_bytes = 1 << 16;
  options_.memory_bytes = 64 << 20;
  DeliveryCounts at_end;
  {
    Delivery first("test", dead(), options_, nullptr);
    first.start();
    offer_slowly(first, 100'000, 160'000, 1000);
    first.stop();
    at_end = first.counts();
  }
  expect_all_accounted_for(at_end);
  EXPECT_GT(dropped(at_end), 0U);
  const Delivery second("test", dead(), options_, nullptr);
  EXPECT_EQ(second.counts().recovered, at_end.in_spool);
}

TEST_F(DeliveryWithSpool, WhatADiskDoesNotTakeIsNotSaidToBeThere) {
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  DeliveryCounts at_end;
  {
    Delivery first("test", dead(), options_, nullptr);
    first.start();
    offer(first, 1000, 3000);
    while (first.counts().spool_unwritten > 0) first.wait_for_room(std::chrono::seconds(1));
    // From here on no file may grow.
    rlimit none = before;
    none.rlim_cur = 1;
    setrlimit(RLIMIT_FSIZE, &none);
    offer(first, 3000, 5000);
    first.stop();
    at_end = first.counts();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  expect_all_accounted_for(at_end);
  EXPECT_EQ(at_end.in_spool, 2000U);
  EXPECT_EQ(dropped(at_end), 2000U);
  const Delivery second("test", dead(), options_, nullptr);
  EXPECT_EQ(second.counts().recovered, at_end.in_spool);
}

TEST_F(DeliveryWithSpool, BeyondItsSizeTheOldestGo) {
  options_.spool.max_bytes = 1 << 20;
  options_.spool.segment_bytes = 1 << 16;
  Arrived arrived;
  std::atomic<bool> is_up{false};
  Delivery delivery("test", sink([&](auto batch) {
                      if (!is_up) return busy();
                      arrived.add(batch);
                      return Outcome{};
                    }),
                    options_, nullptr);
  delivery.start();
  constexpr std::uint64_t kMade = 60'000;
  offer_slowly(delivery, 100'000, 100'000 + kMade, 1000);
  const auto is_below = [&] { return dropped(delivery.counts(), DropReason::kSpoolSize) > 0; };
  while (!is_below()) delivery.wait_for_room(std::chrono::seconds(1));
  is_up = true;
  while (waiting(delivery) > 0) std::this_thread::yield();
  delivery.stop();
  const DeliveryCounts counts = delivery.counts();
  expect_all_accounted_for(counts);
  EXPECT_EQ(counts.produced, kMade);
  EXPECT_EQ(counts.delivered, arrived.values().size());
  EXPECT_EQ(counts.delivered + dropped(counts, DropReason::kSpoolSize), kMade)
      << testing::PrintToString(counts.dropped) << ' ' << delivery.trouble();
  EXPECT_EQ(arrived.values().back(), 100'000 + kMade - 1);
  const std::vector<std::uint64_t> values = arrived.values();
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
}

TEST_F(DeliveryWithSpool, WhatGivesWayWhileItIsReadBackIsNotDamaged) {
  options_.spool.max_bytes = 1 << 14;
  options_.spool.segment_bytes = 1 << 12;
  Arrived arrived;
  Delivery delivery("test", sink([&](auto batch) {
                      arrived.add(batch);
                      return Outcome{};
                    }),
                    options_, nullptr);
  delivery.start();
  constexpr std::uint64_t kMade = 150'000;
  // Faster than they can be read back.
  offer_slowly(delivery, 100'000, 100'000 + kMade, 100);
  while (waiting(delivery) > 0) std::this_thread::yield();
  delivery.stop();
  const DeliveryCounts counts = delivery.counts();
  EXPECT_GT(dropped(counts, DropReason::kSpoolSize), 0U);
  EXPECT_EQ(counts.delivered + dropped(counts, DropReason::kSpoolSize), kMade)
      << testing::PrintToString(counts.dropped);
  EXPECT_EQ(counts.delivered, arrived.values().size());
  expect_all_accounted_for(counts);
}

TEST_F(DeliveryWithSpool, DamageToTheLastOnesShowsThoughDeliveredOnesAreHeld) {
  options_.spool.segment_bytes = 1 << 12;
  options_.spool.keep_delivered_s = 3600;
  {
    Delivery first("test", dead(), options_, nullptr);
    first.start();
    offer(first, 1000, 2000);
    first.stop();
    EXPECT_EQ(first.counts().in_spool, 1000U);
  }
  Arrived arrived;
  Delivery second("test", sink([&](auto batch) {
                    arrived.add(batch);
                    return Outcome{};
                  }),
                  options_, nullptr);
  ASSERT_EQ(second.counts().recovered, 1000U);
  std::set<std::filesystem::path> segments;
  for (const auto& file : std::filesystem::directory_iterator(options_.spool.directory)) {
    if (file.path().extension() == ".segment") segments.insert(file.path());
  }
  ASSERT_GT(segments.size(), 2U);
  std::filesystem::resize_file(*segments.rbegin(), 100);
  second.start();
  while (waiting(second) > 0) std::this_thread::yield();
  second.stop();
  const DeliveryCounts counts = second.counts();
  EXPECT_GT(dropped(counts, DropReason::kSpoolCorrupt), 0U);
  EXPECT_EQ(counts.delivered + dropped(counts, DropReason::kSpoolCorrupt), 1000U);
  EXPECT_EQ(counts.in_spool, 0U);
  EXPECT_EQ(arrived.values(), numbers(1000, 1000 + counts.delivered));
  expect_all_accounted_for(counts);
}

/// Says yes to what it has in memory only, and is killed now and then.
class ForgetfulStore {
 public:
  explicit ForgetfulStore(unsigned seed) : random_(seed) {}

  Outcome take(std::span<const Record> batch) {
    const std::lock_guard lock(mutex_);
    if (is_away_) return busy();
    Outcome outcome;
    if (is_calm_ || kills_ == kMaxKills) {
      outcome.reconnected = std::exchange(was_killed_, false);
      keep(batch);
      return outcome;
    }
    switch (random_() % 12) {
      case 0:
        kill();
        return busy();
      case 1:  // between two batches, and up again at once
        kill();
        break;
      case 2:
        if (batch.size() == 1) break;
        outcome.result = Result::kTooLarge;
        return outcome;
      case 3:
        return busy();
      default:
        break;
    }
    outcome.reconnected = std::exchange(was_killed_, false);
    keep(batch);
    return outcome;
  }
  bool is_connected() {
    const std::lock_guard lock(mutex_);
    return !was_killed_;
  }
  void calm_down() {
    const std::lock_guard lock(mutex_);
    is_calm_ = true;
  }
  void be_killed() {
    const std::lock_guard lock(mutex_);
    kill();
  }
  void go_away() {
    const std::lock_guard lock(mutex_);
    kill();
    is_away_ = true;
  }
  [[nodiscard]] std::size_t kills() {
    const std::lock_guard lock(mutex_);
    return kills_;
  }
  [[nodiscard]] std::set<std::uint64_t> has() {
    const std::lock_guard lock(mutex_);
    return in_memory_;
  }

 private:
  static Outcome busy() {
    Outcome outcome;
    outcome.result = Result::kTryAgain;
    return outcome;
  }
  void keep(std::span<const Record> batch) {
    for (const Record& record : batch) in_memory_.insert(std::stoul(record.bytes));
  }
  void kill() {
    in_memory_.clear();
    was_killed_ = true;
    ++kills_;
  }

  /// Beyond ten in a row a connection tells nothing.
  static constexpr std::size_t kMaxKills = 10;

  std::mutex mutex_;
  std::minstd_rand random_;
  std::set<std::uint64_t> in_memory_;
  bool was_killed_ = false;
  bool is_calm_ = false;
  bool is_away_ = false;
  std::size_t kills_ = 0;
};

class ForgetfulSink final : public Sink {
 public:
  explicit ForgetfulSink(ForgetfulStore& store) : store_(store) {}
  [[nodiscard]] std::string_view kind() const noexcept override { return "forgetful"; }
  void encode(const Item& item, std::int64_t, std::string& record) override {
    record = std::to_string(std::get<const pipeline::Event*>(item)->new_value);
  }
  [[nodiscard]] Outcome deliver(std::span<const Record> batch) override {
    return store_.take(batch);
  }
  [[nodiscard]] bool is_connected() override { return store_.is_connected(); }

 private:
  ForgetfulStore& store_;
};

TEST_F(DeliveryWithSpool, WhatAKilledStoreHadInMemoryGoesAgain) {
  options_.spool.keep_delivered_s = 3600;
  options_.retry_first_s = options_.retry_most_s = 0.001;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    options_.spool.directory = directory_ + "/spool" + std::to_string(seed);
    ForgetfulStore store(seed);
    Delivery delivery("test", std::make_unique<ForgetfulSink>(store), options_, nullptr);
    delivery.start();
    offer(delivery, 1000, 1500);
    while (delivery.counts().delivered < 500) expect_all_accounted_for(delivery.counts());
    store.calm_down();
    offer(delivery, 1500, 2000);
    const std::vector<std::uint64_t> all = numbers(1000, 2000);
    while (store.has() != std::set(all.begin(), all.end()) ||
           delivery.counts().delivered < all.size()) {
      expect_all_accounted_for(delivery.counts());
    }
    const DeliveryCounts counts = delivery.counts();
    EXPECT_EQ(counts.delivered, 1000U);
    EXPECT_EQ(counts.spool_kept, 1000U);
    if (store.kills() > 0) {
      EXPECT_GT(counts.sent_again, 0U) << seed;
    }
    expect_all_accounted_for(counts);
    delivery.stop();
    expect_all_accounted_for(delivery.counts());
  }
}

TEST_F(DeliveryWithSpool, AStoreThatIsKilledWhenAllIsQuietGetsItAgain) {
  options_.spool.keep_delivered_s = 3600;
  ForgetfulStore store(1);
  store.calm_down();
  Delivery delivery("test", std::make_unique<ForgetfulSink>(store), options_, nullptr);
  delivery.start();
  offer(delivery, 1000, 1100);
  while (store.has().size() < 100) std::this_thread::yield();
  store.be_killed();
  while (store.has().size() < 100) std::this_thread::yield();
  // And again, for ever away: the end comes with a batch under way that was delivered before.
  store.go_away();
  while (delivery.counts().state != SinkState::kRetrying) std::this_thread::yield();
  expect_all_accounted_for(delivery.counts());
  EXPECT_EQ(delivery.counts().in_memory, 0U);
  delivery.stop();
  EXPECT_EQ(delivery.counts().delivered, 100U);
  EXPECT_EQ(delivery.counts().in_spool, 0U);
  expect_all_accounted_for(delivery.counts());
}

TEST_F(DeliveryWithSpool, WhatWasDeliveredLeavesWhenItsTimeIsOver) {
  options_.spool.keep_delivered_s = 0.001;
  {
    Delivery delivery("test", sink([&](auto) { return Outcome{}; }), options_, nullptr);
    delivery.start();
    offer(delivery, 1000, 1100);
    while (delivery.counts().delivered < 100 || delivery.counts().spool_kept > 0) {
      std::this_thread::yield();
    }
    delivery.stop();
  }
  EXPECT_EQ(Delivery("test", dead(), options_, nullptr).counts().recovered, 0U);
}

TEST_F(DeliveryWithSpool, WhatIsKeptAtTheEndGoesAgainNextTime) {
  options_.spool.keep_delivered_s = 3600;
  Arrived arrived;
  for (std::size_t run = 1; run <= 2; ++run) {
    Delivery delivery("test", sink([&](auto batch) {
                        arrived.add(batch);
                        return Outcome{};
                      }),
                      options_, nullptr);
    EXPECT_EQ(delivery.counts().recovered, run == 1 ? 0U : 100U);
    delivery.start();
    if (run == 1) offer(delivery, 1000, 1100);
    arrived.wait_for(100 * run);
    delivery.stop();
    EXPECT_EQ(delivery.counts().in_spool, 0U) << "it was delivered";
    expect_all_accounted_for(delivery.counts());
  }
}

TEST(Delivery, ASinkThatHangsIsGivenUpAtTheEnd) {
  std::atomic<bool> hurries{false};
  class Hanging final : public Sink {
   public:
    explicit Hanging(std::atomic<bool>& hurries) : hurries_(hurries) {}
    [[nodiscard]] std::string_view kind() const noexcept override { return "hanging"; }
    void encode(const Item&, std::int64_t, std::string& record) override { record = "x"; }
    [[nodiscard]] Outcome deliver(std::span<const Record>) override {
      hurries_.wait(false);
      Outcome outcome;
      outcome.result = Result::kTryAgain;
      return outcome;
    }
    void hurry() noexcept override {
      hurries_ = true;
      hurries_.notify_all();
    }

   private:
    std::atomic<bool>& hurries_;
  };
  DeliveryOptions options = quick();
  options.stop_timeout_s = 0.01;
  Delivery delivery("test", std::make_unique<Hanging>(hurries), options, nullptr);
  delivery.start();
  offer(delivery, 0, 50);
  delivery.stop();
  const DeliveryCounts counts = delivery.counts();
  EXPECT_EQ(dropped(counts, DropReason::kShutdown), 50U);
  expect_all_accounted_for(counts);
}

TEST(Delivery, ManyThreadsMayOffer) {
  Arrived arrived;
  Delivery delivery("test", sink([&](auto batch) {
                      arrived.add(batch);
                      return Outcome{};
                    }),
                    quick(), nullptr);
  delivery.start();
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] { offer(delivery, 1000 * i, 1000 * (i + 1)); });
  }
  for (std::thread& thread : threads) thread.join();
  arrived.wait_for(4000);
  delivery.stop();
  const std::vector<std::uint64_t> values = arrived.values();
  EXPECT_EQ(std::set(values.begin(), values.end()).size(), 4000U);
  // Of one thread, in its order.
  for (std::uint64_t i = 0; i < 4; ++i) {
    std::vector<std::uint64_t> of_thread;
    std::copy_if(values.begin(), values.end(), std::back_inserter(of_thread),
                 [i](std::uint64_t value) { return value / 1000 == i; });
    EXPECT_EQ(of_thread, numbers(1000 * i, 1000 * (i + 1)));
  }
}

}  // namespace
}  // namespace hopscope::exporter
