#pragma once
// The traffic model: one report frame after the other, the same ones for the same options. One
// thread; allocates.

#include <cstdint>
#include <vector>

#include "app/generate/fabric.h"
#include "app/generate/options.h"
#include "app/generate/random.h"
#include "app/generate/record.h"
#include "app/generate/topology.h"
#include "pipeline/encode/encode.h"

namespace hopscope::app {

class TrafficModel {
 public:
  /// `options` must have passed check().
  explicit TrafficModel(const TrafficOptions& options);
  TrafficModel(const TrafficModel&) = delete;
  TrafficModel& operator=(const TrafficModel&) = delete;

  /// The next frame; bytes() and record() hold until the next call.
  void next();
  [[nodiscard]] const pipeline::encode::ByteWriter& frame() const noexcept { return frame_; }
  [[nodiscard]] const FrameRecord& record() const noexcept { return record_; }

  [[nodiscard]] const Topology& topology() const noexcept { return topology_; }
  [[nodiscard]] std::uint32_t sequence_keys() const noexcept;

 private:
  /// Forwarding pipes of a switch: each has its own sequence numbers.
  static constexpr std::uint32_t kPipes = 4;

  /// A report to generate: the packet's flow, its path, and the hop that reports it.
  struct Subject {
    std::uint32_t flow = 0;
    unsigned reporter = 0;  ///< index of the hop
    SwitchPath path;
  };

  [[nodiscard]] std::uint32_t draw_flow() { return sampler_.draw(random_); }
  [[nodiscard]] Subject draw_subject(std::uint32_t flow, bool may_change);
  void take_sequence(std::uint32_t switch_index, std::uint32_t hw_id, bool counts);

  void make_frame(FrameKind kind, const Subject& first);
  void make_05(FrameKind kind, const Subject& subject);
  void make_10(FrameKind kind, const Subject& subject);
  void make_20(FrameKind kind, const Subject& first);
  [[nodiscard]] pipeline::encode::IndividualReport individual(FrameKind kind,
                                                              const Subject& subject);

  /// Measures the hops of the subject into hops_ and adds its report to the record.
  ReportRecord& measure(FrameKind kind, const Subject& subject);
  [[nodiscard]] pipeline::encode::Packet packet(FrameKind kind, const Subject& subject) const;
  [[nodiscard]] pipeline::encode::Telemetry telemetry() const;
  void set_outer(const Subject& subject);

  const TrafficOptions options_;
  pipeline::FieldMask fields_ = 0;
  Topology topology_;
  Fabric fabric_;
  Sampler sampler_;
  Random random_;
  std::vector<pipeline::DecodeError> malformed_kinds_;
  std::uint64_t frames_ = 0;

  std::vector<std::uint32_t> path_version_;  ///< per flow
  std::vector<std::uint32_t> sequence_;      ///< per key: the number used last, 0: none yet

  std::vector<HopValues> hops_;
  pipeline::encode::Outer outer_;
  pipeline::encode::FrameMarks marks_;
  pipeline::encode::ByteWriter frame_;
  FrameRecord record_;
};

}  // namespace hopscope::app
