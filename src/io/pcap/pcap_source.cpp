#include "io/pcap/pcap_source.h"

#include <pcap/pcap.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/setup_error.h"

namespace hopscope::io {
namespace {

constexpr std::size_t kEthernetBytes = 14;

/// Bytes in front of the network layer for the link types that carry IP, or -1.
int link_header_bytes(int link_type) noexcept {
  switch (link_type) {
    case DLT_EN10MB:
      return static_cast<int>(kEthernetBytes);
    case DLT_RAW:
      return 0;
    case DLT_LINUX_SLL:
      return 16;
    case DLT_LINUX_SLL2:
      return 20;
    default:
      return -1;
  }
}

/// The frame as Ethernet in `slot`; returns its length, 0 for what has no network layer.
std::size_t to_ethernet(int link_type, const std::uint8_t* data, std::size_t length,
                        std::uint8_t* slot) noexcept {
  if (link_type == DLT_EN10MB) {
    const std::size_t kept = std::min(length, PcapSource::kSlotBytes);
    std::memcpy(slot, data, kept);
    return kept;
  }
  const auto skipped = static_cast<std::size_t>(link_header_bytes(link_type));
  if (length <= skipped) return 0;
  const std::size_t kept = std::min(length - skipped, PcapSource::kSlotBytes - kEthernetBytes);
  std::memset(slot, 0, kEthernetBytes);
  if (link_type == DLT_RAW) {
    const bool is_ipv6 = data[0] >> 4 == 6;
    slot[12] = is_ipv6 ? 0x86 : 0x08;
    slot[13] = is_ipv6 ? 0xDD : 0x00;
  } else {
    // The protocol is the last field of the cooked header, the first of its second version.
    std::memcpy(slot + 12, data + (link_type == DLT_LINUX_SLL ? 14 : 0), 2);
  }
  std::memcpy(slot + kEthernetBytes, data + skipped, kept);
  return kEthernetBytes + kept;
}

/// 0 if the size is unknown, as of a pipe.
std::uint64_t file_bytes(const std::string& file) noexcept {
  struct stat status {};
  return stat(file.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

bool is_regular(const std::string& file) noexcept {
  struct stat status {};
  return stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

/// 0 for a time that cannot be right.
std::int64_t nanoseconds(const timeval& time) noexcept {
  constexpr std::int64_t kMaxSeconds = std::int64_t{1} << 33;
  if (time.tv_sec < 0 || time.tv_sec >= kMaxSeconds || time.tv_usec < 0) return 0;
  // With nanosecond precision tv_usec holds nanoseconds.
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_usec;
}

/// Frames further apart than this are not put into one batch.
constexpr std::int64_t kPauseNs = 1'000'000'000;

}  // namespace

void PcapSource::Closer::operator()(pcap* handle) const noexcept {
  pcap_close(handle);
}

PcapSource::Handle PcapSource::open(const std::string& file) {
  char error[PCAP_ERRBUF_SIZE] = "";
  Handle handle(
      pcap_open_offline_with_tstamp_precision(file.c_str(), PCAP_TSTAMP_PRECISION_NANO, error));
  if (!handle) throw SetupError("cannot read the capture " + file + ": " + error);
  const int link_type = pcap_datalink(handle.get());
  if (link_header_bytes(link_type) < 0) {
    const char* name = pcap_datalink_val_to_name(link_type);
    throw SetupError("the capture " + file + " has link type " +
                     (name != nullptr ? name : std::to_string(link_type)) +
                     "; Ethernet, Linux cooked or raw IP is needed");
  }
  return handle;
}

PcapSource::PcapSource(std::vector<std::string> files, std::size_t slots)
    : files_(std::move(files)), slot_count_(slots), arena_(new std::uint8_t[slots * kSlotBytes]) {
  free_.reserve(slots);
  for (std::size_t i = slots; i > 0; --i) free_.push_back(static_cast<std::uint32_t>(i - 1));
  for (const std::string& file : files_) {
    Handle handle = open(file);
    // A pipe cannot be opened again; there may be more files than can be open at a time.
    if (is_regular(file)) handle.reset();
    handles_.push_back(std::move(handle));
    bytes_total_ += file_bytes(file);
  }
  warnings_.reserve(files_.size());
  file_ = 0;
  ended_ = !next_file();
}

PcapSource::~PcapSource() = default;

bool PcapSource::next_file() noexcept {
  handle_.reset();
  while (file_ < files_.size()) {
    bytes_before_ += bytes_of_file_;
    bytes_of_file_ = file_bytes(files_[file_]);
    handle_ = std::move(handles_[file_]);
    try {
      if (!handle_) handle_ = open(files_[file_]);
      ++file_;
      link_type_ = pcap_datalink(handle_.get());
      return true;
    } catch (const std::exception& error) {
      warnings_.emplace_back(error.what());  // it could be opened when the replay began
      ++file_;
    }
  }
  return false;
}

bool PcapSource::read_one(std::size_t slot, std::uint32_t& length, std::int64_t& time_ns) noexcept {
  while (handle_) {
    pcap_pkthdr* header = nullptr;
    const unsigned char* data = nullptr;
    const int result = pcap_next_ex(handle_.get(), &header, &data);
    if (result == 1) {
      const std::size_t kept =
          to_ethernet(link_type_, data, header->caplen, arena_.get() + slot * kSlotBytes);
      length = static_cast<std::uint32_t>(kept);
      time_ns = nanoseconds(header->ts);
      return true;
    }
    if (result == PCAP_ERROR) {
      warnings_.emplace_back(files_[file_ - 1] + ": " + pcap_geterr(handle_.get()));
    }
    if (!next_file()) return false;
  }
  return false;
}

std::size_t PcapSource::receive(FrameBatch& batch) noexcept {
  batch.count = 0;
  std::uint64_t bytes = 0;
  while (batch.count < kBatch && !free_.empty() && !ended_) {
    const std::uint32_t slot = free_.back();
    const std::size_t i = batch.count;
    HOPSCOPE_ASSERT(slot < slot_count_);
    if (!read_one(slot, batch.length[i], times_[i])) {
      ended_ = true;
      break;
    }
    free_.pop_back();
    batch.data[i] = arena_.get() + slot * kSlotBytes;
    batch.handle[i] = slot;
    bytes += batch.length[i];
    ++batch.count;
    // After a pause much may be due: end the batch, so that its events are consumed first.
    if (times_[i] - times_[0] >= kPauseNs) break;
  }
  batch.frame_time_ns = times_.data();
  batch.receive_time_ns = batch.count != 0 ? times_[0] : 0;
  counters_.count_poll(batch.count, bytes);
  HOPSCOPE_ASSERT(free_.size() + counters_.held() == slot_count_);
  return batch.count;
}

void PcapSource::release(const FrameHandle* handles, std::size_t count) noexcept {
  // The capacity was reserved at construction.
  for (std::size_t i = 0; i < count; ++i) {
    HOPSCOPE_ASSERT(handles[i] < slot_count_);
    free_.push_back(static_cast<std::uint32_t>(handles[i]));
  }
  counters_.count_release(count);
  HOPSCOPE_ASSERT(free_.size() + counters_.held() == slot_count_);
}

void PcapSource::wait(int /*timeout_ms*/) noexcept {}

SourceStatistics PcapSource::statistics() const noexcept {
  SourceStatistics statistics = counters_.statistics();
  statistics.frames_total = slot_count_;
  statistics.frames_in_fill = slot_count_ - statistics.frames_held;
  return statistics;
}

SourceDescription PcapSource::description() const {
  return {.kind = "pcap",
          .interface = files_.empty() ? "" : files_.front(),
          .mode = "file",
          .reason = ""};
}

std::uint64_t PcapSource::bytes_read() const noexcept {
  if (!handle_) return bytes_total_;
  FILE* file = pcap_file(handle_.get());
  const long at = file != nullptr ? std::ftell(file) : 0;
  return bytes_before_ + (at > 0 ? static_cast<std::uint64_t>(at) : 0);
}

}  // namespace hopscope::io
