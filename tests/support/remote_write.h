#pragma once
// Reads what was made for remote write, and holds it against the rules of the protocol.

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "export/sinks/remote_write/remote_write.pb.h"

namespace hopscope::test {

struct Sample {
  std::int64_t time_ms = 0;
  std::uint64_t bits = 0;  ///< of the value

  [[nodiscard]] double value() const { return std::bit_cast<double>(bits); }
  friend bool operator==(const Sample&, const Sample&) = default;
};

/// By series as PromQL writes them: name{a="b",c="d"}, labels ascending.
using Samples = std::map<std::string, std::vector<Sample>>;

/// Adds the samples of a request, or of records put one behind another, in their order.
inline void read_samples(std::string_view request, Samples& to) {
  remote_write::WriteRequest message;
  ASSERT_TRUE(message.ParseFromArray(request.data(), static_cast<int>(request.size())));
  for (const remote_write::TimeSeries& series : message.timeseries()) {
    std::string name;
    std::string labels;
    std::string before;
    for (const remote_write::Label& label : series.labels()) {
      EXPECT_LT(before, label.name()) << "labels ascend, none twice";
      EXPECT_FALSE(label.value().empty()) << label.name();
      before = label.name();
      if (label.name() == "__name__") {
        name = label.value();
        continue;
      }
      labels += labels.empty() ? "" : ",";
      labels += label.name() + "=\"" + label.value() + "\"";
    }
    EXPECT_FALSE(name.empty());
    std::vector<Sample>& samples = to[labels.empty() ? name : name + "{" + labels + "}"];
    EXPECT_GT(series.samples_size(), 0);
    for (const remote_write::Sample& sample : series.samples()) {
      samples.push_back(
          {.time_ms = sample.timestamp(), .bits = std::bit_cast<std::uint64_t>(sample.value())});
    }
  }
}

inline Samples samples_of(std::string_view request) {
  Samples samples;
  read_samples(request, samples);
  return samples;
}

/// What Prometheus wants of each series.
inline void expect_ascending(const Samples& samples) {
  for (const auto& [series, points] : samples) {
    for (std::size_t i = 1; i < points.size(); ++i) {
      EXPECT_LT(points[i - 1].time_ms, points[i].time_ms) << series << " at " << i;
    }
  }
}

}  // namespace hopscope::test
