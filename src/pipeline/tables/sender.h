#pragma once
// Who sent a report, and its sequence number.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "pipeline/report/deviation.h"
#include "pipeline/report/hash.h"
#include "pipeline/report/key.h"
#include "pipeline/tables/ageing_clock.h"

namespace hopscope::pipeline {

/// Who sent a report, and how, in words that compare fast.
struct SenderWords {
  std::uint64_t source_low = 0;   ///< first half of the address, as on the wire
  std::uint64_t source_high = 0;  ///< 0 for IPv4
  std::uint64_t manner = 0;       ///< see manner_of(); 0 is nobody's

  /// A number that is mostly another one for another sender.
  [[nodiscard]] std::size_t mix() const noexcept {
    return ((source_low ^ source_high ^ std::rotl(manner, 20)) * 0x9E37'79B9'7F4A'7C15ULL) >> 48;
  }
  friend bool operator==(const SenderWords& a, const SenderWords& b) noexcept {
    return ((a.source_low ^ b.source_low) | (a.source_high ^ b.source_high) |
            (a.manner ^ b.manner)) == 0;
  }

  /// What reports of a shape have in common: never 0.
  [[nodiscard]] static std::uint64_t manner_of(bool is_ipv6, std::uint8_t report_version,
                                               DeviationMask deviations) noexcept {
    return std::uint64_t{deviations} << 48 | std::uint64_t{report_version} << 45 |
           std::uint64_t{is_ipv6} << 44 | std::uint64_t{1} << 43;
  }
  [[nodiscard]] static std::uint64_t manner_of(std::uint64_t of_shape, std::uint8_t hw_id,
                                               std::uint32_t switch_id) noexcept {
    return of_shape | std::uint64_t{hw_id} << 32 | switch_id;
  }
};

/// Of the sender, however it sends: the version of its reports and what is odd about them aside.
[[nodiscard]] inline std::uint64_t hash_of(const SenderWords& sender,
                                           const HashSeed& seed) noexcept {
  const std::uint64_t mixed =
      multiply_fold(sender.source_low ^ seed.a, sender.source_high ^ seed.b);
  return hash_of(mixed ^ (sender.manner & 0xFF'FFFF'FFFF), seed);
}

/// One sequence number, for the worker that keeps the account of its sender.
struct SequenceNumber {
  IpAddress source;
  std::uint8_t hw_id;
  std::uint8_t bits;
  std::uint8_t version;      ///< of the report
  DeviationMask deviations;  ///< seen in the report
  std::uint32_t switch_id;
  std::uint32_t number;
  FrameTime time;

  [[nodiscard]] SenderWords sender() const noexcept {
    SenderWords words;
    std::memcpy(&words.source_low, source.bytes.data(), 8);
    std::memcpy(&words.source_high, source.bytes.data() + 8, 8);
    const bool is_ipv6 = source.version == 6;
    words.manner = SenderWords::manner_of(SenderWords::manner_of(is_ipv6, version, deviations),
                                          hw_id, switch_id);
    return words;
  }
};

}  // namespace hopscope::pipeline
