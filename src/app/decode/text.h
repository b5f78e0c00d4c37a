#pragma once
// A decoded datagram as a tree for people: a headline, then what the JSON has, one header a line.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace hopscope::app {

/// `json` of decode_to_json(); `number` counts the frames of the captures from 1.
[[nodiscard]] std::string decode_to_text(const nlohmann::ordered_json& json, std::uint64_t number);

}  // namespace hopscope::app
