#pragma once
// The golden vectors: frames with everything that a decoder must find in them (tests/data).

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "app/config/load.h"

namespace hopscope::test {

struct Vector {
  std::string name;
  pipeline::DecodeConfig config;
  std::vector<std::uint8_t> frame;
  nlohmann::ordered_json expected;
};

inline std::vector<std::uint8_t> from_hex(const std::string& hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

inline std::vector<Vector> read_vectors() {
  std::ifstream file(std::string(HOPSCOPE_TEST_DATA) + "/vectors.json");
  std::vector<Vector> vectors;
  for (const auto& entry : nlohmann::ordered_json::parse(file)) {
    const auto loaded = app::read_config(nlohmann::json{{"decode", entry.at("config")}}.dump());
    if (!loaded.mistakes.empty()) throw std::runtime_error(loaded.mistakes.front().text);
    vectors.push_back({.name = entry.at("name"),
                       .config = loaded.config.decode,
                       .frame = from_hex(entry.at("hex")),
                       .expected = entry.at("expected")});
  }
  return vectors;
}

}  // namespace hopscope::test
