#pragma once
// What the decoder finds in a frame: views, not copies. Everything points into the frame and is
// valid as long as the frame is. Values of hops are read on demand (hop_plan.h), so fields without
// a consumer cost nothing.

#include <array>
#include <cstdint>
#include <span>

#include "pipeline/report/decode_error.h"
#include "pipeline/report/key.h"
#include "pipeline/report/metadata.h"

namespace hopscope::pipeline {

using Bytes = std::span<const std::uint8_t>;

class CustomHeaderPlan;

/// Ethernet to UDP around the report.
struct OuterHeaders {
  Bytes payload;  ///< UDP payload, bounded by the UDP length; of a data packet the whole frame
  IpAddress source;
  IpAddress destination;
  std::uint16_t ethertype = 0;  ///< of the network layer
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint16_t udp_length = 0;
  std::uint8_t ttl = 0;
  std::uint8_t vlan_count = 0;
  std::array<std::uint16_t, 2> vlan{};  ///< VLAN ids, outermost first
  bool mpls = false;
  std::uint32_t mpls_label = 0;
  std::uint8_t mpls_ttl = 0;
  bool mpls_bottom = false;
  bool has_ip = false;   ///< source, destination, ttl are set
  bool has_udp = false;  ///< ports and length are set
  /// The plan of the custom header in `payload`; null: a report, or a data packet.
  const CustomHeaderPlan* format = nullptr;
  /// Data packet: why it is not a report.
  DecodeError no_report = DecodeError::kNone;
  bool data_packet = false;          ///< not a report: the packet itself may carry INT
  bool ipv4_checksum_wrong = false;  ///< zero counts as wrong; false where not verified
  bool udp_checksum_wrong = false;   ///< zero is not wrong: the sender computed none
};

/// Version of the INT headers inside the reported packet.
enum class IntVersion : std::uint8_t { kNone, k05, k10, k2x, k2xMx, kMri };

/// The widths of a stack's words. With the bitmap they give the offset of every field.
enum class HopLayout : std::uint8_t { kInt05, kInt10, kInt10Geant, kInt2x, kMri };

/// An INT stack. hops[0] is the hop nearest to the sink.
struct IntStack {
  IntVersion version = IntVersion::kNone;
  HopLayout layout = HopLayout::kInt10;
  const std::uint8_t* shim = nullptr;  ///< null for Geneve
  /// INT-MD or -MX header: 8 bytes up to 1.0, 12 in 2.x; MRI: the IPv4 option.
  const std::uint8_t* header = nullptr;
  const std::uint8_t* hops = nullptr;  ///< hop_count times hop_bytes
  const std::uint8_t* tail = nullptr;  ///< INT 0.5 over TCP/UDP: 4 bytes
  std::uint16_t hop_count = 0;
  std::uint16_t hop_bytes = 0;
  std::uint16_t bitmap = 0;
  bool has_marker = false;    ///< a probe marker precedes the shim
  Bytes source_only;          ///< 2.x: source-only domain metadata after the last hop
  Bytes source_inserted;      ///< MX: metadata that the source inserted
  bool has_flow_seq = false;  ///< host-int shim type 3
  std::uint32_t flow_seq = 0;
};

/// Tunnel around the packet that carries INT.
struct Tunnel {
  enum class Kind : std::uint8_t { kNone, kVxlanGpe, kGeneve, kGre, kVxlan } kind = Kind::kNone;
  const std::uint8_t* header = nullptr;
  const std::uint8_t* option = nullptr;  ///< Geneve: the INT option
};

/// The reported packet, or what the report holds of it.
struct InnerPacket {
  Bytes bytes;  ///< from its first header on; empty: the report has no packet
  const std::uint8_t* ethernet = nullptr;  ///< null where the packet starts with IP
  const std::uint8_t* ip = nullptr;        ///< null where there is none
  const std::uint8_t* l4 = nullptr;        ///< null where there is none or it is truncated
  std::uint16_t ethertype = 0;
  std::uint8_t vlan_count = 0;
  std::array<std::uint16_t, 4> vlan{};
  std::uint8_t ip_version = 0;
  std::uint8_t protocol = 0;   ///< of l4
  std::uint8_t l4_length = 0;  ///< bytes of the l4 header, TCP options included
  bool truncated = false;      ///< the IP length exceeds the bytes present
  Tunnel tunnel;
  const std::uint8_t* original_l4 = nullptr;  ///< NPT 2: the header after the INT stack
  std::uint8_t original_protocol = 0;
  const std::uint8_t* ioam = nullptr;  ///< IOAM trace option in IPv6 options
  std::uint16_t ioam_length = 0;       ///< bytes present of it
};

/// Report::version of a data packet that carries INT itself, without a report around it.
inline constexpr std::uint8_t kDataPacket = 3;

/// One individual report.
struct Report {
  std::uint8_t version = 0;            ///< 0 (v0.5), 1, 2, or kDataPacket
  bool dropped = false;                ///< D
  bool congested = false;              ///< Q
  bool tracked = false;                ///< F
  bool intermediate = false;           ///< I (2.0)
  bool flags_before_reserved = false;  ///< 1.0: D, Q, F are directly after RepMdBits
  std::uint8_t hw_id = 0;
  std::uint32_t sequence = 0;
  std::uint8_t sequence_bits = 32;  ///< 22 in 2.0
  std::uint32_t weight = 1;         ///< packets that the report represents: its source samples 1:N

  /// The reporting node. 0.5 with NProto 0 names none.
  bool has_node_id = false;
  std::uint32_t node_id = 0;

  /// The report header's own time of ingress (0.5, 1.0): 32 bits.
  bool has_ingress_time = false;
  std::uint32_t ingress_time = 0;

  /// The reporting node's metadata in the report itself: 0.5 Drop and Switch Local headers, 1.0
  /// RepMdBits words, 2.0 RepType 1 baseline metadata. node_id is not among `present`.
  Metadata metadata;

  /// First byte of the report (0.5, 1.0) or of the individual report (2.0).
  const std::uint8_t* header = nullptr;
  const std::uint8_t* group = nullptr;  ///< 2.0 group header
  Bytes contents;     ///< 2.0: from the end of the metadata to the end of the report
  Bytes ds_metadata;  ///< 2.0: domain-specific metadata

  InnerPacket inner;
  IntStack stack;

  /// The key of the flow: the packet's 5-tuple as it was before INT replaced ports or protocol;
  /// where a tunnel carries INT, that of the packet inside the tunnel.
  bool has_flow4 = false;
  bool has_flow6 = false;
  FlowKey4 flow4;
  FlowKey6 flow6;

  DecodeError error = DecodeError::kNone;  ///< of this report; its policy says what is kept

  [[nodiscard]] bool is_skipped() const noexcept { return info(error).policy == Policy::kSkip; }
};

}  // namespace hopscope::pipeline
