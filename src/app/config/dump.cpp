// The configuration as YAML, plain or commented.

#include "app/config/dump.h"

#include <fmt/format.h>

#include <cctype>
#include <utility>
#include <vector>

#include "app/config/describe_value.h"
#include "app/config/values.h"
#include "app/config/visitor.h"

namespace hopscope::app {
namespace {

constexpr std::size_t kCommentWidth = 98;

/// Text as a YAML scalar: quoted where it would be read as another value.
std::string yaml_text(const std::string& text) {
  static const std::string kSafe = "_./%";
  bool plain = !text.empty() && std::isalpha(static_cast<unsigned char>(text.front())) != 0;
  for (const char c : text) {
    plain = plain && (std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                      kSafe.find(c) != std::string::npos);
  }
  if (plain) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

class YamlWriter final : public ConfigVisitor {
 public:
  explicit YamlWriter(bool comments) : comments_(comments) {}
  [[nodiscard]] std::string take() { return std::move(text_); }

  void enter(std::string_view name, std::string_view help) override {
    if (depth_ == 0 && comments_ && !text_.empty()) text_ += '\n';
    comment(std::string(help));
    line(std::string(name) + ":");
    ++depth_;
  }
  void leave() override { --depth_; }

  void boolean(const Key& key, bool& value) override { entry(key, value ? "true" : "false", ""); }
  void integer(const Key& key, std::int64_t& value) override {
    entry(key, format_integer(key, value), range_of(key));
  }
  void number(const Key& key, double& value) override {
    entry(key, format_number(value), range_of(key));
  }
  void text(const Key& key, std::string& value) override { entry(key, yaml_text(value), ""); }
  void duration(const Key& key, double& seconds) override {
    entry(key, format_duration(seconds), duration_range_of(key));
  }
  void size(const Key& key, std::uint64_t& bytes) override { entry(key, format_size(bytes), ""); }
  void choice(const Key& key, const std::vector<std::string_view>& names,
              std::size_t& value) override {
    entry(key, std::string(names[value]), one_of(names));
  }
  void optional_boolean(const Key& key, std::optional<bool>& value) override {
    entry(key, !value ? "none" : *value ? "true" : "false", "true, false or none");
  }
  void optional_integer(const Key& key, std::optional<std::int64_t>& value) override {
    entry(key, value ? format_integer(key, *value) : "none", range_of(key) + ", or none");
  }
  void optional_hex(const Key& key, std::optional<std::uint64_t>& value) override {
    entry(key, value ? fmt::format("\"{:016x}\"", *value) : "none", "or none");
  }
  void integers(const Key& key, std::vector<std::int64_t>& values) override {
    std::string list;
    for (const std::int64_t value : values) list += separator(list) + format_integer(key, value);
    entry(key, "[" + list + "]", range_of(key));
  }
  void numbers(const Key& key, std::vector<double>& values) override {
    std::string list;
    for (const double value : values) {
      list += separator(list) +
              (key.unit == "duration" ? format_duration(value) : format_number(value));
    }
    entry({.name = key.name, .help = key.help}, "[" + list + "]", "");
  }
  void number_map(const Key& key, std::map<std::int64_t, std::int64_t>& values) override {
    std::string map;
    for (const auto& [from, to] : values)
      map += separator(map) + fmt::format("{:#06x}: {}", from, to);
    entry(key, "{" + map + "}", "");
  }
  void words(const Key& key, std::vector<std::string>& values) override {
    std::string list;
    for (const std::string& value : values) list += separator(list) + yaml_text(value);
    entry(key, "[" + list + "]", "");
  }
  void word_map(const Key& key, std::map<std::int64_t, std::string>& values) override {
    std::string map;
    for (const auto& [number, word] : values) {
      map += separator(map) + fmt::format("{}: {}", number, yaml_text(word));
    }
    entry(key, "{" + map + "}", "");
  }
  void text_map(const Key& key, std::map<std::string, std::string>& values) override {
    std::string map;
    for (const auto& [name, text] : values) {
      map += separator(map) + fmt::format("{}: {}", yaml_text(name), yaml_text(text));
    }
    entry(key, "{" + map + "}", "");
  }
  void fields(const Key& key, std::vector<pipeline::CustomHeaderField>& values) override {
    entry(key, fields_text(values), "");
  }
  void prefix(const Key& key, std::string& value) override {
    entry(key, value.empty() && example_ ? "10.0.0.0/8" : yaml_text(value), "");
  }

  void list(std::string_view name, std::string_view help, std::size_t count,
            const std::function<void(std::size_t)>& resize,
            const std::function<void(std::size_t)>& element) override {
    open_collection(name, help, count == 0, "[]");
    ++depth_;
    for (std::size_t i = 0; i < count; ++i) item([&] { element(i); });
    if (count == 0 && comments_) {
      resize(1);
      example([&] { item([&] { element(0); }); });
      resize(0);
    }
    --depth_;
  }

  void by_number(std::string_view name, std::string_view help,
                 const std::vector<std::int64_t>& numbers,
                 const std::function<void(std::int64_t)>& add,
                 const std::function<void(std::int64_t)>& element) override {
    open_collection(name, help, numbers.empty(), "{}");
    ++depth_;
    const auto one = [&](std::int64_t number) {
      line(std::to_string(number) + ":");
      ++depth_;
      element(number);
      --depth_;
    };
    for (const std::int64_t number : numbers) one(number);
    if (numbers.empty() && comments_) {
      add(1);
      example([&] { one(1); });
    }
    --depth_;
  }

  void by_name(std::string_view name, std::string_view help, const std::vector<std::string>& names,
               const std::function<void(const std::string&)>& add,
               const std::function<void(const std::string&)>& element) override {
    open_collection(name, help, names.empty(), "{}");
    ++depth_;
    const auto one = [&](const std::string& own) {
      line(yaml_text(own) + ":");
      ++depth_;
      element(own);
      --depth_;
    };
    for (const std::string& own : names) one(own);
    if (names.empty() && comments_) {
      add("my_header");
      example([&] { one("my_header"); });
    }
    --depth_;
  }

 private:
  static std::string fields_text(const std::vector<pipeline::CustomHeaderField>& fields) {
    std::string text;
    for (const pipeline::CustomHeaderField& field : fields) {
      const std::string bit =
          field.condition_bit ? fmt::format(".{}", *field.condition_bit) : std::string();
      text += separator(text) + yaml_text(field.name) + ": ";
      if (field.bits == 0) {
        text += fmt::format("{{repeat: {}, fields: {}}}", field.count, fields_text(field.repeated));
      } else if (field.condition.empty()) {
        text += std::to_string(field.bits);
      } else {
        text += fmt::format("{{bits: {}, if: {}{}}}", field.bits, field.condition, bit);
      }
    }
    return "{" + text + "}";
  }

  static std::string separator(const std::string& before) { return before.empty() ? "" : ", "; }

  void open_collection(std::string_view name, std::string_view help, bool empty,
                       std::string_view nothing) {
    if (depth_ == 0 && comments_ && !text_.empty()) text_ += '\n';
    comment(std::string(help));
    line(fmt::format("{}:{}", name, empty ? fmt::format(" {}", nothing) : ""));
  }

  /// An example entry, commented out.
  template <typename Write>
  void example(const Write& write) {
    const bool comments = std::exchange(comments_, false);
    example_ = true;
    write();
    example_ = false;
    comments_ = comments;
  }

  /// An element of a list: the first line gets the dash.
  template <typename Write>
  void item(const Write& write) {
    dash_ = true;
    ++depth_;
    write();
    --depth_;
    dash_ = false;
  }

  void comment(const std::string& help) {
    if (!comments_ || help.empty()) return;
    const std::string indent(2 * depth_, ' ');
    std::string row = indent + "#";
    std::size_t at = 0;
    while (at < help.size()) {
      std::size_t end = help.find(' ', at);
      if (end == std::string::npos) end = help.size();
      const std::string word = help.substr(at, end - at);
      if (row.size() + 1 + word.size() > kCommentWidth) {
        text_ += row + "\n";
        row = indent + "#";
      }
      row += " " + word;
      at = end + 1;
    }
    text_ += row + "\n";
  }

  void entry(const Key& key, const std::string& value, const std::string& allowed) {
    std::string help(key.help);
    std::string detail = allowed;
    if (!key.unit.empty()) detail = std::string(key.unit) + (detail.empty() ? "" : ", " + detail);
    if (!detail.empty()) help += " (" + detail + ")";
    comment(help);
    line(fmt::format("{}: {}", key.name, value));
  }

  void line(const std::string& content) {
    // The dash of a list entry takes the place of the last two columns.
    text_ += fmt::format("{}{:{}}{}{}\n", example_ ? "# " : "", "", 2 * depth_ - (dash_ ? 2 : 0),
                         dash_ ? "- " : "", content);
    dash_ = false;
  }

  bool comments_;
  bool example_ = false;
  bool dash_ = false;
  std::size_t depth_ = 0;
  std::string text_;
};

}  // namespace

std::string dump_yaml(Config config, bool comments) {
  YamlWriter writer(comments);
  describe(writer, config);
  const std::string head =
      comments ? "# Every key with its default, so this file changes nothing: keep what you want "
                 "to differ.\n# Durations are written 250us, 1ms, 5s, 2m; sizes 64MiB, 2KiB; "
                 "numbers also 0x17.\n\n"
               : "";
  return head + writer.take();
}

}  // namespace hopscope::app
