#pragma once
// An engine on pinned threads that takes LoopSources at full speed, and its rate while it goes on.

#include <chrono>
#include <initializer_list>
#include <memory>
#include <thread>
#include <vector>

#include "known_flows.h"
#include "loop_source.h"
#include "pipeline/worker/engine.h"

namespace hopscope::bench {

/// Whose flows a worker's source has.
enum class Flows : std::uint8_t { kOwn, kAny };

class RunningEngine {
 public:
  /// Worker i runs on CPU `first_cpu` + i; it stands still until a rate is asked for. Every flow is
  /// known.
  RunningEngine(const TrafficOptions& traffic, unsigned workers, Flows flows,
                unsigned first_cpu = 0) {
    pipeline::EngineOptions options = engine_options(traffic);
    options.idle = io::IdleStrategy::kSpin;
    // In the cache where the flows are; so many flows that they are not have many frames too.
    const std::size_t frames = traffic.flows <= 10'000 ? 8'192 : 65'536;
    // The reports come again and again, and those of other workers at the same time: values that
    // moved for good would contradict each other in every one of them.
    TrafficOptions steady = traffic;
    steady.moves_back = true;
    steady.events = traffic.events / 2;
    Traffic stream(steady);
    std::vector<io::FrameSource*> sources;
    for (unsigned i = 0; i < workers; ++i) {
      options.cpus.push_back(static_cast<int>(first_cpu + i));
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
    open(false);
    engine_->stop();
  }

  [[nodiscard]] pipeline::Engine& engine() noexcept { return *engine_; }

  /// Takes frames for so long after a tenth of a second for warming up; `beside()` runs on this
  /// thread again and again meanwhile, for at most some ms each. Returns reports per second.
  template <typename Beside>
  double rate(std::chrono::milliseconds duration, const Beside& beside) {
    return rate_of({this}, duration, beside);
  }

  /// The same of several at the same time, together.
  template <typename Beside>
  static double rate_of(std::initializer_list<RunningEngine*> engines,
                        std::chrono::milliseconds duration, const Beside& beside) {
    using Clock = std::chrono::steady_clock;
    for (RunningEngine* one : engines) one->open(true);
    const auto go_on = [&](std::chrono::milliseconds time) {
      for (const auto end = Clock::now() + time; Clock::now() < end;) {
        for (RunningEngine* one : engines) drain_events(*one->engine_);
        beside();
      }
    };
    const auto taken = [&] {
      std::uint64_t sum = 0;
      for (const RunningEngine* one : engines) sum += one->engine_->total().decoded;
      return sum;
    };
    go_on(std::chrono::milliseconds(100));
    const std::uint64_t before = taken();
    const auto start = Clock::now();
    go_on(duration);
    const std::uint64_t after = taken();
    const std::chrono::duration<double> passed = Clock::now() - start;
    for (RunningEngine* one : engines) one->open(false);
    return static_cast<double>(after - before) / passed.count();
  }

 private:
  void open(bool is_open) {
    for (const auto& source : sources_) source->open(is_open);
  }

  std::vector<std::unique_ptr<LoopSource>> sources_;
  std::unique_ptr<pipeline::Engine> engine_;
};

}  // namespace hopscope::bench
