// Files that are not what the spool wrote: cut, flipped, foreign, gone. What is read back is right
// or it is not there, and what is lost is counted.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <random>
#include <vector>

#include "base/setup_error.h"
#include "export/sinks/spool/record_format.h"
#include "export/sinks/spool/spool.h"
#include "support/spool_bed.h"
#include "support/temporary_directory.h"

namespace hopscope::exporter {
namespace {

using test::append_all;
using test::count_up;
using test::kSecond;
using test::kStart;
using test::numbers_of;
using test::read_all;

/// Where the records of a segment begin, and at the end its size.
std::vector<std::size_t> boundaries(const std::string& segment) {
  std::vector<std::size_t> found{kSegmentHeaderBytes};
  while (found.back() < segment.size()) {
    // In the tests that use this no header of a record crosses the end of a block.
    const std::uint64_t begin = skip_block_header(found.back());
    const RecordHeader header = decode_record_header(&segment[begin]);
    found.push_back(static_cast<std::size_t>(stream_end(begin, header.size())));
  }
  return found;
}

void flip(const std::filesystem::path& path, std::size_t offset, unsigned bit) {
  const int file = open(path.c_str(), O_RDWR);
  char byte = 0;
  ASSERT_EQ(pread(file, &byte, 1, static_cast<off_t>(offset)), 1);
  byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << bit));
  ASSERT_EQ(pwrite(file, &byte, 1, static_cast<off_t>(offset)), 1);
  close(file);
}

class SpoolDamageTest : public testing::Test {
 protected:
  SpoolDamageTest() {
    options_.directory = directory_.path() + "/spool";
    options_.segment_bytes = 512;
    options_.buffer_bytes = 32 << 10;
    options_.engine = SpoolEngine::kThread;  // quicker to open, and the files are the same
  }

  /// Records [0, below) on the disk, and nobody at work on them.
  void make(std::uint64_t below, std::size_t size) {
    Spool spool(options_);
    append_all(spool, 0, below, size);
    ASSERT_TRUE(spool.flush());
  }
  [[nodiscard]] std::vector<std::filesystem::path> segments() const {
    return test::segments_in(options_.directory);
  }

  test::TemporaryDirectory directory_{test::TemporaryDirectory::in_memory()};
  SpoolOptions options_;
};

TEST_F(SpoolDamageTest, ATornTailIsCutAtTheLastWholeRecord) {
  options_.segment_bytes = 4096;
  make(8, 40);
  ASSERT_EQ(segments().size(), 1U);
  const auto path = segments().front();
  const std::string whole = test::content_of(path);
  const std::vector<std::size_t> begins = boundaries(whole);
  ASSERT_EQ(begins.size(), 9U);
  std::mt19937 random(1);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    for (int tail = 0; tail < 3; ++tail) {
      SCOPED_TRACE(testing::Message() << "cut at " << size << ", tail " << tail);
      std::string torn = whole.substr(0, size);
      // What file systems leave behind where data did not arrive: nothing, zeros, anything.
      if (tail == 1) torn.resize(whole.size() + 100, '\0');
      while (tail == 2 && torn.size() < whole.size() + 100) torn += static_cast<char>(random());
      if (tail > 0 && torn.starts_with(whole)) continue;
      std::filesystem::remove_all(options_.directory);
      std::filesystem::create_directory(options_.directory);
      test::set_content(path, torn);

      std::size_t good = 0;  // whole records that are left; a tail may be right by chance
      while (good < 8 && torn.size() >= begins[good + 1] &&
             whole.compare(0, begins[good + 1], torn, 0, begins[good + 1]) == 0) {
        ++good;
      }
      {
        Spool spool(options_);
        const auto got = read_all(spool);
        EXPECT_EQ(numbers_of(got), count_up(0, good));
        test::expect_right(got, 40);
        EXPECT_EQ(spool.end(), good);
        EXPECT_EQ(spool.counters().recovered_records, good);
        // A header without records is not torn, but there is nothing to keep it for.
        const std::size_t whole_bytes = good > 0 || size == begins[0] ? begins[good] : 0;
        if (size != begins[0] || tail == 0) {
          EXPECT_EQ(spool.counters().torn_bytes, torn.size() - whole_bytes);
        }
        EXPECT_EQ(spool.counters().corrupt_bytes, 0U);
        append_all(spool, good, good + 2, 40);
        EXPECT_TRUE(spool.flush());
      }
      Spool again(options_);
      EXPECT_EQ(numbers_of(read_all(again)), count_up(0, good + 2));
      EXPECT_EQ(again.counters().torn_bytes, 0U) << "it was cut before";
      if (HasFailure()) return;
    }
  }
}

TEST_F(SpoolDamageTest, AFlippedBitCostsItsRecordAndNothingElse) {
  make(40, 60);
  ASSERT_GE(segments().size(), 5U);
  const auto originals = segments();
  std::vector<std::string> contents;
  for (const auto& path : originals) contents.push_back(test::content_of(path));

  std::mt19937_64 random(2);
  for (int round = 0; round < 1000; ++round) {
    for (std::size_t i = 0; i < originals.size(); ++i) {
      test::set_content(originals[i], contents[i]);
    }
    const std::size_t hit = random() % originals.size();
    const std::size_t offset = random() % contents[hit].size();
    SCOPED_TRACE(testing::Message() << "segment " << hit << ", byte " << offset);
    flip(originals[hit], offset, static_cast<unsigned>(random() % 8));
    // What must be left: all but the record that was hit, or the segment whose header was.
    std::vector<std::uint64_t> left;
    for (std::size_t i = 0; i < originals.size(); ++i) {
      const auto begins = boundaries(contents[i]);
      for (std::size_t record = 0; record + 1 < begins.size(); ++record) {
        const bool is_hit = begins[record] <= offset && offset < begins[record + 1];
        if (i == hit && (offset < kSegmentHeaderBytes || is_hit)) continue;
        left.push_back(decode_record_header(&contents[i][begins[record]]).number);
      }
    }
    Spool spool(options_);
    const auto got = read_all(spool);
    ASSERT_EQ(numbers_of(got), left);
    test::expect_right(got, 60);
    ASSERT_EQ(spool.records(), left.size());
    ASSERT_GT(spool.counters().torn_bytes + spool.counters().corrupt_bytes, 0U);
    // So that whoever counts by numbers knows how many are gone.
    ASSERT_EQ(spool.found_from(), 0U);
    ASSERT_EQ(spool.end(), 40U);
  }
}

TEST_F(SpoolDamageTest, AfterACrashTooDamageInTheNewestCostsItsRecordOnly) {
  options_.segment_bytes = 1 << 20;
  make(40, 40);
  // Nobody was left to say how many there were.
  std::filesystem::remove(options_.directory + "/mark");
  const auto path = segments().back();
  const std::string whole = test::content_of(path);
  const std::vector<std::size_t> begins = boundaries(whole);
  for (std::size_t hit = 0; hit < 40; ++hit) {
    for (const std::size_t byte : {0U, 4U, 7U, 9U, 15U, 20U, 30U}) {
      SCOPED_TRACE(testing::Message() << "record " << hit << ", byte " << byte);
      test::set_content(path, whole);
      flip(path, begins[hit] + byte, 1);
      Spool spool(options_);
      std::vector<std::uint64_t> left = count_up(0, 40);
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(hit));
      ASSERT_EQ(numbers_of(read_all(spool)), left);
      ASSERT_EQ(spool.found_from(), 0U);
      const SpoolCounters counters = spool.counters();
      const std::size_t bytes = begins[hit + 1] - begins[hit];
      ASSERT_EQ(counters.corrupt_bytes, hit < 39 ? bytes : 0);
      ASSERT_EQ(counters.torn_bytes, hit < 39 ? 0 : bytes) << "may be a write half done";
      ASSERT_EQ(spool.end(), hit < 39 ? 40 : 39);
    }
  }
}

TEST_F(SpoolDamageTest, SeveralDamagedPlacesOfASegmentArePassed) {
  options_.segment_bytes = 1 << 20;
  make(40, 40);
  const auto path = segments().back();
  const std::vector<std::size_t> begins = boundaries(test::content_of(path));
  for (const std::size_t hit : {0U, 1U, 2U, 7U, 30U, 39U}) flip(path, begins[hit] + 30, 0);
  std::vector<std::uint64_t> left;
  for (std::uint64_t number = 3; number < 39; ++number) {
    if (number != 7 && number != 30) left.push_back(number);
  }
  Spool spool(options_);
  EXPECT_EQ(numbers_of(read_all(spool)), left);
  EXPECT_EQ(spool.found_from(), 0U);
  EXPECT_EQ(spool.first(), 3U);
  EXPECT_EQ(spool.end(), 40U);
  // What is appended comes behind, and all of it is there at the next start.
  append_all(spool, 40, 50, 40);
  for (std::uint64_t number = 40; number < 50; ++number) left.push_back(number);
  ASSERT_TRUE(spool.flush());
  EXPECT_EQ(numbers_of(read_all(spool)), left);
}

TEST_F(SpoolDamageTest, ASegmentOfWhichNothingIsLeftIsKnownToHaveBeen) {
  make(40, 60);
  const auto originals = segments();
  ASSERT_GE(originals.size(), 5U);
  std::vector<std::string> contents;
  for (const auto& path : originals) contents.push_back(test::content_of(path));
  const std::size_t last = originals.size() - 1;
  for (const std::size_t hit : {std::size_t{0}, std::size_t{2}, last}) {
    for (const std::size_t size : {0U, 1U, 63U, 64U, 65U, 96U}) {
      for (const bool filled : {false, true}) {
        SCOPED_TRACE(testing::Message() << "segment " << hit << ", " << size << " bytes left");
        for (std::size_t i = 0; i <= last; ++i) test::set_content(originals[i], contents[i]);
        std::string torn = contents[hit].substr(0, size);
        if (filled) torn.resize(contents[hit].size(), '\xff');
        test::set_content(originals[hit], torn);
        Spool spool(options_);
        const std::size_t lost = boundaries(contents[hit]).size() - 1;
        ASSERT_EQ(spool.records(), 40 - lost);
        ASSERT_EQ(spool.found_from(), 0U);
        ASSERT_EQ(spool.end(), 40U);
      }
    }
  }
}

TEST_F(SpoolDamageTest, TheOnlySegmentGoneIsKnownToo) {
  options_.segment_bytes = 1 << 20;
  make(40, 60);
  const auto path = segments().front();
  for (const std::size_t size : {0U, 40U, 64U, 100U}) {
    std::filesystem::remove_all(options_.directory);
    make(40, 60);
    test::set_content(path, test::content_of(path).substr(0, size));
    Spool spool(options_);
    EXPECT_EQ(spool.records(), 0U);
    EXPECT_EQ(spool.found_from(), 0U) << size;
    EXPECT_EQ(spool.end(), 40U);
  }
}

TEST_F(SpoolDamageTest, RecordsForSomethingElseStopTheStart) {
  options_.content = "influxdb ns";
  make(5, 60);
  const auto path = segments().front();
  const std::string before = test::content_of(path);
  options_.content = "influxdb ms";
  try {
    const Spool spool(options_);
    FAIL() << "it took what it cannot deliver";
  } catch (const SetupError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("holds records for influxdb ns, this sink makes such for influxdb ms"),
              std::string::npos)
        << text;
  }
  EXPECT_EQ(test::content_of(path), before);
  // Nor is what is damaged removed or cut before that is settled.
  const std::string torn = options_.directory + "/00000000000000000005.segment";
  test::set_content(torn, "no segment");
  EXPECT_THROW(Spool spool(options_), WrongSettingsError);
  EXPECT_EQ(test::content_of(torn), "no segment");
  std::filesystem::remove(torn);
  options_.content = "influxdb ns";
  {
    Spool spool(options_);
    EXPECT_EQ(numbers_of(read_all(spool)), count_up(0, 5));
    spool.acknowledge(5);
    ASSERT_TRUE(spool.flush());
  }
  // With nothing left to deliver it does not matter.
  options_.content = "remote_write";
  Spool spool(options_);
  append_all(spool, 5, 7, 60);
  EXPECT_EQ(numbers_of(read_all(spool)), count_up(5, 7));
}

TEST_F(SpoolDamageTest, ManyFlippedBitsGiveOnlyRightRecords) {
  make(40, 60);
  const auto originals = segments();
  std::vector<std::string> contents;
  for (const auto& path : originals) contents.push_back(test::content_of(path));
  std::mt19937_64 random(3);
  for (int round = 0; round < 500; ++round) {
    for (std::size_t i = 0; i < originals.size(); ++i) {
      std::string content = contents[i];
      for (auto flips = random() % 4; flips > 0; --flips) {
        content[random() % content.size()] ^= static_cast<char>(1 << random() % 8);
      }
      if (random() % 8 == 0) content.resize(random() % content.size());
      if (random() % 8 == 0) content += contents[random() % contents.size()];
      test::set_content(originals[i], content);
    }
    Spool spool(options_);
    const auto got = read_all(spool);
    test::expect_right(got, 60);
    ASSERT_EQ(spool.records(), got.size());
    ASSERT_EQ(spool.counters().recovered_records, got.size());
    append_all(spool, spool.end(), spool.end() + 1, 60);
  }
}

TEST_F(SpoolDamageTest, ADamagedMarkCostsNothing) {
  {
    Spool spool(options_);
    append_all(spool, 0, 20, 60);
    ASSERT_TRUE(spool.flush());
    spool.acknowledge(2);
    ASSERT_TRUE(spool.flush());
    spool.acknowledge(3);
    ASSERT_TRUE(spool.flush());
  }
  const std::string mark = options_.directory + "/mark";
  const std::string whole = test::content_of(mark);
  ASSERT_GT(whole.size(), 512U);
  for (std::size_t offset = 0; offset < whole.size(); ++offset) {
    test::set_content(mark, whole);
    flip(mark, offset, offset % 8);
    Spool spool(options_);
    const std::uint64_t first = spool.first();
    ASSERT_TRUE(first == 3 || first == 2) << "of the other slot: " << first;
    ASSERT_EQ(numbers_of(read_all(spool)), count_up(first, 20));
  }
  test::set_content(mark, "");
  Spool spool(options_);
  EXPECT_EQ(numbers_of(read_all(spool)), count_up(0, 20));
}

TEST_F(SpoolDamageTest, DamageFoundWhileReadingIsCountedToTheRecord) {
  Spool spool(options_);
  append_all(spool, 0, 40, 60);
  ASSERT_TRUE(spool.flush());
  const auto paths = segments();
  ASSERT_GE(paths.size(), 5U);
  std::uint64_t lost = 0;
  std::vector<std::uint64_t> left;
  // The second record of the second segment, and the first of the one that is still written.
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const std::string content = test::content_of(paths[i]);
    const auto begins = boundaries(content);
    const std::size_t hit = i == 1 ? 1 : i + 1 == paths.size() ? 0 : begins.size();
    for (std::size_t record = 0; record + 1 < begins.size(); ++record) {
      if (record != hit) {
        left.push_back(decode_record_header(&content[begins[record]]).number);
        continue;
      }
      flip(paths[i], begins[record] + 30, 3);
      ++lost;
    }
  }
  ASSERT_EQ(lost, 2U);
  const auto got = read_all(spool);
  EXPECT_EQ(numbers_of(got), left);
  test::expect_right(got, 60);
  EXPECT_EQ(spool.counters().corrupt_records, lost);
  EXPECT_EQ(spool.records(), left.size());
  // Once only, and what comes later is not hurt.
  append_all(spool, 40, 60, 60);
  ASSERT_TRUE(spool.flush());
  for (std::uint64_t number = 40; number < 60; ++number) left.push_back(number);
  EXPECT_EQ(numbers_of(read_all(spool)), left);
  EXPECT_EQ(spool.counters().corrupt_records, lost);
  spool.acknowledge(60);
  EXPECT_EQ(spool.records(), 0U);
}

TEST_F(SpoolDamageTest, AfterDamageTheSegmentThatIsWrittenIsReadOn) {
  options_.segment_bytes = 1 << 20;
  Spool spool(options_);
  append_all(spool, 0, 10, 60);
  ASSERT_TRUE(spool.flush());
  const auto begins = boundaries(test::content_of(segments().front()));
  for (std::size_t hit = 4; hit < 10; ++hit) flip(segments().front(), begins[hit] + 30, 0);
  // Written to the same file before anyone knows.
  append_all(spool, 10, 12, 60);
  std::vector<Spool::Stored> got;
  ASSERT_EQ(spool.read(0, 4, 1 << 20, got), 4U);
  EXPECT_EQ(numbers_of(read_all(spool, 4)), count_up(10, 12));
  EXPECT_EQ(spool.counters().corrupt_records, 6U);
  ASSERT_TRUE(spool.flush());
  EXPECT_EQ(numbers_of(read_all(spool, 4)), count_up(10, 12));
  EXPECT_EQ(numbers_of(read_all(spool, 0)), (std::vector<std::uint64_t>{0, 1, 2, 3, 10, 11}));
  EXPECT_EQ(spool.counters().corrupt_records, 6U);
}

TEST_F(SpoolDamageTest, ASegmentThatSomebodyRemovedOrCutIsCounted) {
  Spool spool(options_);
  append_all(spool, 0, 40, 60);
  ASSERT_TRUE(spool.flush());
  const auto paths = segments();
  const auto in = [](const std::filesystem::path& path) {
    return boundaries(test::content_of(path)).size() - 1;
  };
  const std::size_t removed = in(paths[1]);
  const std::size_t cut = in(paths[2]);
  std::filesystem::remove(paths[1]);
  std::filesystem::resize_file(paths[2], 50);
  EXPECT_EQ(read_all(spool).size(), 40 - removed - cut);
  EXPECT_EQ(spool.counters().corrupt_records, removed + cut);
}

TEST_F(SpoolDamageTest, RecordsOfAnotherFileAreNotBelieved) {
  options_.segment_bytes = 4096;
  make(5, 60);
  const auto path = segments().front();
  const std::string mine = test::content_of(path);
  // As a file system does that brings back blocks of a file that was removed: whole records, with
  // numbers that fit, of another spool.
  SpoolOptions other = options_;
  other.directory = directory_.path() + "/other";
  {
    Spool spool(other);
    append_all(spool, 5, 8, 60);
    ASSERT_TRUE(spool.flush());
  }
  const std::string foreign =
      test::content_of(test::segments_in(other.directory).front()).substr(kSegmentHeaderBytes);
  test::set_content(path, mine + foreign);
  Spool spool(options_);
  EXPECT_EQ(numbers_of(read_all(spool)), count_up(0, 5));
  EXPECT_EQ(spool.counters().torn_bytes, foreign.size());
}

TEST_F(SpoolDamageTest, AnotherFormatIsNotTouched) {
  make(5, 60);
  const auto path = segments().front();
  std::string content = test::content_of(path);
  for (const std::uint32_t version : {kSegmentVersion - 1, kSegmentVersion + 1}) {
    const SegmentHeaderBytes header = encode(SegmentHeader{.version = version});
    content.replace(0, header.size(), header.data(), header.size());
    test::set_content(path, content);
    EXPECT_THROW(Spool spool(options_), SetupError);
    EXPECT_EQ(test::content_of(path), content);
  }
}

}  // namespace
}  // namespace hopscope::exporter
