#include "export/sinks/remote_write/label_set.h"

#include <algorithm>

#include "base/assert.h"
#include "export/sinks/remote_write/remote_write.pb.h"

namespace hopscope::exporter {

LabelSet::LabelSet(const std::map<std::string, std::string>& extra)
    : extra_(extra), message_(std::make_unique<remote_write::TimeSeries>()) {}

LabelSet::~LabelSet() = default;

LabelSet& LabelSet::of(std::string_view metric, std::string_view suffix) {
  HOPSCOPE_ASSERT(!metric.empty());
  count_ = 0;
  add("__name__", metric);
  labels_.front().value += suffix;
  return *this;
}

LabelSet& LabelSet::add(std::string_view name, std::string_view value) {
  if (value.empty()) return *this;
  if (count_ == labels_.size()) labels_.emplace_back();
  labels_[count_].name = name;
  labels_[count_].value = value;
  ++count_;
  return *this;
}

LabelSet& LabelSet::add(std::string_view name, std::uint64_t value) {
  return add(name, std::to_string(value));
}

const std::string& LabelSet::bytes() {
  const std::size_t own = count_;
  for (const auto& [name, value] : extra_) {
    const auto end = labels_.begin() + static_cast<std::ptrdiff_t>(own);
    const bool is_taken = std::any_of(labels_.begin(), end, [&wanted = name](const Label& label) {
      return label.name == wanted;
    });
    if (!is_taken) add(name, value);
  }
  std::sort(labels_.begin(), labels_.begin() + static_cast<std::ptrdiff_t>(count_),
            [](const Label& a, const Label& b) { return a.name < b.name; });
  message_->clear_labels();
  for (std::size_t i = 0; i < count_; ++i) {
    remote_write::Label& label = *message_->add_labels();
    label.set_name(labels_[i].name);
    label.set_value(labels_[i].value);
  }
  message_->SerializeToString(&bytes_);
  return bytes_;
}

}  // namespace hopscope::exporter
