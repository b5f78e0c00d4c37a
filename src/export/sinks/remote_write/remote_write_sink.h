#pragma once
// Push by Prometheus remote write 1.0: Prometheus with its receiver on, VictoriaMetrics, and
// whatever else takes it.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "export/sinks/delivery/sink.h"
#include "export/sinks/push/http_post.h"
#include "export/sinks/push/options.h"
#include "export/sinks/remote_write/remote_write_encoder.h"

namespace hopscope::exporter {

class RemoteWriteSink final : public Sink {
 public:
  /// Reads the secrets. Throws SetupError.
  RemoteWriteSink(const RemoteWriteOptions& options, const Names& names);

  [[nodiscard]] std::string_view kind() const noexcept override { return "remote_write"; }
  void encode(const Item& item, std::int64_t now_ns, std::string& record) override;
  [[nodiscard]] bool wants_flows() const noexcept override {
    return options_.values && options_.flow_labels;
  }
  void end_of_rows(std::int64_t now_ns, std::string& record) override;

  /// Prometheus refuses a request as a whole for one sample that is too old. Such a request is sent
  /// again in parts until only the records that are to blame are left out.
  [[nodiscard]] Outcome deliver(std::span<const Record> batch) override;
  void hurry() noexcept override { post_.give_up(); }
  [[nodiscard]] bool is_connected() override { return post_.is_connected(); }
  /// Reads the secrets again.
  [[nodiscard]] std::string reopen() override;

  /// Samples that max_series left out. Any thread.
  [[nodiscard]] std::uint64_t suppressed() const noexcept override {
    return encoder_.samples().suppressed();
  }

 private:
  [[nodiscard]] HttpAnswer send(std::span<const Record> records);
  [[nodiscard]] bool was_sent(const Record& record) const noexcept;
  void note_unanswered(std::span<const Record> part) noexcept;

  const RemoteWriteOptions options_;
  const std::int64_t started_ns_;
  RemoteWriteEncoder encoder_;
  HttpPost post_;
  std::string body_;
  std::string compressed_;
  std::uint64_t sent_ = 0;        ///< records below have arrived, or were refused
  std::uint64_t unanswered_ = 0;  ///< records below may have arrived without an answer
};

}  // namespace hopscope::exporter
