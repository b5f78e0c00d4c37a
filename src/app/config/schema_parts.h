#pragma once
// Helpers of the schema: fields of any type, in the types of the visitor.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "app/config/visitor.h"
#include "export/options.h"

namespace hopscope::app {

using Visitor = ConfigVisitor;

template <typename Field>
void integer(Visitor& v, Key key, Field& field) {
  auto value = static_cast<std::int64_t>(field);
  if (key.max > static_cast<double>(std::numeric_limits<Field>::max())) {
    key.max = static_cast<double>(std::numeric_limits<Field>::max());
  }
  v.integer(key, value);
  field = static_cast<Field>(value);
}

template <typename Field>
void optional_integer(Visitor& v, Key key, std::optional<Field>& field) {
  std::optional<std::int64_t> value;
  if (field) value = *field;
  key.max = std::min(key.max, static_cast<double>(std::numeric_limits<Field>::max()));
  v.optional_integer(key, value);
  field = value ? std::optional(static_cast<Field>(*value)) : std::nullopt;
}

template <typename Field>
void integers(Visitor& v, Key key, std::vector<Field>& field) {
  std::vector<std::int64_t> values(field.begin(), field.end());
  key.max = std::min(key.max, static_cast<double>(std::numeric_limits<Field>::max()));
  v.integers(key, values);
  field.clear();
  for (const std::int64_t value : values) field.push_back(static_cast<Field>(value));
}

/// A duration kept as a whole number of `unit_s`.
template <typename Field>
void duration_in(Visitor& v, Key key, double unit_s, Field& field) {
  key.step = unit_s;
  double seconds = static_cast<double>(field) * unit_s;
  v.duration(key, seconds);
  field = static_cast<Field>(seconds / unit_s + 0.5);
}

template <typename Enum>
void choice(Visitor& v, const Key& key, const std::vector<std::string_view>& names, Enum& field) {
  auto value = static_cast<std::size_t>(field);
  v.choice(key, names, value);
  field = static_cast<Enum>(value);
}

/// The section `export`.
void describe_export(Visitor& v, exporter::ExportOptions& exports);

}  // namespace hopscope::app
