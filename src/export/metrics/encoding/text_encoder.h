#pragma once
// The two text formats: Prometheus 0.0.4, and OpenMetrics 1.0.0 with units, exemplars and an end
// mark.

#include <string>

#include "export/metrics/encoding/encoder.h"
#include "export/metrics/encoding/output_buffer.h"

namespace hopscope::exporter {

enum class TextFormat : std::uint8_t { kPrometheus, kOpenMetrics };

class TextEncoder final : public Encoder {
 public:
  TextEncoder(TextFormat format, PieceSink sink)
      : is_open_metrics_(format == TextFormat::kOpenMetrics), out_(std::move(sink)) {}

  [[nodiscard]] LabelFormat label_format() const noexcept override { return LabelFormat::kText; }
  [[nodiscard]] bool takes_exemplars() const noexcept override { return is_open_metrics_; }
  void begin_family(const Family& family) override;
  void sample(std::string_view labels, double value) override;
  void sample(std::string_view labels, std::uint64_t value) override;
  void histogram(std::string_view labels, const HistogramValue& value) override;
  void summary(std::string_view labels, std::uint64_t count, double sum) override;
  void end_family() override {}
  bool finish() override;
  [[nodiscard]] bool alive() const noexcept override { return out_.alive(); }
  [[nodiscard]] std::uint64_t bytes() const noexcept override { return out_.bytes(); }

 private:
  void comment(std::string_view keyword, std::string_view name, std::string_view text);
  void open(std::string_view suffix, std::string_view labels);
  void number(double value);
  void exemplar(const Exemplar& exemplar);

  const bool is_open_metrics_;
  OutputBuffer out_;
  std::string name_;  ///< of the samples of this family
};

}  // namespace hopscope::exporter
