// Capture files of every kind that libpcap reads, written here byte by byte.

#include "io/pcap/pcap_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <numeric>

#include "base/setup_error.h"
#include "support/report_frame.h"

namespace hopscope::io {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint32_t kMicroseconds = 0xA1B2C3D4;
constexpr std::uint32_t kNanoseconds = 0xA1B23C4D;
constexpr std::uint32_t kEthernet = 1;
constexpr std::uint32_t kRaw = 101;
constexpr std::uint32_t kCooked = 113;

void put32(Bytes& to, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
void put16(Bytes& to, std::uint16_t value) {
  to.push_back(static_cast<std::uint8_t>(value));
  to.push_back(static_cast<std::uint8_t>(value >> 8));
}

Bytes pcap_header(std::uint32_t magic, std::uint32_t link_type) {
  Bytes file;
  put32(file, magic);
  put16(file, 2);
  put16(file, 4);
  for (const std::uint32_t word : {0U, 0U, 65535U, link_type}) put32(file, word);
  return file;
}

void put_packet(Bytes& file, std::uint32_t seconds, std::uint32_t part, const Bytes& packet) {
  const auto length = static_cast<std::uint32_t>(packet.size());
  for (const std::uint32_t word : {seconds, part, length, length}) put32(file, word);
  file.insert(file.end(), packet.begin(), packet.end());
}

Bytes pcapng(const std::vector<Bytes>& packets) {
  Bytes file;
  const auto block = [&file](std::uint32_t type, Bytes body) {
    while (body.size() % 4 != 0) body.push_back(0);
    const auto length = static_cast<std::uint32_t>(body.size() + 12);
    put32(file, type);
    put32(file, length);
    file.insert(file.end(), body.begin(), body.end());
    put32(file, length);
  };
  Bytes section;
  put32(section, 0x1A2B3C4D);
  put16(section, 1);
  put16(section, 0);
  put32(section, 0xFFFFFFFF);
  put32(section, 0xFFFFFFFF);
  block(0x0A0D0D0A, section);
  Bytes interface;
  put16(interface, kEthernet);
  put16(interface, 0);
  put32(interface, 0);
  block(1, interface);
  for (const Bytes& packet : packets) {
    Bytes body;
    put32(body, 0);
    put32(body, 0);          // time, high
    put32(body, 5'000'000);  // microseconds: 5 s
    put32(body, static_cast<std::uint32_t>(packet.size()));
    put32(body, static_cast<std::uint32_t>(packet.size()));
    body.insert(body.end(), packet.begin(), packet.end());
    block(6, body);
  }
  return file;
}

class PcapSourceTest : public testing::Test {
 protected:
  ~PcapSourceTest() override {
    for (const std::string& path : paths_) unlink(path.c_str());
  }

  std::string file(const Bytes& bytes) {
    std::string path = testing::TempDir() + "hopscope_pcap_XXXXXX";
    close(mkstemp(path.data()));
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
    paths_.push_back(path);
    return path;
  }

  struct Frame {
    Bytes bytes;
    std::int64_t time_ns;
  };

  static std::vector<Frame> read_all(PcapSource& source) {
    std::vector<Frame> frames;
    FrameBatch batch;
    while (source.receive(batch) != 0) {
      for (std::size_t i = 0; i < batch.count; ++i) {
        frames.push_back({.bytes = {batch.data[i], batch.data[i] + batch.length[i]},
                          .time_ns = batch.time_ns(i)});
      }
      source.release(batch.handle.data(), batch.count);
    }
    EXPECT_TRUE(source.exhausted());
    return frames;
  }

 private:
  std::vector<std::string> paths_;
};

TEST_F(PcapSourceTest, Capture_of_each_format_is_read) {
  Bytes micro = pcap_header(kMicroseconds, kEthernet);
  put_packet(micro, 3, 7, test::report_frame(1));
  Bytes nano = pcap_header(kNanoseconds, kEthernet);
  put_packet(nano, 4, 7, test::report_frame(2));
  PcapSource source({file(micro), file(nano), file(pcapng({test::report_frame(3)}))});
  const auto frames = read_all(source);
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0].time_ns, 3'000'007'000);
  EXPECT_EQ(frames[1].time_ns, 4'000'000'007);
  EXPECT_EQ(frames[2].time_ns, 5'000'000'000);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(frames[i].bytes, test::report_frame(i + 1));
  EXPECT_EQ(source.bytes_read(), source.bytes_total());
}

TEST_F(PcapSourceTest, Frame_of_other_link_type_becomes_ethernet) {
  const Bytes frame = test::report_frame(9);
  const Bytes ip(frame.begin() + 14, frame.end());
  Bytes raw = pcap_header(kMicroseconds, kRaw);
  put_packet(raw, 1, 0, ip);
  Bytes cooked = pcap_header(kMicroseconds, kCooked);
  Bytes sll{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x08, 0x00};
  sll.insert(sll.end(), ip.begin(), ip.end());
  put_packet(cooked, 1, 0, sll);
  PcapSource source({file(raw), file(cooked)});
  const auto frames = read_all(source);
  ASSERT_EQ(frames.size(), 2U);
  for (const Frame& got : frames) {
    EXPECT_TRUE(
        std::equal(frame.begin() + 12, frame.end(), got.bytes.begin() + 12, got.bytes.end()));
  }
}

TEST_F(PcapSourceTest, Frame_held_is_not_overwritten) {
  Bytes capture = pcap_header(kNanoseconds, kEthernet);
  for (std::uint32_t i = 0; i < 300; ++i) put_packet(capture, 1, i, test::report_frame(i));
  PcapSource source({file(capture)}, 100);
  std::vector<std::pair<const std::uint8_t*, FrameHandle>> held;
  FrameBatch batch;
  while (source.receive(batch) != 0) {
    for (std::size_t i = 0; i < batch.count; ++i) held.emplace_back(batch.data[i], batch.handle[i]);
  }
  ASSERT_EQ(held.size(), 100U) << "no slot is free any more";
  EXPECT_FALSE(source.exhausted());
  for (std::uint32_t i = 0; i < 100; ++i) EXPECT_EQ(test::number_of({held[i].first, 54}), i);
  SourceStatistics now = source.statistics();
  EXPECT_EQ(now.frames_held, 100U);
  EXPECT_EQ(now.frames_in_fill + now.frames_held, now.frames_total);
  for (auto at = held.rbegin(); at != held.rend(); ++at) source.release(&at->second, 1);
  EXPECT_EQ(read_all(source).size(), 200U);
}

TEST_F(PcapSourceTest, Capture_cut_off_ends_with_a_warning) {
  Bytes capture = pcap_header(kNanoseconds, kEthernet);
  put_packet(capture, 1, 0, test::report_frame(1));
  put_packet(capture, 1, 1, test::report_frame(2));
  capture.resize(capture.size() - 10);
  Bytes next = pcap_header(kNanoseconds, kEthernet);
  put_packet(next, 2, 0, test::report_frame(3));
  PcapSource source({file(capture), file(next)});
  const auto frames = read_all(source);
  EXPECT_EQ(frames.size(), 2U) << "the whole one, and the next file";
  EXPECT_EQ(source.warnings().size(), 1U);
}

TEST_F(PcapSourceTest, File_that_is_no_capture_is_refused) {
  const auto refusal = [](const std::string& path) {
    try {
      const PcapSource source({path});
    } catch (const SetupError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refusal("/nonexistent.pcap"), testing::HasSubstr("/nonexistent.pcap"));
  EXPECT_THAT(refusal(file({'h', 'e', 'l', 'l', 'o'})), testing::HasSubstr("cannot read"));
  EXPECT_THAT(refusal(file(pcap_header(kNanoseconds, 105))), testing::HasSubstr("link type"));
}

TEST_F(PcapSourceTest, Capture_empty_is_exhausted_at_once) {
  PcapSource source({file(pcap_header(kNanoseconds, kEthernet))});
  EXPECT_TRUE(read_all(source).empty());
}

}  // namespace
}  // namespace hopscope::io
