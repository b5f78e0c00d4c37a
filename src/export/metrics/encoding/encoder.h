#pragma once
// What an exposition is made of, and the interface of its formats: each turns the same calls into
// its own bytes. The families are listed in export/names/families.h.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "export/metrics/encoding/labels.h"
#include "export/names/family.h"

namespace hopscope::exporter {

struct Exemplar {
  std::string_view labels;  ///< Labels::bytes(), of at most 128 characters of names and values
  double value = 0;
  std::int64_t time_ns = 0;  ///< since 1970
};

/// Buckets whose bounds are powers of two of the unit: schema 0 of native histograms.
struct NativeBuckets {
  double zero_threshold = 0;     ///< upper bound of the first bucket
  std::int32_t first_index = 0;  ///< of the second bucket: its upper bound is 2^first_index
};

struct HistogramValue {
  std::span<const double> bounds;         ///< upper ones, ascending; the last bucket has none
  std::span<const std::uint64_t> counts;  ///< not cumulative; one more than bounds
  double sum = 0;
  std::span<const std::optional<Exemplar>> exemplars{};  ///< none, or one per count
  std::optional<NativeBuckets> native{};
};

class Encoder {
 public:
  Encoder() = default;
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  virtual ~Encoder() = default;

  [[nodiscard]] virtual LabelFormat label_format() const noexcept = 0;
  [[nodiscard]] virtual bool takes_exemplars() const noexcept { return false; }

  /// Samples of the family follow, of its type; then end_family().
  virtual void begin_family(const Family& family) = 0;
  virtual void sample(std::string_view labels, double value) = 0;
  virtual void sample(std::string_view labels, std::uint64_t value) = 0;
  virtual void histogram(std::string_view labels, const HistogramValue& value) = 0;
  virtual void summary(std::string_view labels, std::uint64_t count, double sum) = 0;
  virtual void end_family() = 0;

  /// The answer is whole. False once the sink refused a piece of it.
  virtual bool finish() = 0;
  [[nodiscard]] virtual bool alive() const noexcept = 0;
  /// Bytes made so far, before any compression.
  [[nodiscard]] virtual std::uint64_t bytes() const noexcept = 0;
};

}  // namespace hopscope::exporter
