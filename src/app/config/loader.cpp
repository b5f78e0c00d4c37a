#include "app/config/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/config/describe_value.h"
#include "app/config/fields.h"
#include "app/config/suggest.h"
#include "app/config/values.h"
#include "app/config/visitor.h"
#include "app/config/yaml.h"

namespace hopscope::app {
namespace {

/// Sets the fields from the file, and records mistakes.
class Loader final : public ConfigVisitor {
 public:
  Loader(const YAML::Node& root, LoadedConfig& to) : to_(to) { push(root, ""); }

  void finish() { pop(); }

  void enter(std::string_view name, std::string_view /*help*/) override {
    push(child(name), path_of(name));
  }
  void leave() override { pop(); }

  void boolean(const Key& key, bool& value) override {
    scalar(key.name, [&](const YAML::Node& node) {
      bool parsed = false;
      if (!YAML::convert<bool>::decode(node, parsed)) return std::string("true or false");
      value = parsed;
      return std::string();
    });
  }

  void integer(const Key& key, std::int64_t& value) override {
    scalar(key.name, [&](const YAML::Node& node) { return take_integer(node, key, value); });
  }

  void number(const Key& key, double& value) override {
    scalar(key.name, [&](const YAML::Node& node) {
      return take(node, key, value, parse_number, "a number, ", range_of(key));
    });
  }

  void text(const Key& key, std::string& value) override {
    scalar(key.name, [&](const YAML::Node& node) {
      value = node.Scalar();
      return std::string();
    });
  }

  void duration(const Key& key, double& seconds) override {
    scalar(key.name, [&](const YAML::Node& node) {
      double parsed = seconds;
      std::string wrong = take(node, key, parsed, parse_duration,
                               "a duration like 250us, 1ms, 5s or 3d, ", duration_range_of(key));
      const double steps = key.step > 0 ? parsed / key.step : 0;
      if (wrong.empty() && std::fabs(steps - std::round(steps)) > 1e-6) {
        wrong = "a whole multiple of " + format_duration(key.step);
      }
      if (wrong.empty()) seconds = parsed;
      return wrong;
    });
  }

  void size(const Key& key, std::uint64_t& bytes) override {
    scalar(key.name, [&](const YAML::Node& node) {
      const auto parsed = parse_size(node.Scalar());
      if (!parsed) return std::string("a size like 64MiB or 2k");
      bytes = *parsed;
      return std::string();
    });
  }

  void choice(const Key& key, const std::vector<std::string_view>& names,
              std::size_t& value) override {
    scalar(key.name, [&](const YAML::Node& node) {
      // YAML reads an unquoted off as a boolean; here it is the word.
      const auto found = std::find(names.begin(), names.end(), node.Scalar());
      if (found == names.end()) return one_of(names);
      value = static_cast<std::size_t>(found - names.begin());
      return std::string();
    });
  }

  void optional_boolean(const Key& key, std::optional<bool>& value) override {
    if (is_none(key.name, [&] { value.reset(); })) return;
    bool parsed = value.value_or(false);
    if (!child(key.name).IsDefined()) return;
    const std::size_t before = to_.mistakes.size();
    boolean(key, parsed);
    if (to_.mistakes.size() == before) value = parsed;
  }

  void optional_integer(const Key& key, std::optional<std::int64_t>& value) override {
    if (is_none(key.name, [&] { value.reset(); })) return;
    if (!child(key.name).IsDefined()) return;
    std::int64_t parsed = value.value_or(0);
    const std::size_t before = to_.mistakes.size();
    integer(key, parsed);
    if (to_.mistakes.size() == before) value = parsed;
  }

  void optional_hex(const Key& key, std::optional<std::uint64_t>& value) override {
    if (is_none(key.name, [&] { value.reset(); })) return;
    scalar(key.name, [&](const YAML::Node& node) {
      const auto parsed = parse_hex64(node.Scalar());
      if (!parsed) return std::string("16 hexadecimal digits or none");
      value = parsed;
      return std::string();
    });
  }

  void integers(const Key& key, std::vector<std::int64_t>& values) override {
    std::vector<std::int64_t> parsed;
    const bool good = each(key.name, [&](const YAML::Node& node) {
      std::int64_t value = 0;
      std::string wrong = take_integer(node, key, value);
      if (wrong.empty()) parsed.push_back(value);
      return wrong;
    });
    if (good) values = std::move(parsed);
  }

  void numbers(const Key& key, std::vector<double>& values) override {
    const bool durations = key.unit == "duration";
    std::vector<double> parsed;
    const bool good = each(key.name, [&](const YAML::Node& node) {
      const auto value = durations ? parse_duration(node.Scalar()) : parse_number(node.Scalar());
      if (!value) return std::string(durations ? "a duration like 250us or 1ms" : "a number");
      parsed.push_back(*value);
      return std::string();
    });
    if (good) values = std::move(parsed);
  }

  void number_map(const Key& key, std::map<std::int64_t, std::int64_t>& values) override {
    const YAML::Node node = child(key.name);
    if (!node.IsDefined() || node.IsNull()) return;
    if (!node.IsMap()) {
      mistake(node, path_of(key.name), "a map of number: number is needed here");
      return;
    }
    values.clear();
    for (const auto& entry : node) {
      const auto from = parse_integer(entry.first.Scalar());
      std::int64_t to = 0;
      const std::string path = fmt::format("{}.{}", path_of(key.name), entry.first.Scalar());
      if (!from || *from < 0 || *from > 0xFFFF) {
        mistake(entry.first, path, "the key must be a number, 0 to 65535");
        continue;
      }
      const std::string wrong = take_integer(entry.second, key, to);
      if (!wrong.empty()) mistake(entry.second, path, wrong_value(entry.second, wrong));
      values[*from] = to;
    }
  }

  void words(const Key& key, std::vector<std::string>& values) override {
    std::vector<std::string> parsed;
    const bool good = each(key.name, [&](const YAML::Node& node) {
      parsed.push_back(node.Scalar());
      return std::string();
    });
    if (good) values = std::move(parsed);
  }

  void text_map(const Key& key, std::map<std::string, std::string>& values) override {
    const YAML::Node node = child(key.name);
    if (!node.IsDefined() || node.IsNull()) return;
    remember(node, path_of(key.name));
    if (!node.IsMap()) {
      mistake(node, path_of(key.name), "a map of name: text is needed here");
      return;
    }
    values.clear();
    for (const auto& entry : node) {
      const std::string path = fmt::format("{}.{}", path_of(key.name), entry.first.Scalar());
      remember(entry.first, path);
      if (!entry.second.IsScalar() || entry.second.Scalar().empty()) {
        mistake(entry.second, path, "needs a text");
      } else {
        values[entry.first.Scalar()] = entry.second.Scalar();
      }
    }
  }

  void word_map(const Key& key, std::map<std::int64_t, std::string>& values) override {
    const YAML::Node node = child(key.name);
    if (!node.IsDefined() || node.IsNull()) return;
    remember(node, path_of(key.name));
    if (!node.IsMap()) {
      mistake(node, path_of(key.name), "a map of number: name is needed here");
      return;
    }
    values.clear();
    for (const auto& entry : node) {
      const std::string path = fmt::format("{}.{}", path_of(key.name), entry.first.Scalar());
      const auto number = parse_integer(entry.first.Scalar());
      if (!number || static_cast<double>(*number) < key.min ||
          static_cast<double>(*number) > key.max) {
        mistake(entry.first, path, "needs a whole number as key, " + range_of(key));
      } else if (!entry.second.IsScalar() || entry.second.Scalar().empty()) {
        mistake(entry.second, path, "needs a name");
      } else {
        values[*number] = entry.second.Scalar();
      }
    }
  }

  void fields(const Key& key, std::vector<pipeline::CustomHeaderField>& values) override {
    const YAML::Node node = child(key.name);
    if (!node.IsDefined()) return;
    values = read_format_fields(node, path_of(key.name), to_);
  }

  void prefix(const Key& key, std::string& value) override {
    scalar(key.name, [&](const YAML::Node& node) {
      if (!node.Scalar().empty() && !is_prefix(node.Scalar()))
        return std::string("address/bits, like 10.0.0.0/8");
      value = node.Scalar();
      return std::string();
    });
  }

  void list(std::string_view name, std::string_view /*help*/, std::size_t /*count*/,
            const std::function<void(std::size_t)>& resize,
            const std::function<void(std::size_t)>& element) override {
    const YAML::Node node = child(name);
    if (!node.IsDefined() || node.IsNull()) return;
    remember(node, path_of(name));
    if (!node.IsSequence()) {
      mistake(node, path_of(name), "a list is needed here: lines that begin with -");
      return;
    }
    resize(node.size());
    for (std::size_t i = 0; i < node.size(); ++i) {
      push(node[i], fmt::format("{}[{}]", path_of(name), i));
      element(i);
      pop();
    }
  }

  void by_number(std::string_view name, std::string_view /*help*/,
                 const std::vector<std::int64_t>& /*numbers*/,
                 const std::function<void(std::int64_t)>& add,
                 const std::function<void(std::int64_t)>& element) override {
    const YAML::Node node = child(name);
    if (!node.IsDefined() || node.IsNull()) return;
    if (!node.IsMap()) {
      mistake(node, path_of(name), "a map of id: {...} is needed here");
      return;
    }
    std::set<std::int64_t> seen;
    for (const auto& entry : node) {
      const std::string path = fmt::format("{}.{}", path_of(name), entry.first.Scalar());
      const auto number = parse_integer(entry.first.Scalar());
      if (!number || *number < 0 || *number > 0xFFFFFFFF) {
        mistake(entry.first, path, "the key must be a number, decimal or with 0x");
        continue;
      }
      if (!seen.insert(*number).second) {
        mistake(entry.first, path, "this number is here twice; remove one");
        continue;
      }
      add(*number);
      push(entry.second, path);
      element(*number);
      pop();
    }
  }

  void by_name(std::string_view name, std::string_view /*help*/,
               const std::vector<std::string>& /*names*/,
               const std::function<void(const std::string&)>& add,
               const std::function<void(const std::string&)>& element) override {
    const YAML::Node node = child(name);
    if (!node.IsDefined() || node.IsNull()) return;
    remember(node, path_of(name));
    if (!node.IsMap()) {
      mistake(node, path_of(name), "a map of name: {...} is needed here");
      return;
    }
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const std::string& own = entry.first.Scalar();
      const std::string path = fmt::format("{}.{}", path_of(name), own);
      if (!seen.insert(own).second) {
        mistake(entry.first, path, "this name is here twice; remove one");
        continue;
      }
      add(own);
      push(entry.second, path);
      element(own);
      pop();
    }
  }

 private:
  struct Frame {
    YAML::Node node;
    std::string path;
    std::vector<std::string> known{};
  };

  void push(const YAML::Node& node, std::string path) {
    if (node.IsDefined() && !node.IsNull() && !node.IsMap()) {
      mistake(node, path, "a section is needed here: lines of key: value");
    }
    if (node.IsDefined()) remember(node, path);
    frames_.push_back({.node = node, .path = std::move(path)});
  }

  /// Ends a section: keys that were not visited are unknown.
  void pop() {
    const Frame& frame = frames_.back();
    if (frame.node.IsDefined() && frame.node.IsMap()) {
      std::set<std::string> seen;
      for (const auto& entry : frame.node) {
        const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
        const std::string path = frame.path.empty() ? name : frame.path + "." + name;
        if (!seen.insert(name).second) {
          mistake(entry.first, path, "this key is here twice; remove one");
        } else if (std::find(frame.known.begin(), frame.known.end(), name) == frame.known.end()) {
          mistake(entry.first, path, "unknown key" + suggestion(name, frame.known));
        }
      }
    }
    frames_.pop_back();
  }

  [[nodiscard]] YAML::Node child(std::string_view name) {
    Frame& frame = frames_.back();
    if (std::find(frame.known.begin(), frame.known.end(), name) == frame.known.end()) {
      frame.known.emplace_back(name);
    }
    if (frame.node.IsDefined() && frame.node.IsMap()) {
      for (const auto& entry : frame.node) {
        if (entry.first.IsScalar() && entry.first.Scalar() == name) return entry.second;
      }
    }
    return YAML::Node(YAML::NodeType::Undefined);
  }

  [[nodiscard]] std::string path_of(std::string_view name) const {
    const std::string& path = frames_.back().path;
    return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
  }

  void remember(const YAML::Node& node, const std::string& path) {
    to_.places[path] = place_of(node);
  }

  void mistake(const YAML::Node& node, const std::string& path, std::string text) {
    to_.mistakes.push_back({.place = place_of(node), .key = path, .text = std::move(text)});
  }

  static std::string wrong_value(const YAML::Node& node, const std::string& expected) {
    if (!node.IsScalar()) return "needs " + expected;
    return fmt::format("is \"{}\"; needs {}", node.Scalar(), expected);
  }

  /// `parse` stores the value, or returns what it expected.
  template <typename Parse>
  void scalar(std::string_view name, const Parse& parse) {
    const YAML::Node node = child(name);
    if (!node.IsDefined()) return;
    remember(node, path_of(name));
    const std::string wrong = node.IsScalar() ? parse(node)
                              : node.IsNull() ? "a value"
                                              : "a single value";
    if (!wrong.empty()) mistake(node, path_of(name), wrong_value(node, wrong));
  }

  /// A scalar is read as a list of one. True if the key exists and all items are valid.
  template <typename Parse>
  bool each(std::string_view name, const Parse& parse) {
    const YAML::Node node = child(name);
    if (!node.IsDefined() || node.IsNull()) return false;
    remember(node, path_of(name));
    bool good = true;
    const auto one = [&](const YAML::Node& item, const std::string& path) {
      const std::string wrong = item.IsScalar() ? parse(item) : "a single value";
      if (wrong.empty()) return;
      mistake(item, path, wrong_value(item, wrong));
      good = false;
    };
    if (!node.IsSequence()) {
      one(node, path_of(name));
      return good;
    }
    for (std::size_t i = 0; i < node.size(); ++i) {
      one(node[i], fmt::format("{}[{}]", path_of(name), i));
    }
    return good;
  }

  template <typename Clear>
  bool is_none(std::string_view name, const Clear& clear) {
    const YAML::Node node = child(name);
    const bool none =
        node.IsDefined() && (node.IsNull() || (node.IsScalar() && node.Scalar() == "none"));
    if (none) clear();
    return none;
  }

  static std::string take_integer(const YAML::Node& node, const Key& key, std::int64_t& value) {
    const auto parsed = node.IsScalar() ? parse_integer(node.Scalar()) : std::nullopt;
    const bool fits = parsed && static_cast<double>(*parsed) >= key.min &&
                      static_cast<double>(*parsed) <= key.max;
    if (!fits) return "a whole number, " + range_of(key);
    value = *parsed;
    return "";
  }

  template <typename Parse>
  static std::string take(const YAML::Node& node, const Key& key, double& value, const Parse& parse,
                          std::string_view what, const std::string& range) {
    const auto parsed = parse(node.Scalar());
    if (!parsed || *parsed < key.min || *parsed > key.max) return std::string(what) + range;
    value = *parsed;
    return "";
  }

  LoadedConfig& to_;
  std::vector<Frame> frames_;
};

}  // namespace

void load_fields(const YAML::Node& root, LoadedConfig& to) {
  Loader loader(root, to);
  describe(loader, to.config);
  loader.finish();
}

}  // namespace hopscope::app
