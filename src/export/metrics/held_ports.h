#pragma once
// The ports that an answer tells of. As with flows few of them are copied at once, and more are
// read anew for each family.

#include <cstddef>
#include <deque>
#include <functional>

#include "export/metrics/scrape_view.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::exporter {

class HeldPorts {
 public:
  /// Reads the tables. What is referred to must outlive it.
  HeldPorts(const pipeline::TableView& tables, const ScrapeView& view);

  /// Those that the view wants, by switch and port.
  void for_each(const std::function<void(const pipeline::PortSnapshot&)>& visit) const;

 private:
  struct Port {
    pipeline::PortKey key;
    bool has_tx_utilization;
    std::uint32_t tx_utilization;
    std::size_t queues_end;  ///< they begin where those of the port before end
  };
  /// 3 MB.
  static constexpr std::size_t kMaxPorts = 32'768;
  static constexpr std::size_t kMaxQueues = 131'072;

  [[nodiscard]] bool wants(const pipeline::PortSnapshot& port) const;

  const pipeline::TableView& tables_;
  const ScrapeView& view_;
  bool are_too_many_ = false;
  std::deque<Port> ports_;
  std::deque<pipeline::QueueSnapshot> queues_;
};

}  // namespace hopscope::exporter
