#pragma once
// A slow and simple decoder, written independently from the specifications: every value by name in
// a map, every read checked, an exception where bytes are missing. It shares no code with the real
// one, so that the two can be compared. Dialects: only those recognised without a setting.

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace hopscope::test::reference {

using Bytes = std::vector<std::uint8_t>;
using Values = std::map<std::string, std::uint64_t>;

struct Settings {
  std::vector<std::uint64_t> ports{32766};
  std::optional<std::uint64_t> dscp = 0x17;
  std::uint64_t dscp_mask = 0x3F;
  std::optional<std::uint64_t> int_port;
  std::optional<std::uint64_t> gre;
  std::optional<std::uint64_t> marker;
  bool before_tcp_options = false;
};

/// A report, or the datagram as a whole where only `error` is set.
struct Found {
  std::string error = "none";
  bool rejected = false;
  Values values;             ///< of the report header and its metadata
  std::string flow;          ///< 5-tuple as text; empty: none
  std::string int_version;   ///< empty: no INT
  std::vector<Values> hops;  ///< values that are all ones are left out
};

struct Cut : std::runtime_error {
  Cut() : std::runtime_error("cut") {}
};

/// Reads from the start; throws Cut at the end.
class Cursor {
 public:
  explicit Cursor(Bytes bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
  [[nodiscard]] std::uint64_t peek(std::size_t offset, std::size_t bytes) const {
    if (offset + bytes > left()) throw Cut();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | bytes_[at_ + offset + i];
    return value;
  }
  std::uint64_t take(std::size_t bytes) {
    const std::uint64_t value = peek(0, bytes);
    at_ += bytes;
    return value;
  }
  Bytes take_bytes(std::size_t bytes) {
    if (bytes > left()) throw Cut();
    at_ += bytes;
    return {bytes_.begin() + static_cast<std::ptrdiff_t>(at_ - bytes),
            bytes_.begin() + static_cast<std::ptrdiff_t>(at_)};
  }
  void skip(std::size_t bytes) { (void)take_bytes(bytes); }
  [[nodiscard]] Bytes rest() const {
    return {bytes_.begin() + static_cast<std::ptrdiff_t>(at_), bytes_.end()};
  }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

/// All reports of a frame in order; if the datagram has an error, followed by an entry with only
/// the error.
[[nodiscard]] std::vector<Found> decode(const Bytes& frame, const Settings& settings);

}  // namespace hopscope::test::reference
