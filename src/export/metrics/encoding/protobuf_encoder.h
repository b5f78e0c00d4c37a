#pragma once
// Prometheus' protobuf exposition: io.prometheus.client.MetricFamily messages, each behind its
// length, with native histograms beside the classic buckets. A long family comes as several
// messages of one name, so that memory does not grow with it; Prometheus reads them one by one.

#include <string>

#include "export/metrics/encoding/encoder.h"
#include "export/metrics/encoding/output_buffer.h"

namespace hopscope::exporter {

class ProtobufEncoder final : public Encoder {
 public:
  explicit ProtobufEncoder(PieceSink sink);

  [[nodiscard]] LabelFormat label_format() const noexcept override {
    return LabelFormat::kProtobuf;
  }
  [[nodiscard]] bool takes_exemplars() const noexcept override { return true; }
  void begin_family(const Family& family) override;
  void sample(std::string_view labels, double value) override;
  void sample(std::string_view labels, std::uint64_t value) override {
    sample(labels, static_cast<double>(value));
  }
  void histogram(std::string_view labels, const HistogramValue& value) override;
  void summary(std::string_view labels, std::uint64_t count, double sum) override;
  void end_family() override { hand_on_message(); }
  bool finish() override { return out_.flush(); }
  [[nodiscard]] bool alive() const noexcept override { return out_.alive(); }
  [[nodiscard]] std::uint64_t bytes() const noexcept override {
    return out_.bytes() + metrics_.size();
  }

 private:
  /// A message is handed on once its metrics are longer than this.
  static constexpr std::size_t kMessageBytes = 64 * 1024;

  /// A metric whose value is `value`, encoded, in field `field`.
  void metric(std::string_view labels, unsigned field, std::string_view value);
  void hand_on_message();

  OutputBuffer out_;
  std::string header_;   ///< name, help and type of this family
  std::string metrics_;  ///< those of the message under way
  std::string value_;    ///< scratch
  unsigned value_field_ = 0;
};

}  // namespace hopscope::exporter
