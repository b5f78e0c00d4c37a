// Generated frames through the decoder: good ones are good, and each malformed one has exactly the
// error that the summary counts it under.

#include "app/generate/malform.h"

#include <gtest/gtest.h>

#include <map>

#include "app/generate/traffic.h"
#include "pipeline/decode/decoder.h"

namespace hopscope::app {
namespace {

using pipeline::DecodeError;

/// The first thing that is wrong with the frame.
DecodeError error_of(const pipeline::Decoder& decoder, pipeline::Bytes frame, unsigned& reports) {
  pipeline::OuterHeaders outer;
  reports = 0;
  if (const DecodeError error = decoder.outer(frame, outer); error != DecodeError::kNone) {
    return error;
  }
  pipeline::ReportReader reader = decoder.reports(outer);
  pipeline::Report report;
  DecodeError error = DecodeError::kNone;
  while (reader.next(report)) {
    if (!report.is_skipped()) ++reports;
    if (error == DecodeError::kNone) error = report.error;
  }
  return error == DecodeError::kNone ? reader.error() : error;
}

class GenerateMalform : public ::testing::TestWithParam<TrafficFormat> {};

TEST_P(GenerateMalform, EachKind_DecodesToItsError) {
  for (const InnerLayer inner : {InnerLayer::kEthernet, InnerLayer::kIp}) {
    if (inner == InnerLayer::kIp && report_version(GetParam()) == 0) continue;
    TrafficOptions options;
    options.format = GetParam();
    options.inner = inner;
    options.malformed = 0.5;
    options.ipv6 = 0.3;
    options.tcp = 0.3;
    options.reports_per_datagram = report_version(GetParam()) == 2 ? 3 : 1;
    check(options);
    TrafficModel model(options);
    const pipeline::Decoder decoder{pipeline::DecodeConfig{}};
    std::map<DecodeError, int> seen;
    for (int i = 0; i < 4000; ++i) {
      model.next();
      unsigned reports = 0;
      const DecodeError error = error_of(decoder, model.frame().bytes(), reports);
      const DecodeError wanted = model.record().error;
      ASSERT_EQ(info(error).label, info(wanted).label) << i;
      if (wanted == DecodeError::kNone) {
        ASSERT_EQ(reports, model.record().reports.size());
      }
      ++seen[wanted];
    }
    EXPECT_EQ(seen.size(), 1 + malformed_kinds(GetParam()).size());
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, GenerateMalform,
                         ::testing::Values(TrafficFormat::kReport05, TrafficFormat::kReport05Local,
                                           TrafficFormat::kReport05Drop, TrafficFormat::kReport10,
                                           TrafficFormat::kReport10Xd, TrafficFormat::kReport20Md,
                                           TrafficFormat::kReport20Xd, TrafficFormat::kReport20Mx),
                         [](const auto& parameter) {
                           std::string name = name_of(parameter.param);
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace hopscope::app
