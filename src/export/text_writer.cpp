#include "export/text_writer.h"

#include <array>
#include <cmath>

namespace hopscope::exporter {
namespace {

template <typename Number>
void append_number(std::string& to, Number number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  to.append(digits.data(), end.ptr);
}

}  // namespace

void append_escaped(std::string& to, std::string_view value) {
  for (const char c : value) {
    switch (c) {
      case '\\':
        to += "\\\\";
        break;
      case '"':
        to += "\\\"";
        break;
      case '\n':
        to += "\\n";
        break;
      default:
        to += c;
    }
  }
}

void TextWriter::family(std::string_view name, std::string_view type, std::string_view help) {
  buffer_ += "# HELP ";
  buffer_ += name;
  buffer_ += ' ';
  buffer_ += help;
  buffer_ += "\n# TYPE ";
  buffer_ += name;
  buffer_ += ' ';
  buffer_ += type;
  end_line();
}

void TextWriter::open_label(std::string_view name) {
  buffer_ += has_labels_ ? ',' : '{';
  has_labels_ = true;
  buffer_ += name;
  buffer_ += "=\"";
}

void TextWriter::label(std::string_view name, std::string_view value) {
  open_label(name);
  append_escaped(buffer_, value);
  buffer_ += '"';
}

void TextWriter::label(std::string_view name, std::uint64_t value) {
  open_label(name);
  append_number(buffer_, value);
  buffer_ += '"';
}

void TextWriter::value(double value) {
  buffer_ += has_labels_ ? "} " : " ";
  if (std::isinf(value)) {
    buffer_ += value > 0 ? "+Inf" : "-Inf";
  } else if (std::isnan(value)) {
    buffer_ += "NaN";
  } else {
    append_number(buffer_, value);
  }
  end_line();
}

void TextWriter::value(std::uint64_t value) {
  buffer_ += has_labels_ ? "} " : " ";
  append_number(buffer_, value);
  end_line();
}

void TextWriter::end_line() {
  buffer_ += '\n';
  if (buffer_.size() + kLineBytes > kBufferBytes) flush();
}

bool TextWriter::flush() {
  if (alive_ && !buffer_.empty()) alive_ = sink_(buffer_);
  buffer_.clear();
  return alive_;
}

}  // namespace hopscope::exporter
