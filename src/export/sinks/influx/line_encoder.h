#pragma once
// Events and rows as lines of the InfluxDB line protocol. Tags are bounded: kind, switch, port,
// queue and the like; 5-tuples and paths are fields, unless the user wants flows as tags.

#include <cstdint>
#include <string>
#include <string_view>

#include "export/names/names.h"
#include "export/sinks/delivery/item.h"
#include "export/sinks/influx/line_writer.h"
#include "export/sinks/push/series_clock.h"

namespace hopscope::exporter {

struct LineOptions {
  std::int64_t precision_ns = 1;  ///< 1, 1000, 10^6 or 10^9
  bool flow_tags = false;
  bool text_fields = true;  ///< 5-tuples, paths and the like that are no tags
  std::int64_t switch_time_window_ns = 60'000'000'000;
};

class LineEncoder {
 public:
  LineEncoder(const LineOptions& options, const Names& names)
      : options_(options),
        names_(names),
        clock_(options.precision_ns, options.switch_time_window_ns) {}

  /// Appends the item's lines. Rows are stamped with `now_ns`, events with the switch's time where
  /// time_of() gives it.
  void encode(const Item& item, std::int64_t now_ns, std::string& to);

 private:
  void write(const pipeline::Event& event, std::string& to);
  void write(const pipeline::FlowSnapshot& flow, std::string& to);
  void write(const pipeline::PortSnapshot& port, std::string& to);
  void write(const pipeline::SwitchSnapshot& row, std::string& to);
  void write(const pipeline::DropSnapshot& drop, std::string& to);
  void write(const pipeline::SequenceSnapshot& sender, std::string& to);
  void write(const pipeline::LinkSnapshot& link, std::string& to);
  void write(const pipeline::FormatSnapshot& row, std::string& to);

  void text_field(LineWriter& line, std::string_view name, std::string_view text) const;
  void flow_fields(LineWriter& line, const pipeline::FlowKey& flow) const;
  void end(LineWriter& line, std::int64_t time_ns);

  const LineOptions options_;
  const Names& names_;
  SeriesClock clock_;
  std::int64_t now_ns_ = 0;
};

}  // namespace hopscope::exporter
