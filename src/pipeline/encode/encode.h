#pragma once
// The encoder: telemetry reports 0.5, 1.0 and 2.0 from structs to frames. The counterpart of the
// decoder, written from the same specifications and sharing no code with it, so that each can test
// the other. Used by `hopscope generate` and by tests. It allocates, and throws
// std::invalid_argument for input without an encoding, so no worker may call it.
//
//   ByteWriter out;
//   put_frame(out, Outer{.destination_port = 32766}, Report10{.switch_id = 7, ...});

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "pipeline/encode/packet.h"
#include "pipeline/encode/writer.h"
#include "pipeline/report/key.h"
#include "pipeline/report/metadata.h"

namespace hopscope::pipeline::encode {

/// Ethernet to UDP around the report.
struct Outer {
  MacAddress destination_mac{0x02, 0, 0, 0, 0, 2};
  MacAddress source_mac{0x02, 0, 0, 0, 0, 1};
  std::vector<std::uint16_t> vlans{};  ///< up to 2, outermost first
  IpAddress source = ipv4(0x0A00'000B);
  IpAddress destination = ipv4(0x0A00'0064);
  std::uint8_t dscp = 0;
  std::uint8_t ttl = 64;
  std::uint16_t identification = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 32766;
  bool udp_checksum = false;  ///< else the field is 0
};

struct Flags {
  bool dropped = false;       ///< D
  bool congested = false;     ///< Q
  bool tracked = false;       ///< F
  bool intermediate = false;  ///< I (2.0)
};

struct Report05 {
  enum class Kind : std::uint8_t { kPacket, kDrop, kLocal };  ///< NProto 0, 1, 2

  Kind kind = Kind::kPacket;
  Flags flags{};
  std::uint8_t hw_id = 0;
  std::uint32_t sequence = 0;
  std::uint32_t ingress_time = 0;
  std::uint32_t switch_id = 0;  ///< kDrop, kLocal
  Metadata metadata{};          ///< kDrop: L1 ports, drop; kLocal: L1 ports, queue, egress time
  Packet packet{};              ///< starts with Ethernet
};

struct Report10 {
  Flags flags{};
  std::uint8_t hw_id = 0;
  std::uint32_t switch_id = 0;
  std::uint32_t sequence = 0;
  std::uint32_t ingress_time = 0;
  std::uint8_t md_bits = 0;  ///< 6 bits
  Metadata metadata{};
  Packet packet{};
};

/// An individual report of a 2.0 datagram.
struct IndividualReport {
  bool inner_only = true;  ///< RepType 0, else RepType 1 with metadata
  Flags flags{};
  std::uint16_t md_bits = 0;
  std::uint16_t domain_id = 0;
  std::uint16_t ds_md_bits = 0;
  std::uint16_t ds_md_status = 0;
  Metadata metadata{};
  std::vector<std::uint32_t> ds_metadata{};
  std::optional<Packet> packet{};  ///< InType 3, 4 or 5
  /// Without a packet: InType 1 (TLVs) or 2 (domain-specific) with `contents`, or 0.
  std::uint8_t in_type = 0;
  std::vector<std::uint8_t> contents{};
};

struct Report20 {
  std::uint8_t hw_id = 0;
  std::uint32_t sequence = 0;  ///< 22 bits
  std::uint32_t node_id = 0;
  std::vector<IndividualReport> reports{};
};

/// The report alone, as UDP payload.
void put_report(ByteWriter& out, const Report05& report);
void put_report(ByteWriter& out, const Report10& report);
void put_report(ByteWriter& out, const Report20& report);

/// Offsets, from the first byte of a frame, of what changes when the frame is sent again.
struct FrameMarks {
  std::size_t ip = 0;
  std::size_t udp = 0;
  std::size_t payload = 0;
  /// The 4 bytes with the sequence number; 2.0 has it in the low 22 bits.
  std::size_t sequence = 0;
  unsigned sequence_bits = 32;
};

/// Replaces the contents of `out` with a complete frame.
FrameMarks put_frame(ByteWriter& out, const Outer& outer, const Report05& report);
FrameMarks put_frame(ByteWriter& out, const Outer& outer, const Report10& report);
FrameMarks put_frame(ByteWriter& out, const Outer& outer, const Report20& report);

/// Sets the lengths and checksums of the outer headers again after the payload was changed. `outer`
/// and `marks` are those of put_frame().
void finish_frame(ByteWriter& out, const Outer& outer, const FrameMarks& marks);

}  // namespace hopscope::pipeline::encode
