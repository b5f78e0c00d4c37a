// Shapes of reports: whatever bits of a frame change, a frame that is still of the shape means what
// the checked decoder finds in it.

#include "pipeline/fastpath/report_shape.h"

#include <gtest/gtest.h>

#include <random>

#include "app/generate/traffic.h"
#include "support/shape_check.h"

namespace hopscope::app {
namespace {

using pipeline::DecodeConfig;
using pipeline::Decoder;
using pipeline::ReportShape;

struct Case {
  const char* name;
  TrafficFormat format;
};

class ReportShapes : public testing::TestWithParam<Case> {};

TEST_P(ReportShapes, AMutatedFrameOfTheShapeMeansTheSame) {
  std::mt19937 random(11);
  std::uint64_t learnt = 0;
  std::uint64_t of_shape = 0;
  for (int round = 0; round < 24; ++round) {
    TrafficOptions options;
    options.format = GetParam().format;
    options.hops = 1 + static_cast<unsigned>(random() % 8);
    options.ipv6 = round % 3 == 0 ? 1 : 0;
    options.tcp = round % 2;
    if (round % 4 == 1) options.vlans = {7};
    if (round % 4 == 2) options.vlans = {7, 8};
    options.seed = random();
    DecodeConfig config;
    config.int_udp_port = 5000;
    if (round % 5 == 0) config.int_dscp_mask = 0x17;
    if (round % 7 == 0) config.int_probe_marker = 0xAAAA'AAAA'BBBB'BBBB;
    const Decoder decoder(config);
    TrafficModel traffic(options);
    traffic.next();
    const auto first = traffic.frame().bytes();
    const std::vector<std::uint8_t> base(first.begin(), first.end());
    const std::optional<ReportShape> shape = test::shape_of(decoder, base);
    if (!shape) continue;
    ++learnt;
    ASSERT_TRUE(test::is_of(*shape, base));
    for (int i = 0; i < 20'000; ++i) {
      std::vector<std::uint8_t> frame = base;
      for (std::uint_fast32_t flips = 1 + random() % 3; flips > 0; --flips) {
        // The headers more often than what follows them.
        const std::size_t end = random() % 4 != 0 ? shape->header_bytes : frame.size();
        auto& byte = frame[random() % end];
        byte = random() % 4 == 0 ? static_cast<std::uint8_t>(random())
                                 : static_cast<std::uint8_t>(byte ^ 1U << random() % 8);
      }
      if (random() % 16 == 0) frame.resize(random() % frame.size());
      if (random() % 16 == 0) frame.resize(frame.size() + random() % 32);
      frame.shrink_to_fit();
      if (!test::is_of(*shape, frame)) continue;
      ++of_shape;
      ASSERT_EQ(test::disagreement(decoder, *shape, frame), "") << "round " << round;
    }
  }
  EXPECT_GE(learnt, 12U);
  EXPECT_GE(of_shape, 50'000U);  // most bits are values
}

INSTANTIATE_TEST_SUITE_P(Formats, ReportShapes,
                         testing::Values(Case{"report05", TrafficFormat::kReport05},
                                         Case{"report10", TrafficFormat::kReport10},
                                         Case{"report20", TrafficFormat::kReport20Md}),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace hopscope::app
