#pragma once
// How ids become text: switches, drop reasons, protocols, addresses. Immutable after construction;
// shared by the exposition and the event sinks.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "export/names/format_names.h"
#include "pipeline/events/event.h"
#include "pipeline/events/options.h"
#include "pipeline/report/key.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::exporter {

/// Tables of drop reasons that are built in.
inline constexpr std::string_view kDropReasonTables[] = {"p4lang-switch", "tofino", "fabric-tna"};

/// "10.0.0.1"; IPv6 as RFC 5952 writes it.
[[nodiscard]] std::string address_text(const pipeline::IpAddress& address);

/// "tcp", "udp", "icmp", "icmp6", else the number.
[[nodiscard]] std::string protocol_text(std::uint8_t protocol);

/// "1.0" or "0.5,2.0" for a mask of report versions.
[[nodiscard]] std::string versions_text(std::uint8_t versions);
/// Labels of the deviations that were seen, a constant sequence number among them.
[[nodiscard]] std::vector<std::string_view> deviation_labels(
    const pipeline::SequenceSnapshot& sender);

class Names {
 public:
  explicit Names(const pipeline::SwitchOptions& switches,
                 const std::vector<pipeline::CustomHeaderConfig>& formats = {})
      : switches_(switches), formats_(formats.begin(), formats.end()) {}

  /// The configured name, else the id in decimal; "" for a switch that was not reported.
  [[nodiscard]] std::string switch_name(std::uint32_t id) const;
  /// The id of a configured name, or of an id in decimal.
  [[nodiscard]] std::optional<std::uint32_t> switch_id(std::string_view text) const;
  [[nodiscard]] bool has_name(std::uint32_t id) const;
  /// Of headers of one's own, by their index.
  [[nodiscard]] const std::vector<FormatNames>& formats() const noexcept { return formats_; }
  /// By the table that the switch's profile names; codes that it lacks in decimal.
  [[nodiscard]] std::string drop_reason(std::uint32_t switch_id, std::uint32_t code) const;
  [[nodiscard]] const pipeline::SwitchProfile& profile(std::uint32_t id) const {
    return switches_.of(id);
  }

 private:
  pipeline::SwitchOptions switches_;
  std::vector<FormatNames> formats_;
};

}  // namespace hopscope::exporter
