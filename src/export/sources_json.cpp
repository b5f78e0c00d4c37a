#include "export/sources_json.h"

#include <algorithm>
#include <tuple>
#include <vector>

namespace hopscope::exporter {

nlohmann::ordered_json sources_json(const pipeline::TableView& tables, const Names& names) {
  std::vector<pipeline::SequenceSnapshot> senders;
  tables.for_each_sequence(
      [&](const pipeline::SequenceSnapshot& sender) { senders.push_back(sender); });
  std::sort(senders.begin(), senders.end(), [](const auto& a, const auto& b) {
    return std::tie(a.source, a.switch_id, a.hw_id) < std::tie(b.source, b.switch_id, b.hw_id);
  });
  auto json = nlohmann::ordered_json::array();
  for (const pipeline::SequenceSnapshot& sender : senders) {
    json.push_back({{"source", address_text(sender.source)},
                    {"switch", names.switch_name(sender.switch_id)},
                    {"hw_id", sender.hw_id},
                    {"versions", versions_text(sender.versions)},
                    {"reports", sender.received},
                    {"missing", sender.missing},
                    {"late", sender.late},
                    {"duplicates", sender.duplicates},
                    {"restarts", sender.restarts},
                    {"deviations", deviation_labels(sender)}});
  }
  return json;
}

}  // namespace hopscope::exporter
