#pragma once
// Capture files as a source: classic, nanosecond and pcapng through libpcap, one after the other.
// Frames are copied into a fixed arena of slots; a slot is free again when its frame is released,
// in any order. Used by one worker.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/frame_source.h"
#include "io/source_counters.h"

struct pcap;

namespace hopscope::io {

class PcapSource final : public FrameSource {
 public:
  /// Longer frames are cut to this: no report is longer than a jumbo frame.
  static constexpr std::size_t kSlotBytes = 16'384;

  /// Opens all files, so that one that is no capture is an error before anything is replayed.
  /// `slots`: frames that may be held at once. Throws SetupError.
  explicit PcapSource(std::vector<std::string> files, std::size_t slots = 4096);
  ~PcapSource() override;

  std::size_t receive(FrameBatch& batch) noexcept override;
  void release(const FrameHandle* handles, std::size_t count) noexcept override;
  void wait(int timeout_ms) noexcept override;
  [[nodiscard]] bool exhausted() const noexcept override { return ended_; }
  [[nodiscard]] std::size_t capacity() const noexcept override { return slot_count_; }
  [[nodiscard]] SourceStatistics statistics() const noexcept override;
  [[nodiscard]] SourceDescription description() const override;

  /// Bytes of all files, and how many of them are read: for progress.
  [[nodiscard]] std::uint64_t bytes_total() const noexcept { return bytes_total_; }
  [[nodiscard]] std::uint64_t bytes_read() const noexcept;

  /// Files whose last record is cut off, each with what libpcap says; they end there.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }

 private:
  struct Closer {
    void operator()(pcap* handle) const noexcept;
  };
  using Handle = std::unique_ptr<pcap, Closer>;

  [[nodiscard]] static Handle open(const std::string& file);
  /// The next frame into `slot`; false at the end of all files.
  bool read_one(std::size_t slot, std::uint32_t& length, std::int64_t& time_ns) noexcept;
  bool next_file() noexcept;

  std::vector<std::string> files_;
  std::vector<Handle> handles_;  ///< of the pipes among the files whose turn has not come
  std::size_t file_ = 0;
  Handle handle_;
  int link_type_ = 0;
  std::size_t slot_count_;
  std::unique_ptr<std::uint8_t[]> arena_;
  std::vector<std::uint32_t> free_;
  std::array<std::int64_t, kBatch> times_{};
  bool ended_ = false;
  std::uint64_t bytes_total_ = 0;
  std::uint64_t bytes_before_ = 0;
  std::uint64_t bytes_of_file_ = 0;
  std::vector<std::string> warnings_;
  SourceCounters counters_;
};

}  // namespace hopscope::io
