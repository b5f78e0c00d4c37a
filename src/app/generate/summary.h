#pragma once
// What a collector must find in generated traffic, counted from the frames' records alone. Frames
// may be repeated in laps: a sender goes through a list of templates again and again.

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/generate/options.h"
#include "app/generate/record.h"
#include "app/generate/topology.h"

namespace hopscope::app {

class TrafficSummary {
 public:
  TrafficSummary(const TrafficOptions& options, const Topology& topology);

  /// A frame of the lap, in order, that is sent `times` in all.
  void add(const FrameRecord& record, std::uint64_t times = 1);
  /// After the last frame of the lap. Nothing may be added any more.
  void close();

  [[nodiscard]] std::uint64_t frames() const noexcept { return frames_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

  [[nodiscard]] nlohmann::ordered_json json() const;

 private:
  struct FlowPaths {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t times = 0;  ///< that the first is sent
  };

  void add_report(const ReportRecord& report, FrameKind kind, std::uint64_t times);

  const TrafficOptions& options_;
  std::uint32_t port_count_;
  std::uint64_t frames_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t reports_ = 0;
  std::uint64_t hops_ = 0;
  std::uint64_t congested_ = 0;
  std::uint64_t rejected_ = 0;
  std::uint64_t missing_ = 0;
  std::uint64_t path_changes_ = 0;
  std::map<std::string, std::uint64_t> kinds_;
  std::map<std::string, std::uint64_t> malformed_;
  std::map<std::uint32_t, std::uint64_t> drop_reasons_;
  std::unordered_map<std::uint32_t, FlowPaths> paths_;
  std::vector<bool> flow_used_;
  std::uint64_t flows_ipv4_ = 0;
  std::uint64_t flows_ipv6_ = 0;
  std::vector<bool> key_used_;
  std::vector<bool> port_used_;
};

}  // namespace hopscope::app
