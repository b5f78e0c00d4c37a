// One way to receive, in front of the whole pipeline or of nothing, for bench/veth.py to drive:
//
//   bench_receive --interface IF --method af_xdp --work pipeline --cpu 1 --idle spin
//
// says "ready", answers each line on its standard input with its counters as JSON, and ends with
// its input. --core-to-core and --send-stamps do what bench/veth.py needs besides.

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/setup_error.h"
#include "core_to_core.h"
#include "io/af_xdp/af_xdp_source.h"
#include "io/udp/udp_source.h"
#include "pipeline/worker/engine.h"
#include "receivers/stamped_source.h"
#include "receivers/tpacket_source.h"
#include "receivers/udp_gro_source.h"
#include "stamp_sender.h"

namespace hopscope::bench {
namespace {

constexpr std::uint16_t kPort = 32766;
constexpr std::size_t kMostLatencies = 1'000'000;

struct Options {
  std::string interface;
  std::string method = "af_xdp";
  std::string work = "pipeline";
  std::string idle = "spin";
  unsigned frames = 16'384;
  int cpu = -1;
  bool busy_poll = false;
  bool stamps = false;
  std::vector<int> core_to_core;
  unsigned send_stamps = 0;
  unsigned mean_gap_us = 1'000;
};

io::IdleStrategy idle_of(const std::string& name) {
  return name == "spin"   ? io::IdleStrategy::kSpin
         : name == "poll" ? io::IdleStrategy::kPoll
                          : io::IdleStrategy::kAdaptive;
}

/// Whatever was asked for, behind the one interface.
class Receiver {
 public:
  explicit Receiver(const Options& options) {
    const std::vector<std::uint16_t> ports{kPort};
    io::UdpOptions udp;
    udp.listen = "0.0.0.0";
    if (options.method == "af_xdp") {
      io::AfXdpOptions xdp;
      xdp.interface = options.interface;
      xdp.frames = options.frames;
      xdp.busy_poll.enabled = options.busy_poll;
      af_xdp_ =
          std::make_unique<io::AfXdpInterface>(xdp, std::vector<unsigned>{0}, io::Redirect(ports));
      source_ = &af_xdp_->source(0);
    } else if (options.method == "tpacket_v3") {
      owned_ = std::make_unique<TpacketSource>(options.interface, kPort);
    } else if (options.method == "udp_gro") {
      owned_ = std::make_unique<UdpGroSource>(kPort);
    } else {
      owned_ = std::make_unique<io::UdpSource>(udp, ports, 0);
    }
    if (owned_) source_ = owned_.get();
    if (options.stamps) {
      stamped_ = std::make_unique<StampedSource>(*source_, kMostLatencies);
      source_ = stamped_.get();
    }
  }
  [[nodiscard]] io::FrameSource& source() noexcept { return *source_; }
  [[nodiscard]] const StampedSource* stamped() const noexcept { return stamped_.get(); }

 private:
  std::unique_ptr<io::AfXdpInterface> af_xdp_;
  std::unique_ptr<io::FrameSource> owned_;
  std::unique_ptr<StampedSource> stamped_;
  io::FrameSource* source_ = nullptr;
};

/// The ceiling: frames are taken and given back, nobody looks at them.
class DroppingLoop {
 public:
  DroppingLoop(io::FrameSource& source, io::IdleStrategy idle, int cpu)
      : thread_([this, &source, idle, cpu] {
          pthread_setname_np(pthread_self(), "worker-0");
          if (cpu >= 0) pin_to(cpu);
          io::FrameBatch batch;
          while (run_.load(std::memory_order_acquire)) {
            if (source.receive(batch) != 0) {
              source.release(batch.handle.data(), batch.count);
            } else if (idle == io::IdleStrategy::kSpin) {
              __builtin_ia32_pause();
            } else {
              source.wait(1);
            }
          }
        }) {}
  DroppingLoop(const DroppingLoop&) = delete;
  DroppingLoop& operator=(const DroppingLoop&) = delete;
  ~DroppingLoop() {
    run_.store(false, std::memory_order_release);
    thread_.join();
  }

 private:
  std::atomic<bool> run_{true};
  std::thread thread_;
};

/// CPU time of the worker's thread in ns. The kernel counts it exactly, per change of context.
std::uint64_t worker_cpu_ns() {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::ifstream(task.path() / "comm") >> name;
    if (name != "worker-0") continue;
    std::uint64_t ns = 0;
    std::ifstream(task.path() / "schedstat") >> ns;
    return ns;
  }
  return 0;
}

nlohmann::json counters(const io::FrameSource& source, const pipeline::Engine* engine) {
  const io::SourceStatistics count = source.statistics();
  nlohmann::json told{{"frames", count.frames},
                      {"polls", count.polls},
                      {"wakeups", count.wakeups},
                      {"lost", count.lost + count.xsk_rx_dropped + count.xsk_rx_ring_full},
                      {"cpu_ns", worker_cpu_ns()}};
  if (engine == nullptr) return told;
  const pipeline::CounterSnapshot total = engine->total();
  std::uint64_t events = 0;
  for (const std::uint64_t of_kind : total.events) events += of_kind;
  told["decoded"] = total.decoded;
  told["regular"] = total.regular_reports;
  told["events"] = events;
  return told;
}

/// Answers lines until the input ends; meanwhile takes the events, as the exporter would.
void serve(const io::FrameSource& source, pipeline::Engine* engine) {
  constexpr int kEventsEveryMs = 5;
  std::vector<pipeline::Event> events(4096);
  std::cout << "ready " << source.description().reason << std::endl;
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  for (;;) {
    while (engine != nullptr && engine->take_events(events) == events.size()) {
    }
    if (poll(&input, 1, kEventsEveryMs) == 0) continue;
    char c = 0;
    if (read(STDIN_FILENO, &c, 1) <= 0) return;
    if (c == '\n') std::cout << counters(source, engine).dump() << std::endl;
  }
}

nlohmann::json summary(const StampedSource& stamped) {
  const std::vector<std::int64_t> sorted = stamped.latencies_ns();
  if (sorted.empty()) return {{"frames", 0}};
  return {{"frames", sorted.size()},
          {"median_ns", sorted[sorted.size() / 2]},
          {"p99_ns", sorted[sorted.size() * 99 / 100]}};
}

void receive(const Options& options) {
  Receiver receiver(options);
  io::FrameSource& source = receiver.source();
  const io::IdleStrategy idle = idle_of(options.idle);
  if (options.work == "drop") {
    const DroppingLoop loop(source, idle, options.cpu);
    serve(source, nullptr);
  } else {
    pipeline::EngineOptions engine_options;
    engine_options.idle = idle;
    // One in five reports of the generator moves an interval of the default width.
    if (options.work == "few_events") engine_options.events.tx_utilization.width = 20;
    engine_options.cpus = {options.cpu};
    pipeline::Engine engine(engine_options, {&source});
    engine.start();
    serve(source, &engine);
    engine.stop();
  }
  if (receiver.stamped() != nullptr) std::cout << summary(*receiver.stamped()).dump() << std::endl;
}

int run(int argc, char** argv) {
  CLI::App app{"Receives reports in one way, for bench/veth.py"};
  Options options;
  app.add_option("--interface", options.interface);
  app.add_option("--method", options.method)
      ->check(CLI::IsMember({"af_xdp", "recvmmsg", "udp_gro", "tpacket_v3"}));
  app.add_option("--work", options.work)->check(CLI::IsMember({"drop", "pipeline", "few_events"}));
  app.add_option("--idle", options.idle)->check(CLI::IsMember({"spin", "adaptive", "poll"}));
  app.add_option("--frames", options.frames, "UMEM frames");
  app.add_option("--cpu", options.cpu, "of the worker");
  app.add_flag("--busy-poll", options.busy_poll);
  app.add_flag("--stamps", options.stamps, "frames tell when they were sent: print latencies");
  app.add_option("--core-to-core", options.core_to_core, "two CPUs: ns for a cache line")
      ->expected(2);
  app.add_option("--send-stamps", options.send_stamps, "send so many stamped frames");
  app.add_option("--mean-gap-us", options.mean_gap_us, "between stamped frames");
  CLI11_PARSE(app, argc, argv);
  try {
    if (!options.core_to_core.empty()) {
      std::cout << core_to_core_ns(options.core_to_core[0], options.core_to_core[1]) << '\n';
    } else if (options.send_stamps != 0) {
      send_stamps(options.interface, options.send_stamps, options.mean_gap_us);
    } else {
      receive(options);
    }
  } catch (const SetupError& error) {
    std::cerr << "bench_receive: " << error.what() << '\n';
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace hopscope::bench

int main(int argc, char** argv) {
  return hopscope::bench::run(argc, argv);
}
