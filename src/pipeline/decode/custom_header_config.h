#pragma once
// Custom headers, as the `formats:` section declares them: fields in order, and what they mean.
// custom_header_plan.h compiles a declaration for the workers.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/events/options.h"

namespace hopscope::pipeline {

inline constexpr unsigned kMaxFormats = 16;
inline constexpr unsigned kMaxFormatKeys = 4;
inline constexpr unsigned kMaxFormatValues = 8;
inline constexpr unsigned kMaxFieldBits = 128;

/// A field, or a group of fields that repeats.
struct CustomHeaderField {
  std::string name{};
  unsigned bits = 0;  ///< 1 to 128; 0: a group
  /// Present only where this earlier field is not zero, or with `condition_bit` where that bit of
  /// it is set (0 is the lowest, as in a P4 slice). Empty: always present.
  std::string condition{};
  std::optional<unsigned> condition_bit{};
  std::string count{};  ///< group: the earlier field with the number of repetitions
  std::vector<CustomHeaderField> repeated{};  ///< group
};

enum class CustomHeaderStart : std::uint8_t {
  kPayload,  ///< after the UDP header, or after the Ethernet header for an EtherType
  kInnerL4,  ///< after the TCP or UDP header of the packet in the payload
  kEnd,      ///< the last bytes of the payload; only for a header of fixed length
};

struct CustomHeaderMeasurement {
  std::string field{};
  std::string unit{};  ///< ends the metric's name, e.g. "seconds"; may be empty
  double scale = 1;    ///< exported value = raw value * scale
  IntervalOptions interval{.enabled = false, .width = 1, .edges = {}};  ///< in exported units
};

struct CustomHeaderConfig {
  std::string name{};  ///< begins the metrics' names
  std::optional<std::uint16_t> udp_port{};
  std::optional<std::uint16_t> ethertype{};
  CustomHeaderStart start = CustomHeaderStart::kPayload;
  std::vector<CustomHeaderField> fields{};
  std::vector<std::string> key{};  ///< names of fields; group.field for those of a group
  std::vector<CustomHeaderMeasurement> measurements{};
  std::string drop{};  ///< field that is not zero if the packet was dropped; empty: none
  std::string timestamp{};
};

}  // namespace hopscope::pipeline
