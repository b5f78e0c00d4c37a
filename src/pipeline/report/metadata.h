#pragma once
// The values that one node reports about one packet: a hop of an INT stack, or the optional
// metadata of a telemetry report. Raw values as on the wire; units are per switch and applied on
// export only.

#include <array>
#include <cstdint>

#include "base/assert.h"

namespace hopscope::pipeline {

/// One word of metadata: a bit of FieldMask and the index into the tables of names.
enum class Field : std::uint8_t {
  kNodeId,              ///< 32 bits
  kL1Ports,             ///< ingress 16, egress 16
  kHopLatency,          ///< 32
  kQueue,               ///< queue id 8, occupancy 24
  kIngressTime,         ///< 32, or 64 in INT 2.x and report 2.0
  kEgressTime,          ///< 32 or 64
  kL2Ports,             ///< ingress 32, egress 32
  kTxUtilization,       ///< 32
  kBuffer,              ///< buffer id 8, occupancy 24
  kQueueCongestion,     ///< INT 0.5 bit 6: queue id 8, congestion 24
  kDrop,                ///< report only: queue id 8, drop reason 8
  kChecksumComplement,  ///< 32
  kCount
};

using FieldMask = std::uint16_t;

[[nodiscard]] constexpr FieldMask bit(Field field) noexcept {
  HOPSCOPE_ASSERT(field < Field::kCount);
  return static_cast<FieldMask>(1U << static_cast<unsigned>(field));
}

struct Metadata {
  FieldMask present = 0;  ///< the word is present
  FieldMask invalid = 0;  ///< ... but all ones: the node had no value (INT 1.0 section 4.8)
  std::uint32_t node_id = 0;
  std::uint32_t l1_ingress_if = 0;
  std::uint32_t l1_egress_if = 0;
  std::uint32_t hop_latency = 0;
  std::uint32_t queue_id = 0;
  std::uint32_t queue_occupancy = 0;
  std::uint64_t ingress_time = 0;
  std::uint64_t egress_time = 0;
  std::uint32_t l2_ingress_if = 0;
  std::uint32_t l2_egress_if = 0;
  std::uint32_t tx_utilization = 0;
  std::uint32_t buffer_id = 0;
  std::uint32_t buffer_occupancy = 0;
  std::uint32_t congestion_queue_id = 0;
  std::uint32_t queue_congestion = 0;
  std::uint32_t drop_queue_id = 0;
  std::uint32_t drop_reason = 0;
  std::uint32_t checksum_complement = 0;
  /// Reserved instruction bits 9 to 14 (a word each), for printing; bit i of the mask is bit i.
  std::uint16_t reserved_present = 0;
  std::array<std::uint32_t, 16> reserved{};

  /// The word is present and holds a value.
  [[nodiscard]] bool has(Field field) const noexcept {
    return (present & ~invalid & bit(field)) != 0;
  }
};

}  // namespace hopscope::pipeline
