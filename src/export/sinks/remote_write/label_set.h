#pragma once
// The labels of a series as remote write wants them: ascending by name, none empty, none twice,
// serialized. The bytes are what tells one series from another.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "export/names/family.h"

namespace hopscope::remote_write {
class TimeSeries;
}

namespace hopscope::exporter {

class LabelSet {
 public:
  /// `extra` goes to every series that has no such label of its own.
  explicit LabelSet(const std::map<std::string, std::string>& extra);
  LabelSet(const LabelSet&) = delete;
  LabelSet& operator=(const LabelSet&) = delete;
  ~LabelSet();

  /// Begins another series. `suffix`: of its name, for the series of histograms.
  LabelSet& of(std::string_view metric, std::string_view suffix = "");
  LabelSet& of(const Family& family, std::string_view suffix = "") {
    return of(family.name, suffix);
  }
  /// Each name once. A label without value is none.
  LabelSet& add(std::string_view name, std::string_view value);
  LabelSet& add(std::string_view name, std::uint64_t value);

  /// The fields `labels` of a TimeSeries. Valid until of() is called.
  [[nodiscard]] const std::string& bytes();

 private:
  struct Label {
    std::string name;
    std::string value;
  };

  const std::map<std::string, std::string> extra_;
  std::vector<Label> labels_;  ///< the first `count_`; the others keep their memory
  std::size_t count_ = 0;
  std::unique_ptr<remote_write::TimeSeries> message_;
  std::string bytes_;
};

}  // namespace hopscope::exporter
