#include "pipeline/worker/engine.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "base/assert.h"

namespace hopscope::pipeline {
namespace {

constexpr std::size_t kMaxWorkers = 64;  // a bit per worker in CheckedPath

std::int64_t wall_clock_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void pin(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  const int error = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
  if (error != 0) {
    throw std::system_error(error, std::generic_category(), "pin to CPU " + std::to_string(cpu));
  }
}

/// What a worker does between empty polls: see io::IdleStrategy.
class Idler {
 public:
  /// `alone`: no other worker sends messages, so only frames need to end a sleep.
  Idler(io::IdleStrategy strategy, bool alone) noexcept
      : strategy_(strategy), max_sleep_ms_(alone ? kMaxSleepMs : 1) {}

  void reset() noexcept {
    empty_polls_ = 0;
    sleep_ms_ = 1;
  }

  /// After an empty cycle. May sleep in the source, longer each time.
  void idle(Worker& worker) noexcept {
    ++empty_polls_;
    // The clock is read every so often only: an empty poll costs nanoseconds.
    if (empty_polls_ % kPollsPerClock == 1) worker.idle(wall_clock_ns());
    const bool may_sleep = strategy_ == io::IdleStrategy::kPoll ||
                           (strategy_ == io::IdleStrategy::kAdaptive && empty_polls_ > kSpins);
    if (!may_sleep) {
      __builtin_ia32_pause();
    } else if (worker.source() != nullptr) {
      worker.source()->wait(sleep_ms_);
      sleep_ms_ = std::min(2 * sleep_ms_, max_sleep_ms_);
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    if (may_sleep) worker.idle(wall_clock_ns());
  }

 private:
  static constexpr std::uint64_t kPollsPerClock = 1024;
  static constexpr std::uint64_t kSpins = 20'000;
  static constexpr int kMaxSleepMs = 8;  // tables still age while nothing comes

  io::IdleStrategy strategy_;
  int max_sleep_ms_;
  int sleep_ms_ = 1;
  std::uint64_t empty_polls_ = 0;
};

}  // namespace

Engine::Engine(const EngineOptions& options, std::vector<io::FrameSource*> sources)
    : options_(options),
      decoder_(options_.decode),
      units_(options_.switches, options_.events),
      senders_(options_.tables.sequences, static_cast<unsigned>(sources.size())),
      shared_{.decoder = decoder_,
              .units = units_,
              .tables = options_.tables,
              .events = options_.events,
              .seed = options_.seed,
              .workers = static_cast<unsigned>(sources.size()),
              .senders = &senders_,
              .instruction_set = options_.instruction_set,
              .fast_path = options_.fast_path,
              .exact_times = options_.exact_times} {
  HOPSCOPE_ASSERT(!sources.empty() && sources.size() <= kMaxWorkers);
  for (unsigned i = 0; i < sources.size(); ++i) {
    auto lane = std::make_unique<Lane>();
    lane->events = std::make_unique<SpscQueue<Event>>(options_.queues.event_entries);
    lane->worker = std::make_unique<Worker>(i, shared_, sources[i], *lane->events);
    add(*lane->worker);
    workers_.push_back(std::move(lane));
  }
  connect(options_.queues);
}

Engine::~Engine() {
  stop();
}

void Engine::connect(const QueueOptions& queues) {
  const std::size_t count = workers_.size();
  std::vector<std::vector<WorkerChannel*>> to(count, std::vector<WorkerChannel*>(count, nullptr));
  std::vector<std::vector<WorkerChannel*>> from(count, std::vector<WorkerChannel*>(count, nullptr));
  for (std::size_t a = 0; a < count; ++a) {
    const io::FrameSource* source = workers_[a]->worker->source();
    const std::size_t frames = source == nullptr ? 1 : source->capacity();
    for (std::size_t b = 0; b < count; ++b) {
      if (a == b) continue;
      channels_.push_back(std::make_unique<WorkerChannel>(queues.worker_entries, frames));
      to[a][b] = channels_.back().get();
      from[b][a] = channels_.back().get();
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    workers_[i]->worker->connect(std::move(to[i]), std::move(from[i]));
  }
}

void Engine::start() {
  receive_ = true;
  run_ = true;
  std::atomic<int> pinned{0};
  std::exception_ptr failure;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Lane& lane = *workers_[i];
    const int cpu = i < options_.cpus.size() ? options_.cpus[i] : -1;
    lane.thread = std::thread([this, &lane, i, cpu, &pinned, &failure] {
      pthread_setname_np(pthread_self(), ("worker-" + std::to_string(i)).c_str());
      try {
        pin(cpu);
      } catch (...) {
        failure = std::current_exception();  // published by the store below
        pinned.fetch_add(1);
        pinned.notify_all();
        return;
      }
      pinned.fetch_add(1);
      pinned.notify_all();
      run(lane, i);
    });
    for (int seen = pinned.load(); seen <= static_cast<int>(i); seen = pinned.load()) {
      pinned.wait(seen);
    }
    if (failure) {
      stop();
      std::rethrow_exception(failure);
    }
  }
}

void Engine::run(Lane& lane, std::size_t /*index*/) noexcept {
  Idler idler(options_.idle, workers_.size() == 1);
  while (run_.load(std::memory_order_acquire)) {
    const bool receive = receive_.load(std::memory_order_relaxed);
    // Asked before the cycle: what came in before stop() was called is in it.
    const bool draining = drain_.load(std::memory_order_acquire);
    const std::size_t work = lane.worker->run_once(receive);
    lane.cycles.add(1);
    if (work == 0 && draining) lane.drained = true;
    if (work != 0) {
      if (lane.quiet.load(std::memory_order_relaxed)) lane.quiet = false;
      idler.reset();
      continue;
    }
    const bool ended = !receive || lane.worker->exhausted();
    if (ended && lane.worker->loans_outstanding() == 0) lane.quiet = true;
    idler.idle(*lane.worker);
  }
  lane.worker->finish();
}

bool Engine::all_quiet() const noexcept {
  // Quiet twice, with a cycle of each worker between: a message in a queue would have been taken.
  const auto quiet = [this] {
    return std::all_of(workers_.begin(), workers_.end(),
                       [](const auto& lane) { return lane->quiet.load(); });
  };
  if (!quiet()) return false;
  std::vector<std::uint64_t> before;
  for (const auto& lane : workers_) before.push_back(lane->cycles.get());
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    while (workers_[i]->cycles.get() < before[i] + 2) std::this_thread::yield();
  }
  return quiet();
}

bool Engine::finished() const noexcept {
  // While frames are received only a worker whose source has ended falls quiet.
  return all_quiet();
}

void Engine::drain_sources() noexcept {
  constexpr int kTries = 500;
  drain_ = true;
  const auto drained = [this] {
    return std::all_of(workers_.begin(), workers_.end(),
                       [](const auto& lane) { return lane->drained.load(); });
  };
  for (int i = 0; i < kTries && !drained(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void Engine::stop() {
  if (!run_) return;
  const bool running = std::all_of(workers_.begin(), workers_.end(),
                                   [](const auto& lane) { return lane->thread.joinable(); });
  if (running) drain_sources();
  receive_ = false;
  constexpr int kTries = 1000;
  for (int i = 0; running && i < kTries && !all_quiet(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  run_.store(false, std::memory_order_release);
  for (const auto& lane : workers_) {
    if (lane->thread.joinable()) lane->thread.join();
  }
}

void Engine::pass_messages() noexcept {
  std::size_t work = workers_.size() > 1 ? 1 : 0;
  while (work != 0) {
    work = 0;
    for (const auto& lane : workers_) work += lane->worker->run_once(false);
  }
}

std::size_t Engine::run_inline() noexcept {
  std::size_t work = 0;
  for (const auto& lane : workers_) {
    work += lane->worker->run_once(true);
    lane->cycles.add(1);
    pass_messages();
  }
  return work;
}

void Engine::finish_inline() noexcept {
  pass_messages();
  for (const auto& lane : workers_) lane->worker->finish();
}

std::size_t Engine::take_events(std::span<Event> events) noexcept {
  std::size_t taken = 0;
  for (std::size_t i = 0; i < workers_.size() && taken < events.size(); ++i) {
    next_lane_ = (next_lane_ + 1) % workers_.size();
    taken += workers_[next_lane_]->events->pop(events.data() + taken, events.size() - taken);
  }
  return taken;
}

std::uint64_t Engine::cycles(std::size_t worker) const noexcept {
  return workers_[worker]->cycles.get();
}

}  // namespace hopscope::pipeline
