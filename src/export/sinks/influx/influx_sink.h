#pragma once
// Push by InfluxDB line protocol over HTTP: InfluxDB 1.x and 2.x, VictoriaMetrics, vmagent,
// QuestDB, Telegraf.

#include <memory>
#include <string>
#include <string_view>

#include "export/sinks/delivery/sink.h"
#include "export/sinks/influx/line_encoder.h"
#include "export/sinks/push/http_post.h"
#include "export/sinks/push/options.h"

namespace hopscope::exporter {

/// The URL to write to, with its parameters.
[[nodiscard]] std::string write_url(const InfluxOptions& options);

class InfluxSink final : public Sink {
 public:
  /// Reads the secrets. Throws SetupError.
  InfluxSink(const InfluxOptions& options, const Names& names);

  [[nodiscard]] std::string_view kind() const noexcept override { return "influxdb"; }
  [[nodiscard]] std::string content() const override;
  void encode(const Item& item, std::int64_t now_ns, std::string& records) override;
  /// A record is a line, a point: that is what a server counts when it refuses some.
  [[nodiscard]] std::size_t first_record(std::string_view records) const override {
    return records.find('\n') + 1;
  }
  [[nodiscard]] bool wants_flows() const noexcept override {
    return options_.values && options_.flow_tags;
  }
  [[nodiscard]] Outcome deliver(std::span<const Record> batch) override;
  void hurry() noexcept override { post_.give_up(); }
  [[nodiscard]] bool is_connected() override { return post_.is_connected(); }
  /// Reads the secrets again.
  [[nodiscard]] std::string reopen() override;

 private:
  [[nodiscard]] bool is_of_one_shard(std::span<const Record> batch) const;

  const InfluxOptions options_;
  LineEncoder encoder_;
  HttpPost post_;
  std::string body_;
  std::string compressed_;
};

}  // namespace hopscope::exporter
