// The traffic model: what it says about its frames against what a plain reader finds in them.

#include "app/generate/traffic.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "app/generate/output.h"
#include "app/generate/summary.h"
#include "support/pcap_file.h"
#include "support/plain_reader.h"

namespace hopscope::app {
namespace {

constexpr TrafficFormat kFormats[] = {TrafficFormat::kReport05,     TrafficFormat::kReport05Local,
                                      TrafficFormat::kReport05Drop, TrafficFormat::kReport10,
                                      TrafficFormat::kReport10Xd,   TrafficFormat::kReport20Md,
                                      TrafficFormat::kReport20Xd,   TrafficFormat::kReport20Mx};

TrafficOptions eventful(TrafficFormat format) {
  TrafficOptions options;
  options.format = format;
  options.flows = 300;
  options.ipv6 = 0.3;
  options.tcp = 0.3;
  options.loss = 0.02;
  options.congestion = 0.1;
  options.drops = 0.03;
  options.path_changes = has_stack(format) ? 0.02 : 0;
  options.seed = 42;
  return options;
}

std::vector<std::uint8_t> all_bytes(const TrafficOptions& options, int frames) {
  TrafficModel model(options);
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < frames; ++i) {
    model.next();
    bytes.insert(bytes.end(), model.frame().bytes().begin(), model.frame().bytes().end());
  }
  return bytes;
}

TEST(GenerateTraffic, SeedDecidesEveryByte) {
  for (const TrafficFormat format : kFormats) {
    TrafficOptions options = eventful(format);
    options.malformed = 0.05;
    const auto bytes = all_bytes(options, 500);
    EXPECT_EQ(bytes, all_bytes(options, 500)) << name_of(format);
    options.seed = 43;
    EXPECT_NE(bytes, all_bytes(options, 500)) << name_of(format);
  }
}

TEST(GenerateTraffic, SummaryAgreesWithThePlainReader) {
  for (const TrafficFormat format : kFormats) {
    SCOPED_TRACE(name_of(format));
    const TrafficOptions options = eventful(format);
    TrafficModel model(options);
    TrafficSummary summary(options, model.topology());
    test::PlainTally tally;
    for (int i = 0; i < 20'000; ++i) {
      model.next();
      summary.add(model.record());
      tally.add({model.frame().bytes().begin(), model.frame().bytes().end()});
    }
    summary.close();
    const auto json = summary.json();
    EXPECT_EQ(tally.unread, 0U);
    EXPECT_EQ(tally.disorder, 0U);
    EXPECT_EQ(json["frames"], tally.frames);
    EXPECT_EQ(json["bytes"], tally.bytes);
    EXPECT_EQ(json["congested_reports"], tally.congested);
    EXPECT_EQ(json["kinds"]["drop"], tally.drops);
    EXPECT_EQ(json["sequences"]["missing"], tally.missing);
    EXPECT_EQ(json["sequences"]["keys"], tally.sequence.size());
    EXPECT_EQ(json["flows"]["used"], tally.flows.size());
    EXPECT_EQ(json["path_changes"], tally.path_changes);
    EXPECT_GT(tally.missing, 200U);
    EXPECT_GT(tally.drops, 200U);
    EXPECT_GT(tally.congested, 100U);
    if (has_stack(format)) {
      EXPECT_EQ(json["hops"], tally.hops);
      EXPECT_GT(tally.path_changes, 200U);
    }
  }
}

TEST(GenerateTraffic, Shares_AreAsRequested) {
  TrafficOptions options = eventful(TrafficFormat::kReport10);
  options.flows = 20'000;
  options.malformed = 0.1;
  TrafficModel model(options);
  TrafficSummary summary(options, model.topology());
  for (int i = 0; i < 40'000; ++i) {
    model.next();
    summary.add(model.record());
  }
  summary.close();
  const auto json = summary.json();
  const auto near = [](double value, double wanted) {
    return value > 0.9 * wanted && value < 1.1 * wanted;
  };
  EXPECT_PRED2(near, json["kinds"]["malformed"].get<double>(), 4000);
  EXPECT_PRED2(near, json["kinds"]["drop"].get<double>(), 1080);
  EXPECT_PRED2(near, json["sequences"]["missing"].get<double>(), 760);
  EXPECT_PRED2(near, json["flows"]["ipv6"].get<double>(),
               0.3 * json["flows"]["used"].get<double>());
}

TEST(GenerateTraffic, MalformedFramesAreNamedAndTheRestStaysReadable) {
  for (const TrafficFormat format : kFormats) {
    SCOPED_TRACE(name_of(format));
    TrafficOptions options = eventful(format);
    options.malformed = 0.2;
    TrafficModel model(options);
    std::map<pipeline::DecodeError, int> kinds;
    test::PlainReport report;
    for (int i = 0; i < 5'000; ++i) {
      model.next();
      ++kinds[model.record().error];
      const bool readable = test::PlainReader().read(
          {model.frame().bytes().begin(), model.frame().bytes().end()}, report);
      const bool good = model.record().error == pipeline::DecodeError::kNone;
      if (good) {
        ASSERT_TRUE(readable) << i;
      }
      if (rejects(model.record().error)) {
        ASSERT_FALSE(readable) << info(model.record().error).label;
      }
      ASSERT_EQ(model.record().bytes, model.frame().size());
    }
    EXPECT_GE(kinds.size(), 6U);
    for (const auto& [error, count] : kinds) EXPECT_GT(count, 50) << info(error).label;
  }
}

TEST(GenerateTraffic, ZipfFavoursTheFirstFlows) {
  TrafficOptions options;
  options.flows = 1000;
  options.zipf = true;
  options.zipf_exponent = 1.2;
  TrafficModel model(options);
  std::vector<int> reports(options.flows);
  for (int i = 0; i < 20'000; ++i) {
    model.next();
    ++reports[model.record().reports[0].flow];
  }
  EXPECT_GT(reports[0], 3 * reports[4]);
  EXPECT_GT(reports[0], 3000);
}

TEST(GenerateTraffic, SeveralReportsInADatagramComeFromOneNode) {
  TrafficOptions options = eventful(TrafficFormat::kReport20Md);
  options.reports_per_datagram = 4;
  options.drops = 0;
  TrafficModel model(options);
  TrafficSummary summary(options, model.topology());
  for (int i = 0; i < 500; ++i) {
    model.next();
    summary.add(model.record());
    const auto bytes = model.frame().bytes();
    std::size_t at = 14 + 20 + 8 + 8;
    unsigned reports = 0;
    while (at < bytes.size()) {
      at += 4 * (1U + bytes[at + 1]);
      ++reports;
    }
    ASSERT_EQ(at, bytes.size());
    ASSERT_EQ(reports, 4U);
  }
  EXPECT_EQ(summary.json()["reports"], 2000);
}

TEST(GenerateTraffic, TimesAdvanceWithTheRate) {
  TrafficOptions options;
  options.rate = 1000;
  TrafficModel model(options);
  model.next();
  EXPECT_EQ(model.record().time_ns, options.start_time_ns);
  model.next();
  EXPECT_EQ(model.record().time_ns, options.start_time_ns + 1'000'000);
}

TEST(GenerateTopology, PathsHaveNoLoopAndLeavesStay) {
  for (unsigned hops = 1; hops <= kMaxPathHops; ++hops) {
    for (const std::uint32_t switches : {hops, hops + 1, 40U}) {
      const Topology topology(switches, hops, 7);
      for (std::uint32_t flow = 0; flow < 50; ++flow) {
        const SwitchPath path = topology.path(flow, 0);
        ASSERT_EQ(path, topology.path(flow, 0));
        const std::set<std::uint16_t> different(path.index.begin(),
                                                path.index.begin() + path.count);
        ASSERT_EQ(different.size(), hops);
        ASSERT_LT(*different.rbegin(), switches);
        const SwitchPath other = topology.path(flow, 3);
        ASSERT_EQ(path.index[0], other.index[0]);
        ASSERT_EQ(path.index[hops - 1], other.index[hops - 1]);
      }
    }
  }
  EXPECT_FALSE(Topology(40, 2, 7).has_alternatives());
  EXPECT_FALSE(Topology(3, 3, 7).has_alternatives());
  EXPECT_TRUE(Topology(40, 3, 7).has_alternatives());
}

TEST(GenerateOptions, ImpossibleOptions_AreRefused) {
  const auto refused = [](auto change) {
    TrafficOptions options;
    change(options);
    try {
      check(options);
    } catch (const GenerateError&) {
      return true;
    }
    return false;
  };
  EXPECT_FALSE(refused([](TrafficOptions&) {}));
  EXPECT_TRUE(refused([](TrafficOptions& options) { options.hops = 17; }));
  EXPECT_TRUE(refused([](TrafficOptions& options) { options.switches = 5; }));
  EXPECT_TRUE(refused([](TrafficOptions& options) { options.flows = 0; }));
  EXPECT_TRUE(refused([](TrafficOptions& options) { options.loss = 1; }));
  EXPECT_TRUE(refused([](TrafficOptions& options) { options.reports_per_datagram = 2; }));
  EXPECT_TRUE(refused([](TrafficOptions& options) {
    options.fields.push_back(pipeline::Field::kBuffer);  // not in 1.0
  }));
  EXPECT_TRUE(refused([](TrafficOptions& options) {
    options.hops = 2;
    options.path_changes = 0.1;
  }));
}

}  // namespace
}  // namespace hopscope::app
