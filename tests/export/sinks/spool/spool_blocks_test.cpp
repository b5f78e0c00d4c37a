// Damage in segments of many blocks: it costs the records that it hits, wherever it lies.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "export/sinks/spool/record_format.h"
#include "export/sinks/spool/spool.h"
#include "support/spool_bed.h"
#include "support/temporary_directory.h"

namespace hopscope::exporter {
namespace {

using test::count_up;
using test::numbers_of;
using test::read_all;

class SpoolBlocksTest : public testing::Test {
 protected:
  /// Records of 20 to 9,000 bytes in one segment of several blocks: some cross none, one or two
  /// boundaries, some headers lie on one.
  SpoolBlocksTest() {
    options_.directory = directory_.path() + "/spool";
    options_.engine = SpoolEngine::kThread;
    options_.segment_bytes = 1 << 20;
    options_.buffer_bytes = 1 << 20;
    Spool spool(options_);
    for (std::uint64_t number = 0; number < kRecords; ++number) append(spool, number);
    EXPECT_TRUE(spool.flush());
    path_ = test::segments_in(options_.directory).front();
    whole_ = test::content_of(path_);
    std::uint64_t offset = kSegmentHeaderBytes;
    for (std::uint64_t number = 0; number < kRecords; ++number) {
      begins_.push_back(skip_block_header(offset));
      offset = stream_end(offset, kRecordHeaderBytes + text(number).size());
      ends_.push_back(offset);
    }
    EXPECT_EQ(offset, whole_.size());
    EXPECT_GT(whole_.size(), 8 * kBlockBytes);
  }

  static constexpr std::uint64_t kRecords = 60;

  static std::string text(std::uint64_t number) {
    return test::record_text(number, number % 20 == 7 ? 9000 : 20 + number * 37 % 700);
  }
  static void append(Spool& spool, std::uint64_t number) {
    ASSERT_EQ(spool.append(number, text(number), test::record_time(number)), Spool::Append::kTaken);
  }
  static void expect_right(const std::vector<Spool::Stored>& got) {
    for (const auto& one : got) ASSERT_EQ(one.record, text(one.number));
  }
  /// Which records have a byte in [begin, end); block headers are no record's.
  [[nodiscard]] std::vector<std::uint64_t> touched(std::size_t begin, std::size_t end) const {
    std::vector<std::uint64_t> found;
    for (std::uint64_t number = 0; number < kRecords; ++number) {
      for (std::size_t at = begin; at < end; ++at) {
        const bool is_header = at % kBlockBytes < kBlockHeaderBytes;
        if (begins_[number] <= at && at < ends_[number] && !is_header) {
          found.push_back(number);
          break;
        }
      }
    }
    return found;
  }
  [[nodiscard]] static std::vector<std::uint64_t> all_but(const std::vector<std::uint64_t>& gone) {
    std::vector<std::uint64_t> left;
    for (std::uint64_t number = 0; number < kRecords; ++number) {
      if (std::find(gone.begin(), gone.end(), number) == gone.end()) left.push_back(number);
    }
    return left;
  }

  /// Every byte near the beginning of a block, some of the others.
  [[nodiscard]] std::vector<std::size_t> places() const {
    std::vector<std::size_t> found;
    for (std::size_t at = kSegmentHeaderBytes; at < whole_.size(); ++at) {
      const std::size_t from_boundary = (at + kRecordHeaderBytes) % kBlockBytes;
      const bool is_near = from_boundary < 2 * kRecordHeaderBytes + kBlockHeaderBytes;
      if (is_near || at % 41 == 0) found.push_back(at);
    }
    return found;
  }

  test::TemporaryDirectory directory_{test::TemporaryDirectory::in_memory()};
  SpoolOptions options_;
  std::filesystem::path path_;
  std::string whole_;
  std::vector<std::uint64_t> begins_;
  std::vector<std::uint64_t> ends_;
};

TEST_F(SpoolBlocksTest, FlippedBitAnywhere_CostsItsRecordOnlyAndIsCounted) {
  for (const std::size_t offset : places()) {
    SCOPED_TRACE(offset);
    std::string content = whole_;
    content[offset] = static_cast<char>(content[offset] ^ (1 << offset % 8));
    test::set_content(path_, content);
    Spool spool(options_);
    const auto got = read_all(spool);
    ASSERT_EQ(numbers_of(got), all_but(touched(offset, offset + 1)));
    expect_right(got);
    ASSERT_EQ(spool.end(), kRecords);
    const SpoolCounters counters = spool.counters();
    if (offset % kBlockBytes < kBlockHeaderBytes) {
      ASSERT_EQ(counters.corrupt_bytes, kBlockHeaderBytes);
    }
    ASSERT_GT(counters.corrupt_bytes + counters.torn_bytes, 0U);
  }
}

TEST_F(SpoolBlocksTest, LostBlocks_CostTheRecordsThatHadAPartInThem) {
  const std::size_t blocks = whole_.size() / kBlockBytes + 1;
  std::mt19937 random(6);
  for (std::size_t block = 1; block < blocks; ++block) {
    for (std::size_t count = 1; count <= 3; ++count) {
      for (const bool zeros : {true, false}) {
        SCOPED_TRACE(testing::Message() << "block " << block << ", " << count << " of them");
        std::string content = whole_;
        const std::size_t begin = block * kBlockBytes;
        const std::size_t end = std::min(begin + count * kBlockBytes, content.size());
        for (std::size_t at = begin; at < end; ++at) {
          content[at] = zeros ? '\0' : static_cast<char>(random());
        }
        // At start, and by a spool that is at work.
        const std::vector<std::uint64_t> gone = touched(begin, end);
        test::set_content(path_, whole_);
        Spool spool(options_);
        test::set_content(path_, content);
        const auto left = read_all(spool);
        ASSERT_EQ(numbers_of(left), all_but(gone));
        expect_right(left);
        ASSERT_EQ(spool.counters().corrupt_records, gone.size());
        ASSERT_EQ(spool.records(), left.size());
        SpoolOptions copy = options_;
        copy.directory += ".copy";
        std::filesystem::remove_all(copy.directory);
        std::filesystem::create_directory(copy.directory);
        test::set_content(copy.directory + "/" + path_.filename().string(), content);
        Spool again(copy);
        const auto found = read_all(again);
        ASSERT_EQ(numbers_of(found), all_but(gone));
        expect_right(found);
        ASSERT_EQ(again.found_from(), 0U);
        ASSERT_GT(again.counters().corrupt_bytes + again.counters().torn_bytes, 0U);
      }
    }
  }
}

TEST_F(SpoolBlocksTest, TornAtAnyByte_WholeRecordsBeforeItAreThere) {
  for (const std::size_t size : places()) {
    for (const bool zeros : {false, true}) {
      SCOPED_TRACE(size);
      std::string torn = whole_.substr(0, size);
      if (zeros) torn.resize(whole_.size(), '\0');
      if (torn == whole_) continue;
      std::filesystem::remove(options_.directory + "/mark");
      test::set_content(path_, torn);
      std::uint64_t good = 0;
      while (good < kRecords && whole_.compare(0, ends_[good], torn, 0, ends_[good]) == 0) ++good;
      Spool spool(options_);
      const auto got = read_all(spool);
      ASSERT_EQ(numbers_of(got), count_up(0, good));
      expect_right(got);
      ASSERT_EQ(spool.end(), good);
      ASSERT_EQ(spool.counters().torn_bytes, torn.size() - (good > 0            ? ends_[good - 1]
                                                            : torn.size() == 64 ? 64
                                                                                : 0));
      ASSERT_EQ(spool.counters().corrupt_bytes, 0U);
    }
  }
}

TEST_F(SpoolBlocksTest, BytesThatLookLikeRecords_StartIsQuickAndTheyAreCutOff) {
  for (const std::uint32_t length : {0U, 1U << 10, 1U << 20, 7U << 20, 63U << 20}) {
    std::string content = whole_;
    // Headers of records without a gap, with lengths that are believed and numbers that come next.
    const RecordHeaderBytes header = encode(RecordHeader{.length = length, .number = kRecords + 2});
    while (content.size() < 8 << 20) content.append(header.data(), header.size());
    test::set_content(path_, content);
    const auto before = std::chrono::steady_clock::now();
    Spool spool(options_);
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
    EXPECT_EQ(numbers_of(read_all(spool)), count_up(0, kRecords));
    // No byte is looked at twice, so it is known that no record is behind.
    EXPECT_EQ(spool.counters().torn_bytes, content.size() - whole_.size());
    EXPECT_EQ(spool.counters().corrupt_bytes, 0U);
    EXPECT_EQ(test::content_of(path_), whole_);
  }
}

}  // namespace
}  // namespace hopscope::exporter
