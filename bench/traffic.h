#pragma once
// Reports of a fabric, written fast: 300 switches in as many layers as a path has hops, 64 ports of
// 8 queues each. A flow has one path. Which flow reports next is drawn; values tremble within their
// intervals, and in a given share of the reports one of them moves, so that the number of events is
// known beforehand.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "pipeline/events/event.h"
#include "random.h"

namespace hopscope::bench {

enum class Format : std::uint8_t {
  kPlain,       ///< report 1.0, INT 1.0, IPv4, UDP
  kReport05,    ///< report 0.5, INT 0.5
  kWide,        ///< report 2.0, INT 2.x: 8-byte timestamps
  kIpv6,        ///< plain, but an IPv6 flow
  kVlan,        ///< plain, a VLAN tag outside and one inside
  kTcpOptions,  ///< plain, but TCP with 12 bytes of options
  kMixed,       ///< plain, but seven flows of ten are TCP
  kCount
};

[[nodiscard]] const char* label(Format format) noexcept;

struct TrafficOptions {
  Format format = Format::kPlain;
  unsigned hops = 6;
  bool all_fields = true;      ///< else node, ports, latency and queue
  std::uint32_t flows = 1000;  ///< at most 2^24
  double events = 0.01;        ///< share of the reports with which a value moves
  bool moves_back = false;     ///< what moved does so again with the next report of the same thing
  bool zipf = false;           ///< exponent 1; else every flow is as likely
  bool new_flows = false;      ///< one flow after the other instead, modulo `flows`
};

class Traffic {
 public:
  static constexpr std::size_t kMaxFrame = 1024;

  explicit Traffic(const TrafficOptions& options);

  /// A report of this flow with which no value moves; returns its length. `frame` has kMaxFrame
  /// bytes.
  std::uint32_t write(std::uint32_t flow, std::uint8_t* frame) noexcept {
    return write(flow, frame, Moving::kNothing);
  }
  /// The next report of the stream.
  std::uint32_t next(std::uint8_t* frame) noexcept;

  /// Values that have moved so far: one event each, where the reports are read in their order.
  [[nodiscard]] std::uint64_t moved() const noexcept { return moved_; }
  [[nodiscard]] const TrafficOptions& options() const noexcept { return options_; }

  static constexpr std::uint32_t kSwitches = 300;
  static constexpr std::uint32_t kPorts = 64;
  static constexpr std::uint32_t kQueues = 8;

 private:
  /// A frame and where it has what changes.
  struct Template {
    std::vector<std::uint8_t> bytes;
    std::size_t outer_ip = 0;
    std::size_t node_id = 0;  ///< 0: the report has none
    std::size_t sequence = 0;
    std::uint32_t sequence_mask = 0;
    std::size_t inner_source = 0;  ///< the last 4 bytes of the address
    std::size_t inner_port = 0;
    std::size_t stack = 0;
    std::size_t hop_bytes = 0;
  };

  /// Where a hop of a path is.
  struct Place {
    std::uint32_t switch_id;
    std::uint32_t port;
    std::uint32_t queue;

    [[nodiscard]] std::size_t port_index() const noexcept {
      return (std::size_t{switch_id} - 1) * kPorts + port;
    }
    [[nodiscard]] std::size_t queue_index() const noexcept {
      return port_index() * kQueues + queue;
    }
  };

  [[nodiscard]] Template make_template(bool tcp) const;
  [[nodiscard]] Place place(std::uint32_t flow, unsigned hop) const noexcept;
  /// The hop at which values of the flow move: one of those that its record holds.
  [[nodiscard]] unsigned moving_hop(std::uint32_t flow) const noexcept {
    return flow % std::min(options_.hops, pipeline::kMaxHops);
  }
  [[nodiscard]] std::uint32_t draw_flow() noexcept;
  enum class Moving : std::uint8_t { kNothing, kQueue, kPort, kFlow };
  [[nodiscard]] Moving draw_moving() noexcept;
  std::uint32_t write(std::uint32_t flow, std::uint8_t* frame, Moving moving) noexcept;
  void move(std::uint32_t flow, Moving moving) noexcept;
  void write_hop(const Template& shape, std::uint32_t flow, unsigned hop, const Place& place,
                 std::uint8_t* at) noexcept;

  TrafficOptions options_;
  std::vector<Template> templates_;
  Random random_{1};
  std::uint64_t event_threshold_;  ///< of 2^32
  double log_flows_;
  std::uint32_t next_new_ = 0;
  std::uint64_t moved_ = 0;
  // Whether a value is the higher one of its two.
  std::vector<bool> flow_is_slow_;
  std::vector<bool> port_is_busy_;
  std::vector<bool> queue_is_long_;
  std::vector<std::uint32_t> sequence_;  ///< by sink
};

}  // namespace hopscope::bench
