#pragma once
// What the decoder must be told: the `decode:` section of the configuration. Nothing on the wire
// says how INT is marked inside a reported packet, and some senders depart from the specification.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/key.h"

namespace hopscope::pipeline {

enum class Int10Layout : std::uint8_t {
  kAuto,   ///< by hop length against bitmap: where they fit only the GEANT layout, that one
  kSpec,   ///< INT 1.0: 4-byte timestamps, 8-byte level 2 ports
  kGeant,  ///< 8-byte timestamps, 4-byte level 2 ports (GEANT int-platforms)
};

/// Where a sender departs from the specification; per source prefix, or for all.
struct Dialect {
  /// 1.0 reports with D, Q, F directly behind RepMdBits (ONOS). Empty: recognised where it is safe.
  std::optional<bool> tr10_dqf_before_reserved;
  Int10Layout int10_layout = Int10Layout::kAuto;
  /// INT directly behind the 20th byte of TCP, in front of the options.
  bool int_before_tcp_options = false;

  friend bool operator==(const Dialect&, const Dialect&) = default;
};

struct SourceDialect {
  IpAddress prefix;
  std::uint8_t prefix_length = 0;  ///< bits
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
  Dialect dialect;                     ///< for sources that no entry below names
  std::vector<SourceDialect> sources;  ///< the longest matching prefix counts
};

}  // namespace hopscope::pipeline
