#pragma once
// How headers of one's own are called: metric names, labels and the text of key values.

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/decode/custom_header_config.h"

namespace hopscope::exporter {

class FormatNames {
 public:
  explicit FormatNames(const pipeline::CustomHeaderConfig& format);

  [[nodiscard]] const pipeline::CustomHeaderConfig& config() const noexcept { return config_; }
  /// "service_chain_delay_seconds" for measurement `index`.
  [[nodiscard]] std::string metric(std::size_t index) const;
  /// Label names and values of a key: decimal, above 64 bits hexadecimal.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> labels(
      const std::array<std::uint64_t, 8>& key) const;

 private:
  pipeline::CustomHeaderConfig config_;
  std::vector<unsigned> key_bits_;
};

/// `high` and `low` as one number of `bits`.
[[nodiscard]] std::string wide_text(std::uint64_t high, std::uint64_t low, unsigned bits);

}  // namespace hopscope::exporter
