#pragma once
// Pieces of the JSON of a report: metadata words, the reported packet, the INT in it.

#include <nlohmann/json.hpp>
#include <string>

#include "pipeline/report/report.h"

namespace hopscope::app {

/// "10.0.0.1", or IPv6 as RFC 5952 writes it.
[[nodiscard]] std::string address_text(const pipeline::IpAddress& address);
[[nodiscard]] std::string hex(pipeline::Bytes bytes);

/// The words present; level 1 ports have other names in 1.0 reports than in 2.0 and in stacks.
[[nodiscard]] nlohmann::ordered_json metadata_json(const pipeline::Metadata& metadata,
                                                   const char* ingress_name,
                                                   const char* egress_name);
[[nodiscard]] nlohmann::ordered_json inner_json(const pipeline::Report& report);

}  // namespace hopscope::app
