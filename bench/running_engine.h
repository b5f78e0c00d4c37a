#pragma once
// An engine on pinned threads that takes LoopSources at full speed, and its rate while it goes on.

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "known_flows.h"
#include "loop_source.h"
#include "pipeline/engine.h"

namespace hopscope::bench {

/// Whose flows a worker's source has.
enum class Flows : std::uint8_t { kOwn, kAny };

class RunningEngine {
 public:
  /// Worker i runs on CPU i; it stands still until rate() is called. Every flow is known.
  RunningEngine(const TrafficOptions& traffic, unsigned workers, Flows flows) {
    pipeline::EngineOptions options = engine_options(traffic);
    options.idle = io::IdleStrategy::kSpin;
    // In the cache where the flows are; so many flows that they are not have many frames too.
    const std::size_t frames = traffic.flows <= 10'000 ? 8'192 : 65'536;
    Traffic stream(traffic);
    std::vector<io::FrameSource*> sources;
    for (unsigned i = 0; i < workers; ++i) {
      options.cpus.push_back(static_cast<int>(i));
      const auto wanted = [&](const pipeline::Report& report) {
        const std::uint64_t hash = hash_of(report.flow4, options.seed);
        return flows == Flows::kAny || ((hash >> 32) * workers) >> 32 == i;
      };
      const auto hw_id = static_cast<std::uint8_t>(i);
      sources_.push_back(std::make_unique<LoopSource>(stream, frames, hw_id, wanted));
      sources.push_back(sources_.back().get());
    }
    engine_ = std::make_unique<pipeline::Engine>(options, sources);
    FrameRing first(FrameRing::kInCache, LoopSource::now_ns());
    sources_[0]->give_first(&first);
    make_known(*engine_, first, stream);
    sources_[0]->give_first(nullptr);
  }
  RunningEngine(const RunningEngine&) = delete;
  RunningEngine& operator=(const RunningEngine&) = delete;
  ~RunningEngine() { stop(); }

  void start() { engine_->start(); }
  void stop() {
    for (const auto& source : sources_) source->open(false);
    engine_->stop();
  }

  [[nodiscard]] pipeline::Engine& engine() noexcept { return *engine_; }

  /// Takes frames for so long after a tenth of a second for warming up; `beside()` runs on this
  /// thread again and again meanwhile, for at most some ms each. Returns reports per second.
  template <typename Beside>
  double rate(std::chrono::milliseconds duration, const Beside& beside) {
    using Clock = std::chrono::steady_clock;
    for (const auto& source : sources_) source->open(true);
    const auto go_on = [&](std::chrono::milliseconds time) {
      for (const auto end = Clock::now() + time; Clock::now() < end;) {
        drain_events(*engine_);
        beside();
      }
    };
    go_on(std::chrono::milliseconds(100));
    const std::uint64_t before = engine_->total().decoded;
    const auto start = Clock::now();
    go_on(duration);
    const std::uint64_t after = engine_->total().decoded;
    const std::chrono::duration<double> passed = Clock::now() - start;
    for (const auto& source : sources_) source->open(false);
    return static_cast<double>(after - before) / passed.count();
  }

 private:
  std::vector<std::unique_ptr<LoopSource>> sources_;
  std::unique_ptr<pipeline::Engine> engine_;
};

}  // namespace hopscope::bench
