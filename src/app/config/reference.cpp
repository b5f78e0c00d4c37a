// docs/configuration.md from the description of the configuration.

#include <fmt/format.h>

#include <utility>

#include "app/config/describe_value.h"
#include "app/config/dump.h"
#include "app/config/values.h"
#include "app/config/visitor.h"

namespace hopscope::app {
namespace {

class ReferenceWriter final : public ConfigVisitor {
 public:
  [[nodiscard]] std::string take() { return std::move(text_); }

  void enter(std::string_view name, std::string_view help) override {
    path_.push_back(std::string(name));
    if (path_.size() == 1) {
      text_ += fmt::format("\n## {}\n{}\n\n", name, help);
      head();
    } else {
      row(joined(), "section", "", std::string(help));
    }
  }
  void leave() override { path_.pop_back(); }

  void boolean(const Key& key, bool& value) override {
    entry(key, "boolean", value ? "true" : "false");
  }
  void integer(const Key& key, std::int64_t& value) override {
    entry(key, "integer, " + range_of(key), format_integer(key, value));
  }
  void number(const Key& key, double& value) override {
    entry(key, "number, " + range_of(key), format_number(value));
  }
  void text(const Key& key, std::string& value) override {
    entry(key, "text", value.empty() ? "empty" : value);
  }
  void duration(const Key& key, double& seconds) override {
    entry(key, "duration, " + duration_range_of(key), format_duration(seconds));
  }
  void size(const Key& key, std::uint64_t& bytes) override {
    entry(key, "size", format_size(bytes));
  }
  void choice(const Key& key, const std::vector<std::string_view>& names,
              std::size_t& value) override {
    entry(key, one_of(names), std::string(names[value]));
  }
  void optional_boolean(const Key& key, std::optional<bool>& value) override {
    entry(key, "boolean or none", !value ? "none" : *value ? "true" : "false");
  }
  void optional_integer(const Key& key, std::optional<std::int64_t>& value) override {
    entry(key, "integer, " + range_of(key) + ", or none",
          value ? format_integer(key, *value) : "none");
  }
  void optional_hex(const Key& key, std::optional<std::uint64_t>& value) override {
    entry(key, "hexadecimal or none", value ? fmt::format("{:016x}", *value) : "none");
  }
  void integers(const Key& key, std::vector<std::int64_t>& values) override {
    std::string list;
    for (const std::int64_t value : values) {
      if (!list.empty()) list += ", ";
      list += format_integer(key, value);
    }
    entry(key, "list of integers, " + range_of(key), fmt::format("[{}]", list));
  }
  void numbers(const Key& key, std::vector<double>& values) override {
    const bool durations = key.unit == "duration";
    std::string list;
    for (const double value : values) {
      if (!list.empty()) list += ", ";
      list += durations ? format_duration(value) : format_number(value);
    }
    entry({.name = key.name, .help = key.help}, durations ? "list of durations" : "list of numbers",
          fmt::format("[{}]", list));
  }
  void number_map(const Key& key, std::map<std::int64_t, std::int64_t>& /*values*/) override {
    entry(key, "map of integer: integer", "{}");
  }
  void words(const Key& key, std::vector<std::string>& /*values*/) override {
    entry(key, "list of names", "[]");
  }
  void word_map(const Key& key, std::map<std::int64_t, std::string>& /*values*/) override {
    entry(key, "map of integer: name", "{}");
  }
  void text_map(const Key& key, std::map<std::string, std::string>& /*values*/) override {
    entry(key, "map of name: text", "{}");
  }
  void fields(const Key& key, std::vector<pipeline::CustomHeaderField>& /*values*/) override {
    entry(key, "map of name: bits", "{}");
  }
  void prefix(const Key& key, std::string& /*value*/) override { entry(key, "address/bits", ""); }

  void list(std::string_view name, std::string_view help, std::size_t count,
            const std::function<void(std::size_t)>& resize,
            const std::function<void(std::size_t)>& element) override {
    collection(name, "list", help, [&] {
      resize(count == 0 ? 1 : count);
      element(0);
      resize(count);
    });
  }
  void by_number(std::string_view name, std::string_view help,
                 const std::vector<std::int64_t>& /*numbers*/,
                 const std::function<void(std::int64_t)>& add,
                 const std::function<void(std::int64_t)>& element) override {
    collection(name, "map of id: section", help, [&] {
      add(0);
      element(0);
    });
  }

  void by_name(std::string_view name, std::string_view help,
               const std::vector<std::string>& /*names*/,
               const std::function<void(const std::string&)>& add,
               const std::function<void(const std::string&)>& element) override {
    collection(name, "map of name: section", help, [&] {
      add("NAME");
      element("NAME");
    });
  }

 private:
  template <typename Write>
  void collection(std::string_view name, std::string_view type, std::string_view help,
                  const Write& write) {
    if (path_.empty()) {
      text_ += fmt::format("\n## {}\n{}\n\n", name, help);
      head();
    } else {
      row(joined(name), std::string(type), type == "list" ? "[]" : "{}", std::string(help));
    }
    path_.push_back(std::string(name) + (type == "list"                    ? "[]"
                                         : type.starts_with("map of name") ? ".NAME"
                                                                           : ".ID"));
    write();
    path_.pop_back();
  }

  void head() { text_ += "| key | type | default | meaning |\n|---|---|---|---|\n"; }

  [[nodiscard]] std::string joined(std::string_view name = "") const {
    std::string text;
    for (std::size_t i = 1; i < path_.size(); ++i) text += (text.empty() ? "" : ".") + path_[i];
    if (path_.size() == 1 && path_[0].ends_with("[]")) text = path_[0];
    if (!name.empty()) text += (text.empty() ? "" : ".") + std::string(name);
    return text;
  }

  void entry(const Key& key, const std::string& type, const std::string& value) {
    std::string help(key.help);
    if (!key.unit.empty()) help += fmt::format(" Unit: {}.", key.unit);
    row(joined(key.name), type, value, help);
  }

  void row(const std::string& key, const std::string& type, const std::string& value,
           const std::string& help) {
    text_ += fmt::format("| `{}` | {} | {} | {} |\n", key, type,
                         value.empty() ? "" : "`" + value + "`", help);
  }

  std::vector<std::string> path_;
  std::string text_;
};

}  // namespace

std::string config_reference() {
  Config config;
  ReferenceWriter writer;
  describe(writer, config);
  return "# Configuration\n\n"
         "One YAML file for every subcommand; each key is optional. `hopscope check --config FILE` "
         "reports every mistake with its line and column, `hopscope dump --config FILE` prints the "
         "configuration in effect. [conf/hopscope.yaml](../conf/hopscope.yaml) has the same keys "
         "as a file to start from. This page is the output of `hopscope dump --reference`.\n\n"
         "Durations are written `250us`, `1ms`, `5s`, `2m` or as plain seconds; sizes `64MiB`, "
         "`2KiB` or as plain bytes; integers also in hexadecimal (`0x17`).\n" +
         writer.take();
}

}  // namespace hopscope::app
