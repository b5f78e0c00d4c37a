#pragma once
// The fast path without the worker around it, so that its stages can be looked at one by one.

#include <algorithm>
#include <array>

#include "base/prefetch.h"
#include "frame_ring.h"
#include "pipeline/fastpath/fast_path.h"
#include "pipeline/simd/compiled_for.h"
#include "pipeline/worker/engine.h"

namespace hopscope::bench {

/// Each with those before it: the cost of one is the difference to the one before.
enum class Stage : std::uint8_t {
  kFetch,   ///< every line of the frame is touched
  kHeader,  ///< shape, flow key and its hash
  kRead,    ///< ... flow looked up, stack read and compared
  kTake,    ///< ... flow, ports, queues and histograms written
  kCount
};

[[nodiscard]] constexpr const char* label(Stage stage) noexcept {
  constexpr const char* kLabels[] = {"fetch", "header", "read", "take"};
  return kLabels[static_cast<std::size_t>(stage)];
}

/// With its steps open.
class OpenFastPath final : public pipeline::FastPath {
 public:
  using FastPath::FastPath;
  using FastPath::fetch_all;
  using FastPath::head;
  using FastPath::is_regular;
  using FastPath::keep;
  using FastPath::leave;
  using FastPath::read;
  using FastPath::shape_of;
  using FastPath::take;
};

class FastPathBed final : private pipeline::ChangeRouter {
 public:
  explicit FastPathBed(const pipeline::EngineOptions& options)
      : decoder_(options.decode),
        units_(options.switches, options.events),
        seed_(options.seed),
        tables_({.tables = options.tables,
                 .events = options.events,
                 .units = units_,
                 .formats = decoder_.formats(),
                 .seed = seed_,
                 .workers = 1,
                 .exact_times = false,
                 .event_buffer = events_,
                 .changes = *this}),
        set_(options.instruction_set),
        fast_({.decoder = decoder_,
               .units = units_,
               .tables = tables_,
               .seed = seed_,
               .share = pipeline::KeyShare(0, 1),
               .is_on = true}) {}

  /// Makes the report's flow and ports known, and the shape of its frame.
  void take_checked(pipeline::Bytes frame) {
    pipeline::OuterHeaders outer;
    pipeline::Report report;
    if (decoder_.outer(frame, outer) != pipeline::DecodeError::kNone) return;
    auto reader = decoder_.reports(outer);
    while (reader.next(report)) {
      tables_.apply(report, hash_of(report.flow4, seed_), kTime);
      fast_.learn(frame, outer, report);
    }
    events_.flush();
    std::array<pipeline::Event, 64> told;
    while (queue_.pop(told.data(), told.size()) != 0) {
    }
  }

  /// Returns the number of reports that went through all of the stage.
  std::uint64_t run(const FrameRing& ring, Stage stage) noexcept {
    return pipeline::compiled_for(
        set_, [&](auto set) noexcept { return run_compiled<set()>(ring, stage); });
  }

 private:
  template <pipeline::InstructionSet kSet>
  std::uint64_t run_compiled(const FrameRing& ring, Stage stage) noexcept {
    std::uint64_t taken = 0;
    for (std::size_t i = 0; i < ring.size(); ++i) {
      const std::uint8_t* ahead = ring.frame(std::min(i + kAhead, ring.size() - 1));
      for (std::size_t at = 0; at < 6 * kCacheLine; at += kCacheLine) {
        prefetch(ahead + at);
      }
      const pipeline::Bytes frame(ring.frame(i), ring.length(i));
      if (stage == Stage::kFetch) {
        taken += touch(frame);
        continue;
      }
      const pipeline::ReportShape* shape = fast_.shape_of<kSet>(frame, false);
      if (shape == nullptr) continue;
      pipeline::FastPath::Item& item = fast_.read(frame, *shape);
      item.time = kTime;
      item.now_s = pipeline::seconds_of(kTime.now_ns);
      item.is_foreign = false;
      item.is_borrowed = false;
      if (stage == Stage::kHeader) {
        ++taken;
        continue;
      }
      if (fast_.keep()) taken += finish_head<kSet>(stage);
    }
    fast_.fetch_all();
    while (!fast_.is_empty()) taken += finish_head<kSet>(stage);
    return taken;
  }

  bool route(const pipeline::RowChange& /*change*/) noexcept override { return true; }

  static constexpr pipeline::FrameTime kTime{.receive_ns = 1'000'000'000, .now_ns = 1'000'000'000};
  static constexpr std::size_t kAhead = 8;  ///< as Worker fetches

  static std::uint64_t touch(pipeline::Bytes frame) noexcept {
    std::uint8_t sum = 0;
    for (std::size_t at = 0; at < frame.size(); at += kCacheLine) sum ^= frame[at];
    asm volatile("" : : "r"(sum));
    return 1;
  }

  template <pipeline::InstructionSet kSet>
  std::uint64_t finish_head(Stage stage) noexcept {
    const pipeline::FastPath::Item& item = fast_.head();
    const bool is_regular = fast_.is_regular<kSet>(item);
    if (is_regular && stage == Stage::kTake) fast_.take<kSet>(item);
    fast_.leave();
    return is_regular ? 1 : 0;
  }

  const pipeline::Decoder decoder_;
  const pipeline::UnitTable units_;
  const pipeline::HashSeed seed_;
  SpscQueue<pipeline::Event> queue_{1024};
  pipeline::EventBuffer events_{queue_};
  pipeline::Tables tables_;
  const pipeline::InstructionSet set_;
  OpenFastPath fast_;
};

}  // namespace hopscope::bench
