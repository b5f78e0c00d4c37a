#pragma once
// What frames of one kind have in common. A report that the checked decoder has understood is
// learnt: the bits of its headers that decided what it means, and where the values lie. A frame
// that has the same bits and whose lengths leave room means the same, so that its values are read
// without walking the headers again. Shapes exist for reports of INT-MD stacks that nothing is
// special about; everything else is the checked decoder's.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "pipeline/decode/decode_config.h"
#include "pipeline/report/report.h"
#include "pipeline/report/wire.h"
#include "pipeline/simd/hop_columns.h"
#include "pipeline/simd/masked_equal.h"
#include "pipeline/tables/flow_record.h"
#include "pipeline/tables/sender.h"

namespace hopscope::pipeline {

struct ReportShape {
  /// The bits of the first header_bytes bytes that decide, and what they are.
  alignas(64) std::array<std::uint8_t, kMaxHeaderBytes> mask{};
  alignas(64) std::array<std::uint8_t, kMaxHeaderBytes> value{};
  std::uint16_t header_bytes = 0;  ///< up to the first hop
  std::uint16_t stack_end = 0;     ///< offset behind the last hop, and behind the tail of 0.5

  // Offsets in the frame.
  std::uint16_t ip_at = 0;             ///< outer IP header
  std::uint16_t ip_length_at = 0;      ///< ... its length field
  std::uint16_t udp_at = 0;            ///< outer UDP header
  std::uint16_t source_at = 0;         ///< outer source address
  std::uint16_t report_at = 0;         ///< report or group header
  std::uint16_t report_length_at = 0;  ///< 2.0: Report Length that must fit; 0: does not count
  std::uint16_t addresses_at = 0;      ///< inner source address, the destination behind it
  std::uint16_t l4_at = 0;             ///< inner TCP or UDP header
  std::uint16_t original_port_at = 0;  ///< where INT keeps the destination port; 0: nowhere

  bool outer_ipv6 = false;
  bool inner_ipv6 = false;
  bool port_is_fixed = false;       ///< the inner destination port is among the compared bits
  bool original_port_is_0 = false;  ///< 0.5: 0 means that the port was not replaced
  std::uint8_t version = 0;         ///< of the report
  std::uint8_t protocol = 0;        ///< inner
  bool hw_id_4_bits = false;
  bool congested = false;
  bool tracked = false;
  bool has_node_id = false;
  std::uint16_t deviations = 0;  ///< DeviationMask, checksums aside
  Dialect dialect;

  HopLayout layout = HopLayout::kInt10;
  std::uint16_t bitmap = 0;
  ColumnPlan columns;

  /// SenderWords::manner_of() the shape.
  std::uint64_t manner = 0;

  [[nodiscard]] std::uint8_t sequence_bits() const noexcept { return version == 2 ? 22 : 32; }
  /// In 0.5 one counter runs through reports that name a node and such that do not (section 3.1).
  [[nodiscard]] bool counts_by_node() const noexcept { return has_node_id && version != 0; }

  /// Inner destination ports that mean a tunnel or INT, for which see the checked decoder.
  std::array<std::uint16_t, 3> special_ports{};
};

/// The shape of a frame that outer() and one report without an error were read from; none: nothing
/// to be gained, or something that shapes do not know. Not for the hot path.
[[nodiscard]] std::optional<ReportShape> learn_shape(Bytes frame, const OuterHeaders& outer,
                                                     const Report& report,
                                                     const DecodeConfig& config,
                                                     const Dialect& dialect);

/// The lengths that a frame of the shape states, as they lie there, and its own, which is below
/// 2^24: one word for each combination. For the functions below the compared bits are those of the
/// shape.
[[nodiscard]] inline std::uint64_t lengths_in(const ReportShape& shape, const std::uint8_t* frame,
                                              std::uint32_t length) noexcept {
  std::uint16_t ip_length = 0;
  std::uint16_t udp_length = 0;
  std::memcpy(&ip_length, frame + shape.ip_length_at, sizeof ip_length);
  std::memcpy(&udp_length, frame + shape.udp_at + 4, sizeof udp_length);
  const std::uint32_t words = shape.report_length_at != 0 ? frame[shape.report_length_at] : 0;
  return std::uint64_t{udp_length} << 48 | std::uint64_t{ip_length} << 32 | words << 24 | length;
}

/// Whether a frame with these lengths means what the shape says.
[[nodiscard]] inline bool lengths_fit(const ReportShape& shape, std::uint64_t lengths) noexcept {
  const auto length = static_cast<std::uint32_t>(lengths & 0xFF'FFFF);
  const auto words = static_cast<std::uint32_t>(lengths >> 24 & 0xFF);
  const auto stated = [lengths](unsigned shift) -> std::uint32_t {
    const auto as_it_lies = static_cast<std::uint16_t>(lengths >> shift);
    return be16(reinterpret_cast<const std::uint8_t*>(&as_it_lies));
  };
  const std::uint32_t ip_length = stated(32);
  const std::uint32_t udp_end = shape.udp_at + stated(48);
  const std::uint64_t ip_end =
      shape.ip_at + ip_length + (shape.outer_ipv6 ? std::uint64_t{kIpv6Bytes} : 0);
  const bool fits = udp_end <= length && udp_end <= ip_end && udp_end >= shape.stack_end;
  if (shape.report_length_at == 0) return fits;
  const std::uint32_t stated_end = shape.report_length_at + 3 + words * 4;
  return fits && words >= 2 && words != 0xFF && stated_end <= udp_end && udp_end - stated_end < 4;
}

/// The inner destination port means something else than the shape says.
[[nodiscard]] inline bool has_special_port(const ReportShape& shape,
                                           const std::uint8_t* frame) noexcept {
  if (shape.port_is_fixed) return false;
  const std::uint16_t port = be16(frame + shape.l4_at + 2);
  return port == shape.special_ports[0] || port == shape.special_ports[1] ||
         port == shape.special_ports[2];
}

[[nodiscard]] inline std::uint32_t sequence_in(const ReportShape& shape,
                                               const std::uint8_t* frame) noexcept {
  const std::uint8_t* report = frame + shape.report_at;
  if (shape.version == 2) return be32(report) & 0x3F'FFFF;
  return be32(report + (shape.version == 1 ? 8 : 4));
}

[[nodiscard]] inline std::uint8_t hw_id_in(const ReportShape& shape,
                                           const std::uint8_t* frame) noexcept {
  const std::uint8_t* report = frame + shape.report_at;
  if (shape.version != 2) return report[3] & 0x3F;
  const unsigned hw_id = ((report[0] & 0x0FU) << 2) | (report[1] >> 6);
  return static_cast<std::uint8_t>(shape.hw_id_4_bits ? hw_id >> 2 : hw_id);
}

/// Only where shape.has_node_id.
[[nodiscard]] inline std::uint32_t node_id_in(const ReportShape& shape,
                                              const std::uint8_t* frame) noexcept {
  return be32(frame + shape.report_at + 4);
}

[[nodiscard]] inline IpAddress source_in(const ReportShape& shape,
                                         const std::uint8_t* frame) noexcept {
  IpAddress address;
  address.version = shape.outer_ipv6 ? 6 : 4;
  std::memcpy(address.bytes.data(), frame + shape.source_at, shape.outer_ipv6 ? 16 : 4);
  return address;
}

[[nodiscard]] inline SenderWords sender_in(const ReportShape& shape,
                                           const std::uint8_t* frame) noexcept {
  SenderWords words;
  if (shape.outer_ipv6) {
    std::memcpy(&words.source_low, frame + shape.source_at, 8);
    std::memcpy(&words.source_high, frame + shape.source_at + 8, 8);
  } else {
    // Eight bytes at once, as they will be read.
    std::uint8_t first[8] = {};
    std::memcpy(first, frame + shape.source_at, 4);
    std::memcpy(&words.source_low, first, 8);
  }
  const std::uint32_t switch_id = shape.counts_by_node() ? node_id_in(shape, frame) : kNoSwitch;
  words.manner = SenderWords::manner_of(shape.manner, hw_id_in(shape, frame), switch_id);
  return words;
}

/// The destination port of the flow, as it was before INT replaced it.
[[nodiscard]] inline std::uint16_t destination_port_in(const ReportShape& shape,
                                                       const std::uint8_t* frame) noexcept {
  const std::uint16_t port = be16(frame + shape.l4_at + 2);
  if (shape.original_port_at == 0) return port;
  const std::uint16_t original = be16(frame + shape.original_port_at);
  return shape.original_port_is_0 && original == 0 ? port : original;
}

inline void read_key(const ReportShape& shape, const std::uint8_t* frame, FlowKey4& key) noexcept {
  // As two words, for the hash reads it so at once.
  static_assert(offsetof(FlowKey4, source_port) == 8 && offsetof(FlowKey4, protocol) == 12);
  if constexpr (std::endian::native == std::endian::little) {
    std::uint64_t words[2];
    std::memcpy(words, frame + shape.addresses_at, 8);
    words[1] = be16(frame + shape.l4_at) | std::uint64_t{destination_port_in(shape, frame)} << 16 |
               std::uint64_t{shape.protocol} << 32;
    std::memcpy(&key, words, sizeof key);
  } else {
    key = {};
    std::memcpy(&key.source, frame + shape.addresses_at, 4);
    std::memcpy(&key.destination, frame + shape.addresses_at + 4, 4);
    key.source_port = be16(frame + shape.l4_at);
    key.destination_port = destination_port_in(shape, frame);
    key.protocol = shape.protocol;
  }
}

inline void read_key(const ReportShape& shape, const std::uint8_t* frame, FlowKey6& key) noexcept {
  key = {};
  std::memcpy(key.source.data(), frame + shape.addresses_at, 16);
  std::memcpy(key.destination.data(), frame + shape.addresses_at + 16, 16);
  key.source_port = be16(frame + shape.l4_at);
  key.destination_port = destination_port_in(shape, frame);
  key.protocol = shape.protocol;
}

}  // namespace hopscope::pipeline
