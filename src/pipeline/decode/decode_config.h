#pragma once
// What the decoder must be told: the `decode:` section of the configuration. Nothing on the wire
// says how INT is marked inside a reported packet, and some senders depart from the specification.

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
  kAuto,   ///< by hop length against bitmap: where they fit only the GEANT layout, that one
  kSpec,   ///< INT 1.0: 4-byte timestamps, 8-byte level 2 ports
  kGeant,  ///< 8-byte timestamps, 4-byte level 2 ports (GEANT int-platforms)
};

/// Is the sink's node id in front of the packet of a host-int report (NProto 4)?
enum class HostIntSink : std::uint8_t {
  kAuto,  ///< where IPv4 starts tells; ambiguous for node ids 0x45xxxxxx
  kPresent,
  kAbsent,
};

/// Known senders; each stands for a set of the settings below.
enum class Preset : std::uint8_t {
  kNone,
  kSpec,            ///< as specified, nothing recognised otherwise
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

/// Frames that are no reports may be data packets with INT in them, as a mirror port brings them.
enum class DataPackets : std::uint8_t {
  kAuto,  ///< in captures those that have INT; from an interface none
  kOn,
  kOff,
};

/// What is done about checksums around reports.
enum class ChecksumPolicy : std::uint8_t { kCount, kDrop, kOff };

/// Where a sender departs from the specification; per source prefix or node, or for all.
struct Dialect {
  Preset preset = Preset::kNone;
  /// 1.0 reports with D, Q, F directly behind RepMdBits (ONOS). Empty: recognised where it is safe.
  std::optional<bool> tr10_dqf_before_reserved;
  Int10Layout int10_layout = Int10Layout::kAuto;
  /// INT directly behind the 20th byte of TCP, in front of the options.
  bool int_before_tcp_options = false;
  /// Group headers of 2.0 with a 4-bit hw_id and a 24-bit sequence number.
  bool tr20_hw_id_4_bits = false;
  /// Report Length and MD Length of 2.0 are not filled in: a report runs to the end of its datagram
  /// and has the words that RepMdBits asks for.
  bool tr20_no_lengths = false;
  HostIntSink hostint_sink = HostIntSink::kAuto;
  std::uint32_t sampling = 1;  ///< the source reports one packet in so many

  friend bool operator==(const Dialect&, const Dialect&) = default;
};

/// The settings that a preset stands for.
[[nodiscard]] Dialect dialect_of(Preset preset);

/// Either of a prefix of source addresses or of a node id; the node id counts first.
struct SourceDialect {
  IpAddress prefix;                ///< version 0: none
  std::uint8_t prefix_length = 0;  ///< bits
  std::optional<std::uint32_t> node_id;
  Dialect dialect;
};

/// Source-only metadata of an INT 2.x domain: bytes by domain-specific instruction bit mask.
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
  /// ... and IPv4 packets with the MRI option of the P4 tutorials.
  bool mri = false;
  ChecksumPolicy checksums = ChecksumPolicy::kCount;
  Dialect dialect;                          ///< for sources that no entry below names
  std::vector<CustomHeaderConfig> formats;  ///< headers of one's own
  std::vector<SourceDialect> sources;       ///< the longest matching prefix counts
};

}  // namespace hopscope::pipeline
