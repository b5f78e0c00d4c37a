#pragma once
// A fixed buffer in front of whoever takes an answer piece by piece: memory does not grow with the
// answer. One thread.

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

namespace hopscope::exporter {

/// Takes the next piece of an answer; false: the reader is gone, stop.
using PieceSink = std::function<bool(std::string_view)>;

class OutputBuffer {
 public:
  static constexpr std::size_t kBytes = 256 * 1024;

  explicit OutputBuffer(PieceSink sink)
      : sink_(std::move(sink)), buffer_(std::make_unique<char[]>(kBytes)) {}

  void append(std::string_view text) {
    if (text.size() > kBytes - used_ && !append_in_parts(text)) return;
    std::memcpy(buffer_.get() + used_, text.data(), text.size());
    used_ += text.size();
  }
  void append(char c) {
    if (used_ == kBytes) flush();
    buffer_[used_++] = c;
  }
  /// Room for `bytes` in one piece, to be written and told by advance(); null: more than there
  /// ever is.
  char* room(std::size_t bytes) {
    if (bytes > kBytes) return nullptr;
    if (bytes > kBytes - used_) flush();
    return buffer_.get() + used_;
  }
  void advance(const char* end) { used_ = static_cast<std::size_t>(end - buffer_.get()); }

  /// In decimal; a double by the fewest digits that give it back.
  template <typename Number>
  void append_number(Number number) {
    constexpr std::size_t kMaxNumberBytes = 32;
    if (kBytes - used_ < kMaxNumberBytes) flush();
    char* at = buffer_.get() + used_;
    used_ += static_cast<std::size_t>(std::to_chars(at, at + kMaxNumberBytes, number).ptr - at);
  }

  /// Hands on what is there. False once the sink refused something.
  bool flush() {
    if (alive_ && used_ != 0) alive_ = sink_({buffer_.get(), used_});
    handed_on_ += used_;
    used_ = 0;
    return alive_;
  }
  [[nodiscard]] bool alive() const noexcept { return alive_; }
  /// Bytes appended so far.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return handed_on_ + used_; }

 private:
  /// Leaves in `text` the end that fits.
  bool append_in_parts(std::string_view& text) {
    while (text.size() > kBytes - used_) {
      const std::size_t part = kBytes - used_;
      std::memcpy(buffer_.get() + used_, text.data(), part);
      used_ += part;
      text.remove_prefix(part);
      flush();
    }
    return alive_;
  }

  PieceSink sink_;
  std::unique_ptr<char[]> buffer_;
  std::size_t used_ = 0;
  std::uint64_t handed_on_ = 0;
  bool alive_ = true;
};

}  // namespace hopscope::exporter
