#include "app/generate/output.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <memory>
#include <system_error>
#include <vector>

#include "app/generate/send/frame_template.h"
#include "app/generate/send/live_frame_sender.h"
#include "app/generate/send/packet_socket_sender.h"
#include "app/generate/summary.h"
#include "app/generate/traffic.h"
#include "base/setup_error.h"

namespace hopscope::app {
namespace {

using nlohmann::ordered_json;

constexpr std::uint64_t kSecond = 1'000'000'000;

/// A nanosecond pcap file.
class PcapWriter {
 public:
  explicit PcapWriter(const std::string& path)
      : path_(path),
        pcap_(pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 65535, PCAP_TSTAMP_PRECISION_NANO)) {
    if (pcap_ != nullptr) dumper_ = pcap_dump_open(pcap_, path.c_str());
    if (dumper_ == nullptr) {
      const std::string why = pcap_ != nullptr ? pcap_geterr(pcap_) : "out of memory";
      if (pcap_ != nullptr) pcap_close(pcap_);
      throw GenerateError(fmt::format("--output: {}", why));
    }
  }
  PcapWriter(const PcapWriter&) = delete;
  PcapWriter& operator=(const PcapWriter&) = delete;
  ~PcapWriter() {
    if (dumper_ != nullptr) pcap_dump_close(dumper_);
    pcap_close(pcap_);
  }

  void write(std::uint64_t time_ns, std::span<const std::uint8_t> frame) {
    pcap_pkthdr header{};
    header.ts.tv_sec = static_cast<time_t>(time_ns / kSecond);
    header.ts.tv_usec = static_cast<suseconds_t>(time_ns % kSecond);  // ns in a file of this kind
    header.caplen = static_cast<bpf_u_int32>(frame.size());
    header.len = header.caplen;
    pcap_dump(reinterpret_cast<u_char*>(dumper_), &header, frame.data());
  }

  void finish() {
    const bool failed = pcap_dump_flush(dumper_) != 0 || std::ferror(pcap_dump_file(dumper_)) != 0;
    const int error = errno;
    if (failed) {
      throw SetupError(
          fmt::format("writing {}: {}", path_, std::generic_category().message(error)));
    }
  }

 private:
  std::string path_;
  pcap_t* pcap_;
  pcap_dumper_t* dumper_ = nullptr;
};

/// Frames in a file: the count, or as many as fit the duration in the model's time.
std::uint64_t frames_wanted(const GenerateOptions& options) {
  std::uint64_t wanted = std::numeric_limits<std::uint64_t>::max();
  if (options.duration_s > 0) {
    wanted = static_cast<std::uint64_t>(options.duration_s * 1e9) / spacing_ns(options.traffic);
  }
  if (options.count != 0) wanted = std::min(wanted, options.count);
  return wanted;
}

ordered_json generate_file(const GenerateOptions& options, const std::atomic<bool>& stop) {
  TrafficModel model(options.traffic);
  TrafficSummary summary(options.traffic, model.topology());
  PcapWriter file(options.output);
  const std::uint64_t wanted = frames_wanted(options);
  for (std::uint64_t i = 0; i < wanted && !stop.load(std::memory_order_relaxed); ++i) {
    model.next();
    file.write(model.record().time_ns, model.frame().bytes());
    summary.add(model.record());
  }
  file.finish();
  summary.close();
  ordered_json result = summary.json();
  result["output"] = {{"file", options.output}};
  return result;
}

/// Enough templates for all flows to appear, but no more than are sent.
std::uint32_t template_count(const GenerateOptions& options) {
  constexpr std::uint64_t kMin = 4096;
  constexpr std::uint64_t kMax = 262'144;
  std::uint64_t wanted = options.templates;
  if (wanted == 0) wanted = std::clamp(std::uint64_t{options.traffic.flows} * 4, kMin, kMax);
  if (options.count != 0) wanted = std::min(wanted, options.count);
  return static_cast<std::uint32_t>(wanted);
}

/// The numbers of a key continue in the next lap where they ended in this one.
class SequenceSteps {
 public:
  explicit SequenceSteps(std::size_t keys) : steps_(keys) {}

  void add(const FrameRecord& record) {
    // A key's numbers start at 1, so the last one is how many there are.
    if (record.takes_sequence) steps_[record.sequence_key] = record.sequence;
  }
  [[nodiscard]] std::uint32_t of(const FrameRecord& record) const {
    return steps_[record.sequence_key];
  }

 private:
  std::vector<std::uint32_t> steps_;
};

io::FrameTemplate make_template(const FrameRecord& record, std::span<const std::uint8_t> bytes,
                                const GenerateOptions& options) {
  io::FrameTemplate frame;
  frame.bytes.assign(bytes.begin(), bytes.end());
  frame.sequence_at = static_cast<std::uint16_t>(record.sequence_at);
  frame.sequence_bits = record.sequence_bits;
  frame.sequence = record.sequence;
  frame.time_offset_ns = static_cast<std::int64_t>(record.time_ns - options.traffic.start_time_ns);
  const std::size_t checksum_at = record.udp_at + 6;
  if (checksum_at + 2 <= bytes.size() && (bytes[checksum_at] != 0 || bytes[checksum_at + 1] != 0)) {
    frame.checksum_at = static_cast<std::uint16_t>(checksum_at);
  }
  if (options.freeze_times) return frame;
  for (const auto& time : record.times) {
    frame.times.push_back({.at = static_cast<std::uint16_t>(time.offset), .wide = time.wide});
  }
  return frame;
}

struct Lap {
  std::vector<io::FrameTemplate> frames;
  std::vector<FrameRecord> records;
};

Lap make_lap(const GenerateOptions& options, TrafficModel& model, const std::atomic<bool>& stop) {
  Lap lap;
  SequenceSteps steps(model.sequence_keys());
  const std::uint32_t count = template_count(options);
  lap.frames.reserve(count);
  lap.records.reserve(count);
  for (std::uint32_t i = 0; i < count && !stop.load(std::memory_order_relaxed); ++i) {
    model.next();
    const FrameRecord& record = model.record();
    lap.frames.push_back(make_template(record, model.frame().bytes(), options));
    lap.records.push_back(record);
    steps.add(record);
  }
  for (std::size_t i = 0; i < lap.frames.size(); ++i) {
    lap.frames[i].sequence_step = steps.of(lap.records[i]);
  }
  return lap;
}

struct ChosenSender {
  std::unique_ptr<io::FrameSender> sender;
  std::string reason;  ///< why it is not the fast one
};

ChosenSender choose_sender(const GenerateOptions& options, const Lap& lap,
                           const io::SendOptions& send) {
  ChosenSender chosen;
  if (options.sender == SenderChoice::kPacketSocket) {
    chosen.reason = "asked for";
  } else {
    chosen.reason = io::LiveFrameSender::why_not(send);
    if (chosen.reason.empty() || options.sender == SenderChoice::kLiveFrames) {
      try {
        chosen.sender = std::make_unique<io::LiveFrameSender>(lap.frames, send);
        return chosen;
      } catch (const SetupError& error) {
        if (options.sender == SenderChoice::kLiveFrames) throw;
        chosen.reason = error.what();
      }
    }
  }
  chosen.sender = std::make_unique<io::PacketSocketSender>(lap.frames, send);
  return chosen;
}

ordered_json describe(const io::SendResult& result, const io::SendOptions& options,
                      const ChosenSender& chosen, std::size_t templates) {
  ordered_json output = {
      {"interface", options.interface},
      {"sender", chosen.sender->name()},
      {"reason", chosen.reason},
      {"templates", templates},
      {"sent", result.sent},
      {"seconds", result.seconds},
      {"rate", result.seconds > 0 ? static_cast<double>(result.sent) / result.seconds : 0.0},
      {"late", result.late}};
  if (result.knows_taken) {
    output["driver_taken"] = result.taken;
    output["driver_refused"] = result.refused;
  }
  output["interface_tx_packets"] = result.interface_tx_packets;
  output["interface_tx_dropped"] = result.interface_tx_dropped;
  return output;
}

ordered_json generate_live(const GenerateOptions& asked, const std::atomic<bool>& stop) {
  GenerateOptions options = asked;
  if (!options.given_start_time) {
    options.traffic.start_time_ns =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                       std::chrono::system_clock::now().time_since_epoch())
                                       .count());
  }
  TrafficModel model(options.traffic);
  const Lap lap = make_lap(options, model, stop);
  const io::SendOptions send{.interface = options.interface,
                             .count = options.count,
                             .duration_ns = static_cast<std::uint64_t>(options.duration_s * 1e9),
                             .rate = options.traffic.rate,
                             .move_times = !options.freeze_times,
                             .cpu = options.cpu};
  const ChosenSender chosen = choose_sender(options, lap, send);
  const io::SendResult result = chosen.sender->send(stop);

  TrafficSummary summary(options.traffic, model.topology());
  const std::size_t count = lap.records.size();
  for (std::size_t i = 0; i < count; ++i) {
    summary.add(lap.records[i], result.sent / count + (i < result.sent % count ? 1 : 0));
  }
  summary.close();
  ordered_json json = summary.json();
  json["output"] = describe(result, send, chosen, count);
  return json;
}

}  // namespace

ordered_json generate(const GenerateOptions& options, const std::atomic<bool>& stop) {
  return options.output.empty() ? generate_live(options, stop) : generate_file(options, stop);
}

}  // namespace hopscope::app
