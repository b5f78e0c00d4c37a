#pragma once
// What tests of the AF_XDP source share: a veth pair in a namespace of the test's own.

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "io/af_xdp/af_xdp_source.h"
#include "support/veth_namespace.h"

namespace hopscope::test {

inline constexpr const char* kHere = "hsrx0";
inline constexpr const char* kThere = "hsrx1";
inline const std::vector<std::uint16_t> kPorts{32766};

inline io::AfXdpOptions small_options() {
  io::AfXdpOptions options;
  options.interface = kHere;
  options.frames = 256;
  options.huge_pages = false;
  return options;
}

class AfXdp : public testing::Test {
 protected:
  void SetUp() override {
    static const std::string why_not = enter_veth_namespace(kHere, kThere);
    if (!why_not.empty()) GTEST_SKIP() << why_not;
  }

  /// Polls until `count` frames came or nothing comes any more.
  template <typename Visit>
  static std::size_t take(io::AfXdpSource& source, std::size_t count, const Visit& visit) {
    std::size_t taken = 0;
    for (int idle = 0; taken < count && idle < 200;) {
      io::FrameBatch batch;
      if (source.receive(batch) == 0) {
        ++idle;
        source.wait(5);
        continue;
      }
      taken += batch.count;
      visit(batch);
    }
    return taken;
  }

  static void expect_conserved(const io::AfXdpSource& source) {
    const io::SourceStatistics now = source.statistics();
    EXPECT_EQ(now.frames_in_fill + now.frames_in_rx + now.frames_held, now.frames_total);
  }
};

}  // namespace hopscope::test
