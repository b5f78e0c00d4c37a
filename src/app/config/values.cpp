#include "app/config/values.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

namespace hopscope::app {
namespace {

template <typename Number, typename... Base>
std::optional<Number> parse_all(std::string_view text, Base... base) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base...);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Splits "250us" into 250 and "us".
std::pair<std::string_view, std::string_view> split_unit(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0 && ((text[end - 1] >= 'a' && text[end - 1] <= 'z') ||
                     (text[end - 1] >= 'A' && text[end - 1] <= 'Z'))) {
    --end;
  }
  return {text.substr(0, end), text.substr(end)};
}

bool is_address(const std::string& text, bool is_ipv6) {
  std::array<unsigned char, 16> bytes{};
  return inet_pton(is_ipv6 ? AF_INET6 : AF_INET, text.c_str(), bytes.data()) == 1;
}

struct TimeUnit {
  std::string_view name;
  double seconds;
};
constexpr std::array<TimeUnit, 7> kTimeUnits{
    {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}}};

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool between = text[i] == '_' && i > 0 && i + 1 < text.size();
    if (!between) digits += text[i];
  }
  const bool negative = !digits.empty() && digits.front() == '-';
  std::string_view rest = digits;
  if (negative) rest.remove_prefix(1);
  const bool is_hex = rest.starts_with("0x") || rest.starts_with("0X");
  if (is_hex) rest.remove_prefix(2);
  if (rest.empty() || rest.front() == '-') return std::nullopt;
  const auto value = parse_all<std::int64_t>(rest, is_hex ? 16 : 10);
  if (!value) return std::nullopt;
  return negative ? -*value : *value;
}

std::optional<double> parse_number(std::string_view text) {
  const auto value = parse_all<double>(text);
  if (!value || !std::isfinite(*value)) return std::nullopt;
  return value;
}

std::optional<double> parse_duration(std::string_view text) {
  const auto [digits, unit] = split_unit(text);
  const auto value = parse_number(digits);
  if (!value) return std::nullopt;
  if (unit.empty()) return value;
  for (const TimeUnit& known : kTimeUnits) {
    if (known.name != unit) continue;
    // Divided where the unit is a part of a second, so that 10us is 1e-05 to the last bit.
    return known.seconds < 1 ? *value / std::round(1 / known.seconds) : *value * known.seconds;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto [digits, unit] = split_unit(text);
  const auto value = parse_number(digits);
  if (!value || *value < 0 || *value > 1e15) return std::nullopt;
  double factor = 1;
  if (unit == "k" || unit == "K" || unit == "KiB") {
    factor = 1024;
  } else if (unit == "M" || unit == "MiB") {
    factor = 1024.0 * 1024;
  } else if (unit == "G" || unit == "GiB") {
    factor = 1024.0 * 1024 * 1024;
  } else if (!unit.empty()) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(*value * factor);
}

std::optional<std::uint64_t> parse_hex64(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  if (text.size() != 16) return std::nullopt;
  return parse_all<std::uint64_t>(text, 16);
}

bool is_prefix(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return false;
  const bool is_ipv6 = text.find(':') != std::string::npos;
  if (!is_address(text.substr(0, slash), is_ipv6)) return false;
  const auto bits = parse_all<unsigned>(std::string_view(text).substr(slash + 1));
  return bits && *bits <= (is_ipv6 ? 128U : 32U);
}

bool is_ip_address(const std::string& text) {
  return is_address(text, text.find(':') != std::string::npos);
}

bool is_listen_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return false;
  const auto port = parse_all<std::uint16_t>(std::string_view(text).substr(colon + 1));
  if (!port || *port == 0) return false;
  std::string address = text.substr(0, colon);
  const bool is_ipv6 = address.size() > 2 && address.front() == '[' && address.back() == ']';
  if (is_ipv6) address = address.substr(1, address.size() - 2);
  return is_address(address, is_ipv6);
}

std::string format_number(double value) {
  // Whole numbers without exponent, others as short as they can be read back.
  if (value == std::floor(value) && std::fabs(value) < 1e15) return fmt::format("{:.0f}", value);
  return fmt::format("{}", value);
}

std::string format_duration(double seconds) {
  if (seconds == 0) return "0s";
  for (const TimeUnit& unit : kTimeUnits) {
    const double in_unit = seconds / unit.seconds;
    const double rounded = std::round(in_unit);
    if (rounded >= 1 && std::fabs(in_unit - rounded) < 1e-6 * in_unit) {
      return format_number(rounded) + std::string(unit.name);
    }
  }
  return format_number(seconds) + "s";
}

std::string format_size(std::uint64_t bytes) {
  constexpr std::uint64_t kKilo = 1024;
  if (bytes != 0 && bytes % (kKilo * kKilo) == 0) {
    return fmt::format("{}MiB", bytes / (kKilo * kKilo));
  }
  if (bytes != 0 && bytes % kKilo == 0) return fmt::format("{}KiB", bytes / kKilo);
  return std::to_string(bytes);
}

}  // namespace hopscope::app
