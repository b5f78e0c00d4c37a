#pragma once
// Prometheus text exposition (format 0.0.4) into a fixed buffer that is handed on when it is full:
// memory does not grow with the answer. One thread.

#include <charconv>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace hopscope::exporter {

/// Takes the next piece of an answer; false: the reader is gone, stop.
using TextSink = std::function<bool(std::string_view)>;

class TextWriter {
 public:
  explicit TextWriter(TextSink sink) : sink_(std::move(sink)) { buffer_.reserve(kBufferBytes); }

  /// Starts a family. Every sample of it follows before the next family.
  void family(std::string_view name, std::string_view type, std::string_view help);

  /// Starts a sample; labels and then the value follow.
  void sample(std::string_view name) {
    buffer_ += name;
    has_labels_ = false;
  }
  void label(std::string_view name, std::string_view value);
  void label(std::string_view name, std::uint64_t value);
  void value(double value);
  void value(std::uint64_t value);

  /// Hands on what is left. False once the sink refused something.
  bool flush();
  [[nodiscard]] bool alive() const noexcept { return alive_; }

 private:
  static constexpr std::size_t kBufferBytes = 256 * 1024;
  /// A line is never longer than this; the buffer is handed on before it could overflow.
  static constexpr std::size_t kLineBytes = 8 * 1024;

  void open_label(std::string_view name);
  void end_line();

  TextSink sink_;
  std::string buffer_;
  bool has_labels_ = false;
  bool alive_ = true;
};

/// Appends `value` escaped for a label: backslash, quote and line feed.
void append_escaped(std::string& to, std::string_view value);

}  // namespace hopscope::exporter
