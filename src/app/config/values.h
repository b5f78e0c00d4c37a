#pragma once
// Scalars of the configuration file: text to value and back.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hopscope::app {

/// Decimal, or hexadecimal with 0x; an optional sign; `_` between digits is allowed.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);
[[nodiscard]] std::optional<double> parse_number(std::string_view text);
/// 5s, 250us, 1.5ms, 2m, 1h, 3d, or a plain number of seconds. Seconds.
[[nodiscard]] std::optional<double> parse_duration(std::string_view text);
/// 64MiB, 64M, 2k, or a plain number of bytes; k, M and G are powers of 1024 in either spelling.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
/// 16 hexadecimal digits, with or without 0x.
[[nodiscard]] std::optional<std::uint64_t> parse_hex64(std::string_view text);
/// address/bits of either IP version.
[[nodiscard]] bool is_prefix(const std::string& text);
[[nodiscard]] bool is_ip_address(const std::string& text);
/// address:port with an IPv4 address, or [address]:port with an IPv6 address.
[[nodiscard]] bool is_listen_address(const std::string& text);

[[nodiscard]] std::string format_number(double value);
[[nodiscard]] std::string format_duration(double seconds);
[[nodiscard]] std::string format_size(std::uint64_t bytes);

}  // namespace hopscope::app
