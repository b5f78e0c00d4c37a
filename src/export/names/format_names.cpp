#include "export/names/format_names.h"

#include <fmt/format.h>

#include <algorithm>

namespace hopscope::exporter {
namespace {

/// "hops.swid" as a part of a name in Prometheus.
std::string flat(std::string field) {
  std::replace(field.begin(), field.end(), '.', '_');
  return field;
}

unsigned bits_of(const pipeline::CustomHeaderConfig& format, const std::string& name) {
  for (const pipeline::CustomHeaderField& field : format.fields) {
    if (field.name == name) return field.bits;
    for (const pipeline::CustomHeaderField& inner : field.repeated) {
      if (field.name + "." + inner.name == name) return inner.bits;
    }
  }
  return 0;
}

}  // namespace

std::string wide_text(std::uint64_t high, std::uint64_t low, unsigned bits) {
  if (bits <= 64) return std::to_string(low);
  return fmt::format("0x{:0{}x}{:016x}", high, (bits - 64 + 3) / 4, low);
}

FormatNames::FormatNames(const pipeline::CustomHeaderConfig& format) : config_(format) {
  for (const std::string& field : config_.key) key_bits_.push_back(bits_of(config_, field));
}

std::string FormatNames::metric(std::size_t index) const {
  const pipeline::CustomHeaderMeasurement& measurement = config_.measurements[index];
  return config_.name + "_" + flat(measurement.field) +
         (measurement.unit.empty() ? "" : "_" + measurement.unit);
}

std::vector<std::pair<std::string, std::string>> FormatNames::labels(
    const std::array<std::uint64_t, 8>& key) const {
  std::vector<std::pair<std::string, std::string>> labels;
  for (std::size_t i = 0; i < config_.key.size(); ++i) {
    labels.emplace_back(flat(config_.key[i]), wide_text(key[2 * i], key[2 * i + 1], key_bits_[i]));
  }
  return labels;
}

}  // namespace hopscope::exporter
