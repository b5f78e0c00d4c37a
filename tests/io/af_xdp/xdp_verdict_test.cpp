// The XDP program alone, frame by frame, through BPF_PROG_RUN: what it takes, what it leaves to the
// kernel, and what it counts.

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <array>
#include <memory>
#include <vector>

#include "hopscope_shared.h"

#include "hopscope.skel.h"
#include "support/report_frame.h"

namespace hopscope::io {
namespace {

using Frame = std::vector<std::uint8_t>;
using pipeline::encode::Outer;

struct Closer {
  void operator()(hopscope_bpf* program) const { hopscope_bpf::destroy(program); }
};

class XdpVerdict : public testing::Test {
 protected:
  void SetUp() override {
    libbpf_set_print(nullptr);
    program_.reset(hopscope_bpf::open());
    ASSERT_NE(program_, nullptr);
    program_->rodata->settings.ports[0] = htons(32766);
    program_->rodata->settings.ports[1] = htons(6000);
    program_->rodata->settings.ethertypes[0] = htons(0x88B5);
    program_->rodata->settings.data_packets = data_packets_ ? 1 : 0;
    if (hopscope_bpf::load(program_.get()) != 0) GTEST_SKIP() << "cannot load BPF: needs root";
  }

  /// Runs the program on the frame; returns which of its counters moved.
  hopscope_verdict verdict(Frame frame) {
    const auto before = counts();
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = frame.data();
    options.data_size_in = static_cast<__u32>(frame.size());
    options.repeat = 1;
    const int fd = bpf_program__fd(program_->progs.hopscope_redirect);
    EXPECT_EQ(bpf_prog_test_run_opts(fd, &options), 0);
    EXPECT_EQ(options.retval, static_cast<__u32>(XDP_PASS)) << "no socket is bound here";
    const auto after = counts();
    int moved = -1;
    for (int i = 0; i < HOPSCOPE_VERDICTS; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (after[at] == before[at]) continue;
      EXPECT_EQ(after[at], before[at] + 1);
      EXPECT_EQ(moved, -1) << "one verdict a frame";
      moved = i;
    }
    EXPECT_NE(moved, -1) << "no verdict counted";
    return static_cast<hopscope_verdict>(moved);
  }

 private:
  std::array<std::uint64_t, HOPSCOPE_VERDICTS> counts() const {
    std::array<std::uint64_t, HOPSCOPE_VERDICTS> sums{};
    const auto cpus = static_cast<std::size_t>(libbpf_num_possible_cpus());
    std::vector<std::uint64_t> per_cpu(cpus);
    for (__u32 key = 0; key < HOPSCOPE_VERDICTS; ++key) {
      bpf_map_lookup_elem(bpf_map__fd(program_->maps.verdicts), &key, per_cpu.data());
      for (const std::uint64_t count : per_cpu) sums[key] += count;
    }
    return sums;
  }

  std::unique_ptr<hopscope_bpf, Closer> program_;

 protected:
  bool data_packets_ = false;
};

class XdpMirror : public XdpVerdict {
 protected:
  XdpMirror() { data_packets_ = true; }
};

TEST_F(XdpMirror, TakesEveryIpPacketAndNothingElse) {
  Frame frame = test::report_frame(1, {.destination_port = 53});
  EXPECT_EQ(verdict(frame), HOPSCOPE_NO_SOCKET);
  frame[23] = 6;
  EXPECT_EQ(verdict(frame), HOPSCOPE_NO_SOCKET);
  frame[13] = 0x06;  // ARP
  EXPECT_EQ(verdict(frame), HOPSCOPE_NOT_UDP);
}

Outer with_vlans(std::vector<std::uint16_t> vlans) {
  Outer outer;
  outer.vlans = std::move(vlans);
  return outer;
}

Outer over_ipv6() {
  Outer outer;
  outer.source = {.bytes = {0x20, 1, 0xd, 0xb8}, .version = 6};
  outer.destination = {.bytes = {0x20, 1, 0xd, 0xb8, 1}, .version = 6};
  outer.udp_checksum = true;
  return outer;
}

// A report finds no socket here and is counted as such: recognised, and passed.
TEST_F(XdpVerdict, ReportsAreRecognised) {
  EXPECT_EQ(verdict(test::report_frame(1)), HOPSCOPE_NO_SOCKET);
  EXPECT_EQ(verdict(test::report_frame(1, {.destination_port = 6000})), HOPSCOPE_NO_SOCKET);
  EXPECT_EQ(verdict(test::report_frame(1, with_vlans({100}))), HOPSCOPE_NO_SOCKET);
  EXPECT_EQ(verdict(test::report_frame(1, with_vlans({100, 200}))), HOPSCOPE_NO_SOCKET);
  EXPECT_EQ(verdict(test::report_frame(1, over_ipv6())), HOPSCOPE_NO_SOCKET);
}

TEST_F(XdpVerdict, BehindAnMplsLabelWithOrWithoutBottomOfStack) {
  for (const std::uint8_t last : {std::uint8_t{0x20}, std::uint8_t{0x21}}) {
    for (const Outer& outer : {Outer{}, over_ipv6()}) {
      Frame frame = test::report_frame(1, outer);
      frame[12] = 0x88;
      frame[13] = 0x47;
      frame.insert(frame.begin() + 14, {0, 1, last, 64});
      EXPECT_EQ(verdict(frame), HOPSCOPE_NO_SOCKET);
      frame[18] = 0;  // neither IPv4 nor IPv6 behind it
      EXPECT_EQ(verdict(frame), HOPSCOPE_NOT_UDP);
      frame.resize(18);
      EXPECT_EQ(verdict(frame), HOPSCOPE_NOT_UDP);
    }
  }
}

TEST_F(XdpVerdict, OwnEtherTypes) {
  Frame frame = test::report_frame(1);
  frame[12] = 0x88;
  frame[13] = 0xB5;
  EXPECT_EQ(verdict(frame), HOPSCOPE_NO_SOCKET);
  frame[13] = 0xB6;
  EXPECT_EQ(verdict(frame), HOPSCOPE_NOT_UDP);
}

TEST_F(XdpVerdict, OptionsInTheIpHeader) {
  Frame frame = test::report_frame(1);
  frame[14] = 0x46;
  frame.insert(frame.begin() + 34, {1, 1, 1, 1});
  EXPECT_EQ(verdict(frame), HOPSCOPE_NO_SOCKET);
  frame[14] = 0x44;
  EXPECT_EQ(verdict(frame), HOPSCOPE_NOT_UDP);
}

TEST_F(XdpVerdict, EverythingElseGoesToTheKernel) {
  EXPECT_EQ(verdict(test::report_frame(1, {.destination_port = 53})), HOPSCOPE_OTHER_PORT);
  EXPECT_EQ(verdict(test::report_frame(1, {.destination_port = 0})), HOPSCOPE_OTHER_PORT);
  Frame tcp = test::report_frame(1);
  tcp[23] = 6;
  EXPECT_EQ(verdict(tcp), HOPSCOPE_NOT_UDP);
  Frame arp = test::report_frame(1);
  arp[12] = 0x08;
  arp[13] = 0x06;
  EXPECT_EQ(verdict(arp), HOPSCOPE_NOT_UDP);
  Frame three_tags = test::report_frame(1, with_vlans({1, 2}));
  three_tags.insert(three_tags.begin() + 12, {0x81, 0, 0, 3});
  EXPECT_EQ(verdict(three_tags), HOPSCOPE_NOT_UDP);
}

TEST_F(XdpVerdict, FragmentsGoToTheKernelAndAreCounted) {
  Frame first = test::report_frame(1);
  first[20] = 0x20;  // more fragments
  EXPECT_EQ(verdict(first), HOPSCOPE_FRAGMENT);
  Frame later = test::report_frame(1);
  later[20] = 0x00;
  later[21] = 0x10;
  EXPECT_EQ(verdict(later), HOPSCOPE_FRAGMENT);
  Frame ipv6 = test::report_frame(1, over_ipv6());
  ipv6[20] = 44;
  EXPECT_EQ(verdict(ipv6), HOPSCOPE_FRAGMENT);
}

TEST_F(XdpVerdict, AnyLengthIsSafe) {
  for (const Outer& outer : {Outer{}, with_vlans({1, 2}), over_ipv6()}) {
    const Frame frame = test::report_frame(1, outer);
    for (std::size_t length = 14; length < frame.size(); ++length) {
      const auto got = verdict({frame.begin(), frame.begin() + static_cast<long>(length)});
      EXPECT_TRUE(got == HOPSCOPE_NOT_UDP || got == HOPSCOPE_NO_SOCKET) << length;
    }
  }
}

}  // namespace
}  // namespace hopscope::io
