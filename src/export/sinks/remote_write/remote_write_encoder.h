#pragma once
// Events and rows as samples of remote write: the series of /metrics under their names, with the
// switch's time where an event brings it, and series of events. Series are bounded; 5-tuples are
// labels only where the user wants them.

#include <cstdint>
#include <map>
#include <string>

#include "export/names/family.h"
#include "export/names/names.h"
#include "export/sinks/delivery/item.h"
#include "export/sinks/remote_write/label_set.h"
#include "export/sinks/remote_write/sample_writer.h"

namespace hopscope::exporter {

struct RemoteWriteEncoding {
  bool values = true;  ///< rows come, and end_of_rows() behind them
  bool flow_labels = false;
  std::map<std::string, std::string> labels{};  ///< of every series
  std::uint32_t max_series = 200'000;
  std::int64_t switch_time_window_ns = 60'000'000'000;
};

/// Records are fields `timeseries` of a WriteRequest: one behind another they are a request.
class RemoteWriteEncoder {
 public:
  RemoteWriteEncoder(const RemoteWriteEncoding& options, const Names& names);

  /// Appends the item's samples. Rows are stamped with `now_ns`, events with time_of(), neither
  /// before the newest sample of the series nor after `now_ns` (see SampleWriter).
  void encode(const Item& item, std::int64_t now_ns, std::string& to);
  /// Appends stale markers of series that had no row since the last call, and what else is due.
  void end_of_rows(std::int64_t now_ns, std::string& to);

  [[nodiscard]] const SampleWriter& samples() const noexcept { return samples_; }

 private:
  void write(const pipeline::Event& event);
  void write(const pipeline::FlowSnapshot& flow);
  void write(const pipeline::PortSnapshot& port);
  void write(const pipeline::SwitchSnapshot& row);
  void write(const pipeline::DropSnapshot& drop);
  void write(const pipeline::SequenceSnapshot& sender);
  void write(const pipeline::LinkSnapshot& link);
  void write(const pipeline::FormatSnapshot& row);

  void count(const pipeline::Event& event, std::int64_t time_ns);
  void write_latency(const pipeline::Event& event, double value, std::int64_t time_ns);
  LabelSet& port_series(const Family& family, std::uint32_t switch_id, std::uint32_t port);
  LabelSet& flow_series(const Family& family, const pipeline::FlowKey& flow);
  LabelSet& format_series(const std::string& metric, const FormatNames& format,
                          const std::array<std::uint64_t, 8>& key);

  const RemoteWriteEncoding options_;
  const Names& names_;
  LabelSet labels_;
  SampleWriter samples_;
};

}  // namespace hopscope::exporter
