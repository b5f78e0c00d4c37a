#pragma once
// Which flows have series in one scrape, and what the others come to. Keeps 32 bytes per chosen
// flow; their records are read again for each family, which has to be in one piece.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "export/metrics/exemplars.h"
#include "export/metrics/options.h"
#include "export/metrics/scrape_view.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::exporter {

class FlowChoice {
 public:
  /// All flows of the view without series.
  struct Rest {
    std::uint64_t flows = 0;
    std::uint64_t reports = 0;
    std::uint64_t path_changes = 0;
  };

  /// Walks all flows once, and shows them to `seen` unless that is null.
  FlowChoice(const pipeline::TableView& tables, const FlowSeriesOptions& options,
             const ScrapeView& view, Exemplars* seen);

  [[nodiscard]] const Rest& rest() const noexcept { return rest_; }
  [[nodiscard]] std::size_t size() const noexcept { return chosen_.size(); }

  /// visit(flow) for each chosen flow that is still there, until it returns false.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (const pipeline::FlowSnapshot& flow : held_) {
      if (!visit(flow)) return;
    }
    if (!held_.empty()) return;
    pipeline::FlowSnapshot flow;
    for (const Chosen& chosen : chosen_) {
      if (read(chosen, flow) && !visit(flow)) return;
    }
  }

 private:
  struct Chosen {
    std::uint64_t rank;
    std::uint64_t reports;
    pipeline::FlowRef place;
    std::uint32_t key_hash;
    std::uint32_t path_changes;
  };

  /// So few flows are copied at once, 2 MB, so that all their families tell of the same moment and
  /// workers have to claim their lines once and not for each family.
  static constexpr std::size_t kHeld = 8192;

  void take(const pipeline::FlowSnapshot& flow, FlowSort by, std::size_t most);
  void leave_out(const Chosen& flow);
  [[nodiscard]] bool read(const Chosen& chosen, pipeline::FlowSnapshot& flow) const;

  const pipeline::TableView& tables_;
  std::vector<Chosen> chosen_;  ///< in the order of their places
  std::vector<pipeline::FlowSnapshot> held_;
  Rest rest_;
};

}  // namespace hopscope::exporter
