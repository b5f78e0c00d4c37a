#pragma once
// Labels of a series in the bytes of the format that will carry them, so that a flow's are made
// once and then copied for each of its series.

#include <cstdint>
#include <string_view>
#include <vector>

#include "pipeline/report/key.h"

namespace hopscope::exporter {

enum class LabelFormat : std::uint8_t {
  kText,      ///< name="value",name="value"
  kProtobuf,  ///< LabelPair messages as field 1 of a Metric
};

class Labels {
 public:
  explicit Labels(LabelFormat format) : format_(format) {}

  void clear() noexcept { size_ = 0; }
  void add(std::string_view name, std::string_view value);
  void add(std::string_view name, std::uint64_t value);
  void add(std::string_view name, const pipeline::IpAddress& value);

  /// Where cut() cuts off what was added since.
  [[nodiscard]] std::size_t mark() const noexcept { return size_; }
  void cut(std::size_t mark) noexcept { size_ = mark; }

  [[nodiscard]] std::string_view bytes() const noexcept { return {bytes_.data(), size_}; }

 private:
  /// `value` needs no escape.
  void add_plain(std::string_view name, std::string_view value);
  /// Room for `bytes` more; the caller then sets size_.
  char* room(std::size_t bytes);
  /// In text: the name and what stands between it and the value.
  char* open(std::string_view name, std::size_t value_bytes);
  void close(char* end);

  LabelFormat format_;
  std::vector<char> bytes_;  ///< longer than what is used
  std::size_t size_ = 0;
};

}  // namespace hopscope::exporter
