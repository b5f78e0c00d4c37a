#include "app/config/fields.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "app/config/values.h"
#include "app/config/yaml.h"

namespace hopscope::app {
namespace {

class FieldsReader {
 public:
  explicit FieldsReader(LoadedConfig& to) : to_(to) {}

  [[nodiscard]] std::vector<pipeline::CustomHeaderField> fields_of(const YAML::Node& node,
                                                                   const std::string& path,
                                                                   bool outermost) {
    std::vector<pipeline::CustomHeaderField> fields;
    remember(node, path);
    if (!node.IsMap()) {
      mistake(node, path, "a map of name: bits is needed here");
      return fields;
    }
    for (const auto& entry : node) {
      pipeline::CustomHeaderField field;
      field.name = entry.first.Scalar();
      const std::string here = fmt::format("{}.{}", path, field.name);
      remember(entry.second, here);
      if (entry.second.IsMap()) {
        read_field(entry.second, here, outermost, field);
      } else {
        read_bits_of(entry.second, here, field);
      }
      fields.push_back(std::move(field));
    }
    return fields;
  }

 private:
  void read_bits_of(const YAML::Node& node, const std::string& path,
                    pipeline::CustomHeaderField& field) {
    const auto bits =
        node.IsDefined() && node.IsScalar() ? parse_integer(node.Scalar()) : std::nullopt;
    if (!bits || *bits < 1 || *bits > pipeline::kMaxFieldBits) {
      mistake(node, path, "needs its number of bits, 1 to 128");
      field.bits = 1;
      return;
    }
    field.bits = static_cast<unsigned>(*bits);
  }

  void read_field(const YAML::Node& node, const std::string& path, bool outermost,
                  pipeline::CustomHeaderField& field) {
    bool is_group = false;
    bool has_bits = false;
    for (const auto& entry : node) {
      const std::string& name = entry.first.Scalar();
      if (name == "bits") {
        has_bits = true;
        read_bits_of(entry.second, path + ".bits", field);
      } else if (name == "if" && entry.second.IsScalar()) {
        field.condition = entry.second.Scalar();
        const std::size_t dot = field.condition.rfind('.');
        const auto bit = dot == std::string::npos ? std::nullopt
                                                  : parse_integer(field.condition.substr(dot + 1));
        if (bit && *bit >= 0 && *bit < pipeline::kMaxFieldBits) {
          field.condition_bit = static_cast<unsigned>(*bit);
          field.condition.resize(dot);
        }
      } else if (outermost && name == "repeat" && entry.second.IsScalar()) {
        is_group = true;
        field.count = entry.second.Scalar();
      } else if (outermost && name == "fields") {
        is_group = true;
        field.repeated = fields_of(entry.second, path + ".fields", false);
      } else {
        mistake(entry.first, path + "." + name,
                outermost ? "is not bits, if, repeat or fields" : "is not bits or if");
      }
    }
    if (is_group && has_bits) mistake(node, path, "has both bits and repeat; a group has no bits");
    if (!is_group && !has_bits) mistake(node, path, "needs bits, or repeat and fields");
    if (!is_group && !has_bits) field.bits = 1;
  }

  void remember(const YAML::Node& node, const std::string& path) {
    to_.places[path] = place_of(node);
  }

  void mistake(const YAML::Node& node, const std::string& path, std::string text) {
    to_.mistakes.push_back({.place = place_of(node), .key = path, .text = std::move(text)});
  }

  LoadedConfig& to_;
};

}  // namespace

std::vector<pipeline::CustomHeaderField> read_format_fields(const YAML::Node& node,
                                                            const std::string& path,
                                                            LoadedConfig& to) {
  return FieldsReader(to).fields_of(node, path, true);
}

}  // namespace hopscope::app
