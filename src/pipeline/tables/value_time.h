#pragma once
// When a value of a port or queue came, so that of several workers' values the newest is shown. A
// stamp says it to the microsecond. In the line that every report writes there is room for eight
// bits of it only, a tick of 8.4 ms, which comes round every 2.1 s: before that the sweep, which
// visits every row once a second, puts the stamp of what has grown old into another line.
//
// So values of two workers that came within 8 ms of each other, once in two seconds within 17 ms,
// are not told apart; their order on the way from the wire is no surer where queues wait their
// turn. A worker that has not swept for over a second and a half tells newer values as older than
// they are, until it does.

#include <cstdint>

namespace hopscope::pipeline {

/// What rows say about when a value came.
enum class ValueTimes : std::uint8_t {
  kNone,   ///< nothing: there is one worker
  kTicks,  ///< the tick, and the stamp of what is old
  kExact,  ///< the stamp, at the price of another line per hop
};

inline constexpr unsigned kStampShift = 10;  ///< a stamp counts 2^10 ns, modulo 2^32
inline constexpr unsigned kTickShift = 13;   ///< a tick counts 2^13 of these, modulo 2^8
/// Ticks that a value may be old when it was swept, and that a lagging worker's may be ahead.
inline constexpr std::uint32_t kKeptTicks = 64;
inline constexpr std::uint32_t kAheadTicks = 8;

/// Instead of a tick: the stamp is kept.
inline constexpr std::uint8_t kNoTick = 0;

[[nodiscard]] constexpr std::uint32_t stamp_of(std::int64_t time_ns) noexcept {
  return static_cast<std::uint32_t>(time_ns >> kStampShift);
}

[[nodiscard]] constexpr std::uint8_t tick_of(std::uint32_t stamp) noexcept {
  const auto tick = static_cast<std::uint8_t>(stamp >> kTickShift);
  return tick == kNoTick ? std::uint8_t{1} : tick;
}

/// Whether a value of a row that was swept at `swept` is to be kept by its stamp now: it is old, or
/// nobody knows how often its tick came round.
[[nodiscard]] constexpr bool is_old(std::uint8_t tick, std::uint32_t swept,
                                    std::uint32_t now) noexcept {
  const std::uint32_t age = ((now >> kTickShift) - tick) & 0xFF;
  const bool was_late = (now - swept) >> kTickShift >= 0xFF - kKeptTicks - kAheadTicks;
  return was_late || (age > kKeptTicks && age < 0x100 - kAheadTicks);
}

/// The stamp of a value with a tick, in a row that was swept at `swept`, less than 1.6 s ago.
[[nodiscard]] constexpr std::uint32_t stamp_with(std::uint8_t tick, std::uint32_t swept) noexcept {
  const std::uint32_t from = (swept >> kTickShift) - kKeptTicks;
  return (from + ((tick - from) & 0xFF)) << kTickShift;
}

/// A kept stamp, as it is to be kept on: what is older than 18 minutes does not grow older, so that
/// it stays older than all that is newer though stamps come round.
[[nodiscard]] constexpr std::uint32_t kept_stamp(std::uint32_t stamp, std::uint32_t now) noexcept {
  constexpr std::uint32_t kOldest = 1U << 30;
  return now - stamp > kOldest && now - stamp < 0xFFFF'FFFF - kOldest ? now - kOldest : stamp;
}

}  // namespace hopscope::pipeline
