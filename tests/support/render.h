#pragma once
// The exposition of tables as one string.

#include <string>

#include "export/metrics/encoding/protobuf_encoder.h"
#include "export/metrics/encoding/text_encoder.h"
#include "export/metrics/table_exposition.h"

namespace hopscope::test {

inline exporter::PieceSink append_to(std::string& text) {
  return [&text](std::string_view piece) {
    text += piece;
    return true;
  };
}

/// Text 0.0.4 of everything that the tables say.
inline std::string text_of_tables(const pipeline::TableView& tables,
                                  const exporter::FlowSeriesOptions& flows,
                                  const exporter::Names& names,
                                  const exporter::ScrapeView& view = {},
                                  std::uint64_t* suppressed = nullptr) {
  std::string text;
  exporter::TextEncoder encoder(exporter::TextFormat::kPrometheus, append_to(text));
  exporter::SeriesWriter out(encoder, view, 1'000'000);
  exporter::TableExposition exposition(flows, names);
  exposition.write(tables, out);
  out.finish();
  if (suppressed != nullptr) *suppressed = exposition.suppressed_flows();
  return text;
}

}  // namespace hopscope::test
