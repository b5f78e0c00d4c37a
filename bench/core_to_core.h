#pragma once
// How long a cache line takes from one CPU to another. On a virtual machine it changes as the host
// moves its CPUs, and figures of two cores are worth nothing without it.

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace hopscope::bench {

inline bool pin_to(int cpu) noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
}

/// ns one way, the median of rounds; moves the calling thread to `a`. 0 when it cannot.
inline double core_to_core_ns(int a, int b) {
  constexpr std::uint32_t kRounds = 21;
  constexpr std::uint32_t kTrips = 2'000;
  struct alignas(128) Line {
    std::atomic<std::uint32_t> value{0};
  };
  Line there, back;
  if (!pin_to(a)) return 0;
  std::atomic<int> pinned{0};
  std::thread other([&] {
    const bool good = pin_to(b);
    pinned = good ? 1 : -1;
    for (std::uint32_t i = 1; good && i <= kRounds * kTrips; ++i) {
      while (there.value.load(std::memory_order_acquire) != i) {
      }
      back.value.store(i, std::memory_order_release);
    }
  });
  while (pinned == 0) std::this_thread::yield();
  std::array<double, kRounds> rounds{};
  std::uint32_t trip = 0;
  for (double& round : rounds) {
    if (pinned < 0) break;
    const auto start = std::chrono::steady_clock::now();
    for (std::uint32_t i = 0; i < kTrips; ++i) {
      there.value.store(++trip, std::memory_order_release);
      while (back.value.load(std::memory_order_acquire) != trip) {
      }
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    round = took.count() / kTrips / 2;
  }
  other.join();
  std::ranges::sort(rounds);
  return rounds[kRounds / 2];
}

}  // namespace hopscope::bench
