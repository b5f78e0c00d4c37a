#pragma once
// Memory for records on their way to the disk. Positions count all bytes ever put in, so that they
// never repeat. One thread puts in, and one at a time takes out; others may copy between begin()
// and end() while neither can move.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

namespace hopscope::exporter {

class ByteRing {
 public:
  explicit ByteRing(std::size_t capacity)
      : capacity_(capacity), memory_(std::make_unique_for_overwrite<char[]>(capacity)) {}

  [[nodiscard]] std::uint64_t begin() const noexcept { return begin_; }
  [[nodiscard]] std::uint64_t end() const noexcept { return end_; }
  [[nodiscard]] std::size_t used() const noexcept {
    return static_cast<std::size_t>(end_ - begin_);
  }
  [[nodiscard]] std::size_t room() const noexcept { return capacity_ - used(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

  /// Writes behind the end, where others do not look before advance_end().
  void put(std::uint64_t position, const char* from, std::size_t size) noexcept {
    const std::size_t place = place_of(position);
    const std::size_t first = std::min(size, capacity_ - place);
    std::memcpy(&memory_[place], from, first);
    std::memcpy(&memory_[0], from + first, size - first);
  }
  void advance_end(std::size_t size) noexcept { end_ += size; }
  void advance_begin(std::size_t size) noexcept { begin_ += size; }

  void copy(std::uint64_t position, char* to, std::size_t size) const noexcept {
    const std::size_t place = place_of(position);
    const std::size_t first = std::min(size, capacity_ - place);
    std::memcpy(to, &memory_[place], first);
    std::memcpy(to + first, &memory_[0], size - first);
  }

 private:
  [[nodiscard]] std::size_t place_of(std::uint64_t position) const noexcept {
    return static_cast<std::size_t>(position % capacity_);
  }

  std::size_t capacity_;
  std::unique_ptr<char[]> memory_;
  std::atomic<std::uint64_t> begin_{0};
  std::atomic<std::uint64_t> end_{0};
};

}  // namespace hopscope::exporter
