#pragma once
// Lines of the InfluxDB line protocol, version 1 and 2 alike: measurement,tag=value field=value
// time. Source: InfluxDB's line protocol reference.

#include <cstdint>
#include <string>
#include <string_view>

namespace hopscope::exporter {

/// Appends one line to a string. First the measurement, then tags in ascending order of their
/// names, then fields, then the time. What the protocol cannot carry is left out (a tag without
/// value, a number that is none) or replaced (line feeds by spaces). A line without fields is taken
/// back.
class LineWriter {
 public:
  explicit LineWriter(std::string& to) : to_(to), start_(to.size()) {}

  void measurement(std::string_view name);
  void tag(std::string_view name, std::string_view value);
  void tag(std::string_view name, std::uint64_t value);

  void field(std::string_view name, std::string_view text);
  void field(std::string_view name, double number);
  /// As a signed integer, all that the protocol of version 1 has: above it the most that there is.
  void field(std::string_view name, std::uint64_t number);

  /// Measurement and tags: what makes a series. Valid until something is added.
  [[nodiscard]] std::string_view series() const noexcept {
    return std::string_view(to_).substr(start_, series_end_ - start_);
  }

  /// Ends the line; false: it had no field and is gone.
  bool end(std::int64_t time);

 private:
  void begin_field(std::string_view name);

  std::string& to_;
  const std::size_t start_;
  std::size_t series_end_ = 0;
  bool has_fields_ = false;
};

}  // namespace hopscope::exporter
