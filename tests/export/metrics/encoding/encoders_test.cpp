// The formats of the exposition, byte by byte or read back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "export/metrics/content_negotiation.h"
#include "export/metrics/exposition.h"
#include "support/exposition.h"
#include "support/fake_tables.h"
#include "support/protobuf_reader.h"
#include "support/render.h"

namespace hopscope::exporter {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kNoLabels{};
const double kBounds[] = {1.28e-07, 2.5};

template <typename Fill>
std::string text(TextFormat format, const Fill& fill) {
  std::string out;
  TextEncoder encoder(format, test::append_to(out));
  fill(encoder);
  EXPECT_TRUE(encoder.finish());
  return out;
}

HistogramValue histogram(std::span<const std::uint64_t> counts,
                         std::span<const std::optional<Exemplar>> exemplars = {}) {
  return {.bounds = kBounds, .counts = counts, .sum = 7.5, .exemplars = exemplars};
}

TEST(TextEncoder, OpenMetricsNamesCountersAndUnitsAndEnds) {
  EXPECT_EQ(text(TextFormat::kOpenMetrics,
                 [](Encoder& out) {
                   out.begin_family({"a_seconds_total", FamilyType::kCounter, "say \"a\"\\\n"});
                   out.sample("x=\"1\"", std::uint64_t{18'446'744'073'709'551'615U});
                   out.begin_family({"b_info", FamilyType::kGauge, "b"});
                   out.sample(kNoLabels, 0.5);
                 }),
            "# HELP a_seconds say \\\"a\\\"\\\\\\n\n# TYPE a_seconds counter\n"
            "# UNIT a_seconds seconds\n"
            "a_seconds_total{x=\"1\"} 18446744073709551615\n"
            "# HELP b_info b\n# TYPE b_info gauge\nb_info 0.5\n# EOF\n");
}

TEST(TextEncoder, ExemplarsStandBehindTheirBucketsInOpenMetricsOnly) {
  const std::uint64_t counts[] = {1, 0, 2};
  const std::optional<Exemplar> exemplars[] = {
      Exemplar{.labels = "f=\"1\"", .value = 1e-7, .time_ns = 1'700'000'000'045'678'901},
      std::nullopt, Exemplar{.labels = "f=\"2\"", .value = 3, .time_ns = 5'000'000'000}};
  const auto fill = [&](Encoder& out) {
    out.begin_family({"h", FamilyType::kHistogram, "h"});
    out.histogram("x=\"1\"", histogram(counts, exemplars));
  };
  const std::string classic =
      "h_bucket{x=\"1\",le=\"1.28e-07\"} 1\nh_bucket{x=\"1\",le=\"2.5\"} 1\n"
      "h_bucket{x=\"1\",le=\"+Inf\"} 3\nh_sum{x=\"1\"} 7.5\nh_count{x=\"1\"} 3\n";
  EXPECT_THAT(text(TextFormat::kPrometheus, fill), testing::EndsWith(classic));
  EXPECT_THAT(text(TextFormat::kOpenMetrics, fill),
              HasSubstr("le=\"1.28e-07\"} 1 # {f=\"1\"} 1e-07 1700000000.045\n"
                        "h_bucket{x=\"1\",le=\"2.5\"} 1\n"
                        "h_bucket{x=\"1\",le=\"+Inf\"} 3 # {f=\"2\"} 3 5.000\n"));
}

TEST(TextEncoder, EveryNumberIsReadBackAsItWas) {
  std::vector<double> values{0,     1,      0.1,   1e-9, 123e-9,  1e6,     999999.999999999,
                             1e300, 4.2e-8, 1e-12, -1.5, 2.12e-7, 1.0 / 3, 4294967.295,
                             5e-324};
  for (std::uint64_t ns = 1; ns < 2'000'000'000'000; ns = ns * 7 + 3) {
    values.push_back(static_cast<double>(ns) / 1e9);
  }
  for (const double value : values) {
    const std::string line =
        text(TextFormat::kPrometheus, [&](Encoder& out) { out.sample(kNoLabels, value); });
    EXPECT_EQ(std::strtod(line.c_str(), nullptr), value) << line;
  }
  EXPECT_EQ(text(TextFormat::kPrometheus,
                 [](Encoder& out) {
                   out.sample(kNoLabels, std::numeric_limits<double>::infinity());
                   out.sample(kNoLabels, std::nan(""));
                 }),
            " +Inf\n NaN\n");
}

TEST(TextEncoder, PiecesLargerThanTheBufferComeWhole) {
  const std::string label = "x=\"" + std::string(3 * OutputBuffer::kBytes, 'y') + "\"";
  EXPECT_EQ(text(TextFormat::kPrometheus,
                 [&](Encoder& out) {
                   out.begin_family({"a", FamilyType::kGauge, "a"});
                   out.sample(label, std::uint64_t{1});
                 }),
            "# HELP a a\n# TYPE a gauge\na{" + label + "} 1\n");
}

TEST(Labels, EscapedInTextAndPlainInProtobuf) {
  Labels plain(LabelFormat::kText);
  plain.add("a", "b\\\"\n");
  const std::size_t mark = plain.mark();
  plain.add("n", std::uint64_t{7});
  plain.add("ip", pipeline::IpAddress{.bytes = {10, 0, 200, 99}, .version = 4});
  EXPECT_EQ(plain.bytes(), R"(a="b\\\"\n",n="7",ip="10.0.200.99")");
  plain.cut(mark);
  EXPECT_EQ(plain.bytes(), R"(a="b\\\"\n")");
  Labels binary(LabelFormat::kProtobuf);
  const std::string long_value(300, 'v');
  binary.add("a", "b\\\"\n");
  binary.add("l", long_value);
  const auto pairs = test::read_message(binary.bytes()).messages(1);
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[0].text(1), "a");
  EXPECT_EQ(pairs[0].text(2), "b\\\"\n");
  EXPECT_EQ(pairs[1].text(2), long_value);
}

std::vector<test::Message> protobuf(const std::function<void(Encoder&)>& fill) {
  std::string out;
  ProtobufEncoder encoder(test::append_to(out));
  fill(encoder);
  EXPECT_TRUE(encoder.finish());
  return test::read_delimited(out);
}

/// The counts of a native histogram by index, from spans and deltas.
std::map<std::int64_t, std::int64_t> native_counts(const test::Message& histogram) {
  std::map<std::int64_t, std::int64_t> counts;
  std::string_view deltas;
  const std::string packed = histogram.text(13);
  deltas = packed;
  std::int64_t index = 0;
  std::int64_t count = 0;
  for (const test::Message& span : histogram.messages(12)) {
    index += test::zigzag(span.number(1));
    for (std::uint64_t i = 0; i < span.number(2); ++i) {
      count += test::zigzag(test::read_varint(deltas));
      counts[index++] = count;
    }
  }
  EXPECT_TRUE(deltas.empty());
  return counts;
}

TEST(ProtobufEncoder, NativeAndClassicBucketsSayTheSame) {
  const std::uint64_t counts[] = {4, 0, 5, 0, 3, 0, 2};
  const double bounds[] = {1, 2, 4, 8, 16, 32};
  const auto families = protobuf([&](Encoder& out) {
    out.begin_family({"h", FamilyType::kHistogram, "help"});
    out.histogram("", {.bounds = bounds,
                       .counts = counts,
                       .sum = 7.5,
                       .native = NativeBuckets{.zero_threshold = 1, .first_index = 1}});
    out.end_family();
  });
  ASSERT_EQ(families.size(), 1U);
  EXPECT_EQ(families[0].text(1), "h");
  EXPECT_EQ(families[0].text(2), "help");
  EXPECT_EQ(families[0].number(3), 4U);
  const test::Message histogram = families[0].messages(4).at(0).messages(7).at(0);
  EXPECT_EQ(histogram.number(1), 14U);
  EXPECT_EQ(histogram.real(2), 7.5);
  EXPECT_EQ(histogram.number(5), 0U) << "schema";
  EXPECT_EQ(histogram.real(6), 1);
  EXPECT_EQ(histogram.number(7), 4U) << "zero bucket";
  EXPECT_EQ(native_counts(histogram),
            (std::map<std::int64_t, std::int64_t>{{2, 5}, {3, 0}, {4, 3}, {1025, 2}}));
  const auto classic = histogram.messages(3);
  ASSERT_EQ(classic.size(), 7U);
  EXPECT_EQ(classic[2].number(1), 9U);
  EXPECT_EQ(classic[2].real(2), 4);
  EXPECT_EQ(classic[6].number(1), 14U);
  EXPECT_TRUE(std::isinf(classic[6].real(2)));
}

TEST(ProtobufEncoder, AnEmptyNativeHistogramIsStillOne) {
  const std::uint64_t counts[] = {0, 0, 0};
  const auto families = protobuf([&](Encoder& out) {
    out.begin_family({"h", FamilyType::kHistogram, ""});
    HistogramValue value = histogram(counts);
    value.native = NativeBuckets{.zero_threshold = 1e-7, .first_index = -22};
    out.histogram("", value);
    out.end_family();
  });
  const auto spans = families.at(0).messages(4).at(0).messages(7).at(0).messages(12);
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].number(2), 0U);
}

TEST(ProtobufEncoder, ALongFamilyIsSeveralMessages) {
  std::uint64_t samples = 0;
  const auto families = protobuf([](Encoder& out) {
    Labels labels(LabelFormat::kProtobuf);
    out.begin_family({"c_total", FamilyType::kCounter, "c"});
    for (std::uint64_t i = 0; i < 50'000; ++i) {
      labels.clear();
      labels.add("i", i);
      out.sample(labels.bytes(), i);
    }
    out.end_family();
    out.begin_family({"none", FamilyType::kGauge, "g"});
    out.end_family();
  });
  EXPECT_GT(families.size(), 5U);
  for (const test::Message& family : families) {
    EXPECT_EQ(family.text(1), "c_total");
    EXPECT_EQ(family.number(3), 0U);
    for (const test::Message& metric : family.messages(4)) {
      EXPECT_EQ(metric.messages(1).at(0).text(2), std::to_string(samples));
      EXPECT_EQ(metric.messages(3).at(0).real(1), static_cast<double>(samples));
      ++samples;
    }
  }
  EXPECT_EQ(samples, 50'000U);
}

/// {family, labels as text: value} of all counters and gauges.
std::map<std::string, double> values_of(const std::vector<test::Message>& families) {
  std::map<std::string, double> values;
  for (const test::Message& family : families) {
    for (const test::Message& metric : family.messages(4)) {
      Labels labels(LabelFormat::kText);
      for (const test::Message& pair : metric.messages(1)) labels.add(pair.text(1), pair.text(2));
      for (const unsigned field : {2U, 3U}) {
        for (const test::Message& value : metric.messages(field)) {
          std::string name = family.text(1);
          if (!labels.bytes().empty()) name += "{" + std::string(labels.bytes()) + "}";
          values[name] = value.real(1);
        }
      }
    }
  }
  return values;
}

TEST(Exposition, TheSameValuesInEveryFormat) {
  test::FakeTables tables;
  test::fill(tables);
  const Names names{pipeline::SwitchOptions{}, {}};
  const ScrapeView everything;
  const auto write = [&](Encoder& encoder) {
    SeriesWriter out(encoder, everything, 1'000'000);
    TableExposition({}, names).write(tables, out);
    out.end_family();
  };
  const auto plain = test::parse_exposition(text(TextFormat::kPrometheus, write));
  const auto binary = values_of(protobuf(write));
  std::size_t compared = 0;
  for (const auto& [name, family] : plain) {
    if (family.type == "histogram") continue;
    for (const auto& [series, value] : family.samples) {
      ASSERT_TRUE(binary.contains(series)) << series;
      EXPECT_EQ(binary.at(series), value) << series;
      ++compared;
    }
  }
  EXPECT_EQ(binary.size(), compared);
  EXPECT_GT(compared, 20U);
}

/// Upper bound of a native bucket of schema 0 against the pipeline's: within the documented 6.9%.
TEST(Exposition, NativeLatencyBoundsAreAsFarOffAsIsSaid) {
  test::FakeTables tables;
  pipeline::SwitchSnapshot row;
  row.switch_id = 1;
  for (unsigned i = 0; i < pipeline::kLatencyBuckets; ++i) row.latency_buckets[i] = i + 1;
  tables.switches = {row};
  const Names names{pipeline::SwitchOptions{}, {}};
  const ScrapeView view{.families = {"int_hop_latency_seconds"}};
  const auto families = protobuf([&](Encoder& encoder) {
    SeriesWriter out(encoder, view, 1'000'000);
    TableExposition({}, names).write(tables, out);
    out.end_family();
  });
  const test::Message histogram = families.at(0).messages(4).at(0).messages(7).at(0);
  const auto counts = native_counts(histogram);
  EXPECT_EQ(histogram.number(7), 1U);
  EXPECT_NEAR(histogram.real(6) / 128e-9, 0.931, 0.001);
  for (unsigned i = 1; i + 1 < pipeline::kLatencyBuckets; ++i) {
    const auto at = std::find_if(counts.begin(), counts.end(),
                                 [&](const auto& entry) { return entry.second == i + 1; });
    ASSERT_NE(at, counts.end());
    const double bound = std::ldexp(1.0, static_cast<int>(at->first));
    EXPECT_NEAR(bound / (static_cast<double>(128ULL << i) / 1e9), 0.931, 0.001);
  }
  EXPECT_EQ(counts.rbegin()->first, 1025) << "no upper bound";
}

TEST(ContentNegotiation, WhatScrapersSend) {
  const auto format = [](std::string_view accept) { return choose_format(accept); };
  // Prometheus 2.42, with native histograms and without.
  EXPECT_EQ(format("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                   "encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,"
                   "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;"
                   "q=0.5,*/*;q=0.1"),
            ExpositionFormat::kProtobuf);
  EXPECT_EQ(format("application/openmetrics-text;version=1.0.0,"
                   "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;"
                   "q=0.5,*/*;q=0.1"),
            ExpositionFormat::kOpenMetrics);
  // vmagent, curl, a browser, nobody in particular.
  EXPECT_EQ(format("text/plain;version=0.0.4;q=1,*/*;q=0.1"), ExpositionFormat::kText);
  EXPECT_EQ(format("*/*"), ExpositionFormat::kText);
  EXPECT_EQ(format("text/html,application/xhtml+xml;q=0.9"), ExpositionFormat::kText);
  EXPECT_EQ(format(""), ExpositionFormat::kText);
}

TEST(ContentNegotiation, QualityOrderAndOddities) {
  EXPECT_EQ(choose_format("text/plain;q=0.9, APPLICATION/OpenMetrics-Text ; version=\"1.0.0\""),
            ExpositionFormat::kOpenMetrics);
  EXPECT_EQ(choose_format("text/plain, application/openmetrics-text"), ExpositionFormat::kText)
      << "equal: the first";
  EXPECT_EQ(choose_format("application/openmetrics-text;q=0, text/plain;q=0.1"),
            ExpositionFormat::kText);
  EXPECT_EQ(choose_format("application/openmetrics-text;version=2.0.0"), ExpositionFormat::kText);
  EXPECT_EQ(choose_format("application/vnd.google.protobuf"), ExpositionFormat::kText)
      << "not said of what";
  EXPECT_EQ(choose_format("application/openmetrics-text;q=nonsense,;;,=,/"),
            ExpositionFormat::kText);
  EXPECT_TRUE(accepts_gzip("gzip"));
  EXPECT_TRUE(accepts_gzip("deflate, gzip;q=0.5"));
  EXPECT_TRUE(accepts_gzip("*"));
  EXPECT_FALSE(accepts_gzip(""));
  EXPECT_FALSE(accepts_gzip("identity"));
  EXPECT_FALSE(accepts_gzip("gzip;q=0, *"));
}

}  // namespace
}  // namespace hopscope::exporter
