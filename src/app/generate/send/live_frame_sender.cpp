#include "app/generate/send/live_frame_sender.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "generator_shared.h"

#include "app/generate/send/link_query.h"
#include "base/setup_error.h"
#include "generator.skel.h"

namespace hopscope::io {
namespace {

static_assert(GENERATOR_MAX_FRAME == kMaxTemplateBytes && GENERATOR_MAX_TIMES == kMaxTemplateTimes);

constexpr std::uint32_t kLiveFrames = 1U << 1;  // BPF_F_TEST_XDP_LIVE_FRAMES
/// Below this rate the program would spin for long times with soft interrupts off.
constexpr std::uint64_t kMinRate = 50'000;
/// Frames per call. Each call costs some 24 ms at its end, so the more the better; but without a
/// count or a rate the program runs on after its time is over, doing nothing, up to this number.
constexpr std::uint64_t kRepeat = 1U << 30;
constexpr std::uint64_t kRepeatInFlood = 8'000'000;
/// How long soft interrupts may be off for one batch, and time go unread.
constexpr std::uint64_t kBatchesPerSecond = 5'000;
constexpr std::uint64_t kLooksPerSecond = 30'000;

[[noreturn]] void fail(const char* what, int error) {
  throw SetupError(
      fmt::format("live frames: {}: {}; they need CAP_NET_ADMIN, CAP_BPF and Linux 5.18, "
                  "--sender packet does without",
                  what, std::generic_category().message(error)));
}

int drop_message(enum libbpf_print_level, const char*, va_list) {
  return 0;
}

/// Silences libbpf while it is tried whether the program loads: the exception says enough.
class QuietLibbpf {
 public:
  QuietLibbpf() : before_(libbpf_set_print(drop_message)) {}
  QuietLibbpf(const QuietLibbpf&) = delete;
  QuietLibbpf& operator=(const QuietLibbpf&) = delete;
  ~QuietLibbpf() { libbpf_set_print(before_); }

 private:
  libbpf_print_fn_t before_;
};

std::uint32_t rounded_up(std::size_t bytes, std::size_t to) {
  return static_cast<std::uint32_t>((bytes + to - 1) / to * to);
}

generator_template header_of(const FrameTemplate& frame) {
  generator_template header{};
  header.time_offset_ns = frame.time_offset_ns;
  header.length = static_cast<std::uint32_t>(frame.bytes.size());
  header.sequence = frame.sequence;
  header.sequence_step = frame.sequence_step;
  header.sequence_mask = frame.sequence_bits == 0 ? 0 : sequence_mask(frame.sequence_bits);
  header.sequence_at = frame.sequence_at;
  header.checksum_at = frame.checksum_at;
  header.time_count = static_cast<std::uint16_t>(frame.times.size());
  for (std::size_t i = 0; i < frame.times.size(); ++i) {
    header.time_at[i] = static_cast<std::uint16_t>(frame.times[i].at |
                                                   (frame.times[i].wide ? GENERATOR_TIME_WIDE : 0));
  }
  return header;
}

void check(std::span<const FrameTemplate> templates) {
  if (templates.empty()) throw SetupError("there is no frame to be sent");
  for (const FrameTemplate& frame : templates) {
    if (frame.bytes.size() < 14 || frame.bytes.size() > kMaxTemplateBytes) {
      throw SetupError(fmt::format("a frame of {} bytes: live frames have 14 to {}",
                                   frame.bytes.size(), kMaxTemplateBytes));
    }
    if (frame.times.size() > kMaxTemplateTimes) {
      throw SetupError(fmt::format("a frame with {} timestamps: at most {} can be moved on",
                                   frame.times.size(), kMaxTemplateTimes));
    }
  }
}

}  // namespace

/// The skeleton's types stay in this file.
struct LiveFrameSender::Program {
  generator_bpf* skeleton = nullptr;
  bpf_link* tracepoint = nullptr;

  Program() = default;
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    bpf_link__destroy(tracepoint);
    generator_bpf__destroy(skeleton);
  }
};

LiveFrameSender::LiveFrameSender(std::span<const FrameTemplate> templates,
                                 const SendOptions& options)
    : options_(options), program_(std::make_unique<Program>()) {
  check(templates);
  for (const FrameTemplate& frame : templates) {
    frame_bytes_ = std::max(frame_bytes_, frame.bytes.size());
  }
  const QuietLibbpf quiet;
  program_->skeleton = generator_bpf__open();
  if (program_->skeleton == nullptr) fail("opening the program", errno);
  configure(templates);
  if (const int error = generator_bpf__load(program_->skeleton); error != 0) {
    fail("loading the program", -error);
  }
  fill(templates);
}

LiveFrameSender::~LiveFrameSender() = default;

void LiveFrameSender::configure(std::span<const FrameTemplate> templates) {
  const Link link = query_link(options_.interface);
  if (!link.up) {
    throw SetupError(fmt::format("interface {} is down; `ip link set {} up`", options_.interface,
                                 options_.interface));
  }
  auto& settings = *program_->skeleton->rodata;
  settings.template_count = static_cast<std::uint32_t>(templates.size());
  settings.frame_bytes = static_cast<std::uint32_t>(frame_bytes_);
  settings.device_index = link.index;
  settings.frame_limit = options_.count;
  settings.duration_ns = options_.duration_ns;
  settings.move_times = options_.move_times ? 1 : 0;
  settings.pace_mask = 15;
  if (options_.rate != 0) {
    settings.gap_ns_x1024 = 1'024'000'000'000ULL / options_.rate;
    const std::uint64_t frames_per_look =
        std::clamp<std::uint64_t>(options_.rate / kLooksPerSecond, 1, 16);
    settings.pace_mask = static_cast<std::uint32_t>(std::bit_floor(frames_per_look) - 1);
  }
  bpf_map* map = program_->skeleton->maps.templates;
  const std::uint32_t value_bytes = sizeof(generator_template) + rounded_up(frame_bytes_, 8);
  bpf_map__set_value_size(map, value_bytes);
  bpf_map__set_max_entries(map, settings.template_count);
}

void LiveFrameSender::fill(std::span<const FrameTemplate> templates) {
  const bpf_map* map = program_->skeleton->maps.templates;
  const std::size_t stride = bpf_map__value_size(map);
  const std::size_t bytes = rounded_up(stride * templates.size(), 4096);
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
  if (memory == MAP_FAILED) fail("mapping the templates", errno);
  auto* to = static_cast<std::uint8_t*>(memory);
  for (const FrameTemplate& frame : templates) {
    const generator_template header = header_of(frame);
    std::memcpy(to, &header, sizeof header);
    std::memcpy(to + sizeof header, frame.bytes.data(), frame.bytes.size());
    to += stride;
  }
  ::munmap(memory, bytes);

  const std::uint32_t key = 0;
  const std::uint32_t index = program_->skeleton->rodata->device_index;
  if (bpf_map__update_elem(program_->skeleton->maps.device, &key, sizeof key, &index, sizeof index,
                           0) != 0) {
    fail("choosing the interface", errno);
  }
}

std::uint32_t LiveFrameSender::next_repeat() const noexcept {
  std::uint64_t repeat = options_.count == 0 && options_.rate == 0 ? kRepeatInFlood : kRepeat;
  if (options_.rate != 0 && options_.duration_ns != 0) {
    // A little more than fits: the program itself stops on time.
    repeat = std::min<std::uint64_t>(
        repeat, 1024 + options_.rate * (options_.duration_ns / 1000) / 1'000'000);
  }
  if (options_.count != 0) {
    repeat = std::min<std::uint64_t>(repeat, options_.count - program_->skeleton->bss->state.sent);
  }
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(repeat, 1));
}

SendResult LiveFrameSender::send(const std::atomic<bool>& stop) {
  pin_to_cpu(options_.cpu);
  generator_bpf& skeleton = *program_->skeleton;
  const volatile generator_state& state = skeleton.bss->state;
  {
    const QuietLibbpf quiet;
    program_->tracepoint = bpf_program__attach(skeleton.progs.count_transmitted);
  }
  const LinkCounters before = query_link(options_.interface).counters;

  std::vector<std::uint8_t> frame(frame_bytes_);
  bpf_test_run_opts run{};
  run.sz = sizeof run;
  run.data_in = frame.data();
  run.data_size_in = static_cast<std::uint32_t>(frame.size());
  run.flags = kLiveFrames;
  run.batch_size = options_.rate == 0 ? 64
                                      : static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
                                            options_.rate / kBatchesPerSecond, 1, 64));
  while (state.stopped == 0 && !stop.load(std::memory_order_relaxed)) {
    run.repeat = static_cast<int>(next_repeat());
    const int error = bpf_prog_test_run_opts(bpf_program__fd(skeleton.progs.generate), &run);
    if (error != 0 && errno != EINTR) fail("sending", errno);
  }

  const LinkCounters after = query_link(options_.interface).counters;
  SendResult result;
  result.sent = state.sent;
  result.knows_taken = program_->tracepoint != nullptr;
  result.taken = state.taken;
  result.refused = state.refused;
  result.late = state.late;
  result.seconds = static_cast<double>(state.now_ns - state.start_ns) / 1e9;
  result.interface_tx_packets = after.tx_packets - before.tx_packets;
  result.interface_tx_dropped = after.tx_dropped - before.tx_dropped;
  return result;
}

std::string LiveFrameSender::why_not(const SendOptions& options) {
  if (options.rate != 0 && options.rate < kMinRate) {
    return fmt::format(
        "live frames keep their rate by spinning in the kernel, which below {} "
        "frames per second holds up everything else",
        kMinRate);
  }
  const Link link = query_link(options.interface);
  if (takes_redirected_frames(link.index) == false) {
    return fmt::format(
        "the driver of {} takes no redirected frames (a veth does when its other "
        "end has an XDP program, or GRO: `ethtool -K PEER gro on`)",
        options.interface);
  }
  return {};
}

}  // namespace hopscope::io
