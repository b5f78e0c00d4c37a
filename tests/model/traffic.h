#pragma once
// Random report traffic for comparisons: a fabric where everything happens that tables care about,
// more often than in any real one. The same frames for the same options and seed.

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <vector>

#include "pipeline/encode/encode.h"
#include "support/memory_source.h"

namespace hopscope::test::model {

struct TrafficOptions {
  std::uint32_t flows = 400;
  std::uint32_t switches = 20;
  std::uint32_t ports = 4;  ///< of a switch
  std::uint32_t queues = 3;
  std::vector<int> versions{1};  ///< of reports: 0 is 0.5
  unsigned least_hops = 1;
  unsigned most_hops = 6;
  bool wide_ports = false;  ///< 32-bit egress ports instead of 16-bit ones
  bool has_times = true;
  bool same_fields = false;  ///< every stack has the same words

  // Shares, 0 to 1.
  double ipv6 = 0.2;
  double new_paths = 0.005;
  double moves = 0.03;       ///< of values: far from what they were
  double postcards = 0;      ///< one node's own report
  double spoken_stacks = 0;  ///< a stack and the reporting node's own values
  double drops = 0.01;
  double no_values = 0;   ///< of words: all ones
  double broken = 0.005;  ///< bits flipped, or cut
  double groups = 0;      ///< of 2.0 datagrams: several reports
  double vlans = 0.02;
  double checksums = 0.05;  ///< with a UDP checksum

  // Of sequence numbers.
  double lost = 0.002, late = 0.002, doubled = 0.002, restarts = 0.0005, constant = 0;

  std::int64_t step_ns = 20'000;  ///< between frames, on the average
  double pauses = 0.0003;         ///< of up to pause_s seconds
  std::int64_t pause_s = 3;
  double from_before = 0.001;  ///< frames with an earlier time
  double set_back = 0;         ///< the clock goes back by an hour
};

class Traffic {
 public:
  using Frame = MemorySource::Item;

  Traffic(const TrafficOptions& options, std::uint64_t seed);

  /// The next frames of the capture.
  void next(std::size_t count, std::vector<Frame>& frames);

 private:
  struct Sender {
    std::uint32_t number = 0;
    bool counts = true;
  };

  [[nodiscard]] bool chance(double share) {
    return share > 0 && std::uniform_real_distribution<>()(random_) < share;
  }
  [[nodiscard]] std::uint32_t below(std::uint64_t bound) {
    return static_cast<std::uint32_t>(random_() % bound);
  }

  void make_frame();
  void spoil(std::vector<std::uint8_t>& bytes);
  void pass_time();
  [[nodiscard]] std::uint32_t sequence_of(std::uint32_t sender);
  [[nodiscard]] std::vector<pipeline::Metadata> path_of(std::uint32_t flow);
  [[nodiscard]] pipeline::Metadata hop(std::uint32_t switch_id, std::uint32_t port,
                                       std::uint32_t flow);
  [[nodiscard]] pipeline::FieldMask fields_of(std::uint32_t flow) const;
  [[nodiscard]] pipeline::encode::Packet packet_of(std::uint32_t flow) const;
  [[nodiscard]] pipeline::encode::Telemetry stack_of(int version, std::uint32_t flow,
                                                     std::vector<pipeline::Metadata> hops) const;
  void make_05(pipeline::encode::ByteWriter& out, std::uint32_t flow);
  void make_10(pipeline::encode::ByteWriter& out, std::uint32_t flow);
  void make_20(pipeline::encode::ByteWriter& out, std::uint32_t flow);
  [[nodiscard]] pipeline::encode::Outer outer_of(std::uint32_t sink);

  const TrafficOptions options_;
  std::mt19937_64 random_;
  std::int64_t now_ns_ = 1'750'000'000'000'000'000;
  std::map<std::uint32_t, std::uint32_t> route_;  ///< by flow: which path it takes now
  std::map<std::uint32_t, Sender> senders_;
  std::vector<Frame>* out_ = nullptr;
  struct Held {
    std::uint64_t due;  ///< frame number
    std::vector<std::uint8_t> bytes;
  };
  std::vector<Held> held_;
  std::uint64_t frames_ = 0;
};

}  // namespace hopscope::test::model
