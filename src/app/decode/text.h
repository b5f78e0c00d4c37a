#pragma once
// A decoded datagram as a readable tree: a headline, then the contents of the JSON, one header per
// line.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace hopscope::app {

/// `json` of decode_to_json(); `number` counts the frames of the captures from 1.
[[nodiscard]] std::string decode_to_text(const nlohmann::ordered_json& json, std::uint64_t number);

}  // namespace hopscope::app
