#pragma once
// Settings of the decoder: the `decode:` section of the configuration. Nothing on the wire says how
// INT is marked inside a reported packet, and some senders deviate from the specification.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/decode/custom_header_config.h"
#include "pipeline/report/key.h"

namespace hopscope::pipeline {

enum class Int10Layout : std::uint8_t {
  kAuto,   ///< kGeant where hop length and bitmap fit only that layout, else kSpec
  kSpec,   ///< INT 1.0: 4-byte timestamps, 8-byte level 2 ports
  kGeant,  ///< 8-byte timestamps, 4-byte level 2 ports (GEANT int-platforms)
};

/// Whether the sink's node id precedes the packet of a host-int report (NProto 4).
enum class HostIntSink : std::uint8_t {
  kAuto,  ///< by where an IPv4 header starts; ambiguous for node ids 0x45xxxxxx
  kPresent,
  kAbsent,
};

/// Known senders; each sets some of the settings in Dialect.
enum class Preset : std::uint8_t {
  kNone,
  kSpec,            ///< as specified, no deviation is recognised
  kOnos,            ///< ONOS pipelines/basic
  kGeant,           ///< GEANT int-platforms 1.0
  kTofinoSwitch,    ///< open-p4studio switch.p4, INT v2 build
  kHostInt,         ///< Intel Host-INT
  kFabricTna,       ///< stratum/fabric-tna
  kNoviflow,        ///< NoviFlow, AmLight
  kMandaryoshi,     ///< mandaryoshi/p4-int, INT-MD 1.0
  kBmv2ZeroLength,  ///< BMv2 programs that leave the lengths of 2.0 reports 0
};

/// Indexed by Preset.
inline constexpr std::string_view kPresetLabels[] = {
    "none",     "spec",       "onos",     "geant",       "tofino-switch",
    "host-int", "fabric-tna", "noviflow", "mandaryoshi", "bmv2-zero-length"};

/// Whether frames that are no reports are read as data packets with INT, as on a mirror port.
enum class DataPackets : std::uint8_t {
  kAuto,  ///< in captures, where they carry INT; not from an interface
  kOn,
  kOff,
};

/// What is done about wrong checksums around reports.
enum class ChecksumPolicy : std::uint8_t { kCount, kDrop, kOff };

/// How a sender deviates from the specification: per source prefix, per node, or for all.
struct Dialect {
  Preset preset = Preset::kNone;
  /// 1.0 reports with D, Q, F directly after RepMdBits (ONOS). Empty: recognised where the bits are
  /// unambiguous.
  std::optional<bool> tr10_dqf_before_reserved;
  Int10Layout int10_layout = Int10Layout::kAuto;
  /// INT directly after the 20th byte of TCP, before the options.
  bool int_before_tcp_options = false;
  /// Group headers of 2.0 with a 4-bit hw_id and a 24-bit sequence number.
  bool tr20_hw_id_4_bits = false;
  /// Report Length and MD Length of 2.0 are not filled in: a report extends to the end of its
  /// datagram and has the words of its RepMdBits.
  bool tr20_no_lengths = false;
  HostIntSink hostint_sink = HostIntSink::kAuto;
  std::uint32_t sampling = 1;  ///< N, where the source reports one packet in N

  friend bool operator==(const Dialect&, const Dialect&) = default;
};

/// The settings of a preset.
[[nodiscard]] Dialect dialect_of(Preset preset);

/// The dialect of a prefix of source addresses or of a node id; the node id takes precedence.
struct SourceDialect {
  IpAddress prefix;                ///< version 0: none
  std::uint8_t prefix_length = 0;  ///< bits
  std::optional<std::uint32_t> node_id;
  Dialect dialect;
};

/// Source-only metadata of an INT 2.x domain: size in bytes by domain-specific instruction mask.
struct IntDomain {
  std::map<std::uint16_t, std::uint32_t> source_only;
};

struct DecodeConfig {
  std::vector<std::uint16_t> report_udp_port{32766};
  std::optional<std::uint8_t> int_dscp = std::uint8_t{0x17};  ///< empty: INT is not marked by DSCP
  std::uint8_t int_dscp_mask = 0x3F;
  std::optional<std::uint16_t> int_udp_port;
  std::optional<std::uint16_t> int_gre_proto;
  std::optional<std::uint64_t> int_probe_marker;
  std::uint16_t geneve_class = 0x0103;
  std::vector<std::uint8_t> vxlan_gpe_next{0x08, 0x82};
  std::map<std::uint16_t, IntDomain> domains;
  DataPackets data_packets = DataPackets::kAuto;
  /// Data packets: also IPv4 packets with the MRI option of the P4 tutorials.
  bool mri = false;
  ChecksumPolicy checksums = ChecksumPolicy::kCount;
  Dialect dialect;                          ///< for sources without an entry in `sources`
  std::vector<CustomHeaderConfig> formats;  ///< custom headers
  std::vector<SourceDialect> sources;       ///< the longest matching prefix applies
};

}  // namespace hopscope::pipeline
