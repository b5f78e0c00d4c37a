#include "export/metrics/encoding/protobuf_encoder.h"

#include <cmath>
#include <cstring>

#include "export/metrics/encoding/protobuf_wire.h"

namespace hopscope::exporter {
namespace {

// Field numbers of io/prometheus/client/metrics.proto (prometheus/client_model 0.3).
enum FamilyField : unsigned { kName = 1, kHelp = 2, kType = 3, kMetric = 4 };
enum MetricField : unsigned { kGauge = 2, kCounter = 3, kSummary = 4, kHistogram = 7 };
enum HistogramField : unsigned {
  kSampleCount = 1,
  kSampleSum = 2,
  kBucket = 3,
  kSchema = 5,
  kZeroThreshold = 6,
  kZeroCount = 7,
  kPositiveSpan = 12,
  kPositiveDelta = 13
};

/// Upper bound of this bucket of schema 0 is infinity.
constexpr std::int32_t kInfiniteIndex = 1025;

struct TypeNumbers {
  std::uint64_t type;
  unsigned field;
};

TypeNumbers numbers_of(FamilyType type) noexcept {
  switch (type) {
    case FamilyType::kCounter:
      return {0, kCounter};
    case FamilyType::kGauge:
      return {1, kGauge};
    case FamilyType::kSummary:
      return {2, kSummary};
    case FamilyType::kHistogram:
      break;
  }
  return {4, kHistogram};
}

void append_exemplar(std::string& to, const Exemplar& exemplar) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  std::string time;
  wire::append_unsigned(time, 1, static_cast<std::uint64_t>(exemplar.time_ns / kNsPerSecond));
  wire::append_unsigned(time, 2, static_cast<std::uint64_t>(exemplar.time_ns % kNsPerSecond));
  std::string message(exemplar.labels);  // labels are field 1 here as in a metric
  wire::append_double(message, 2, exemplar.value);
  wire::append_bytes(message, 3, time);
  wire::append_bytes(to, 3, message);
}

void append_classic(std::string& to, const HistogramValue& value) {
  std::uint64_t cumulative = 0;
  std::string bucket;
  for (std::size_t i = 0; i < value.counts.size(); ++i) {
    cumulative += value.counts[i];
    bucket.clear();
    wire::append_unsigned(bucket, 1, cumulative);
    wire::append_double(bucket, 2, i < value.bounds.size() ? value.bounds[i] : HUGE_VAL);
    if (!value.exemplars.empty() && value.exemplars[i]) {
      append_exemplar(bucket, *value.exemplars[i]);
    }
    wire::append_bytes(to, kBucket, bucket);
  }
}

/// The first bucket is the zero bucket, the last one that without an upper bound; those between
/// follow each other from `first_index` on.
void append_native(std::string& to, const HistogramValue& value, const NativeBuckets& native) {
  wire::append_tag(to, kSchema, wire::kVarint);
  wire::append_varint(to, 0);
  wire::append_double(to, kZeroThreshold, native.zero_threshold);
  wire::append_unsigned(to, kZeroCount, value.counts.front());
  std::string deltas;
  std::int64_t before = 0;
  const auto delta = [&](std::uint64_t count) {
    const auto signed_count = static_cast<std::int64_t>(count);
    wire::append_zigzag(deltas, signed_count - before);
    before = signed_count;
  };
  const auto span = [&](std::int32_t offset, std::uint64_t length) {
    std::string message;
    wire::append_signed(message, 1, offset);
    wire::append_unsigned(message, 2, length);
    wire::append_bytes(to, kPositiveSpan, message);
  };
  // Leading and trailing empty buckets are left out.
  std::size_t first = 1;
  std::size_t end = value.counts.size() - 1;
  while (first < end && value.counts[first] == 0) ++first;
  while (end > first && value.counts[end - 1] == 0) --end;
  std::int32_t next = 0;
  if (first < end) {
    const auto index = native.first_index + static_cast<std::int32_t>(first) - 1;
    span(index, end - first);
    for (std::size_t i = first; i < end; ++i) delta(value.counts[i]);
    next = index + static_cast<std::int32_t>(end - first);
  }
  if (value.counts.back() != 0) {
    span(kInfiniteIndex - next, 1);
    delta(value.counts.back());
  } else if (first == end) {
    span(0, 0);  // an empty histogram is told from a classic one by a span
  }
  if (!deltas.empty()) wire::append_bytes(to, kPositiveDelta, deltas);
}

}  // namespace

ProtobufEncoder::ProtobufEncoder(PieceSink sink) : out_(std::move(sink)) {
  metrics_.reserve(kMessageBytes + kMessageBytes / 4);
}

void ProtobufEncoder::begin_family(const Family& family) {
  const TypeNumbers numbers = numbers_of(family.type);
  value_field_ = numbers.field;
  header_.clear();
  metrics_.clear();
  wire::append_bytes(header_, kName, family.name);
  wire::append_bytes(header_, kHelp, family.help);
  wire::append_unsigned(header_, kType, numbers.type);
}

void ProtobufEncoder::metric(std::string_view labels, unsigned field, std::string_view value) {
  constexpr std::size_t kMaxHeadBytes = 16;
  char head[kMaxHeadBytes];
  const auto append_head = [&](const char* end) {
    metrics_.append(head, static_cast<std::size_t>(end - head));
  };
  append_head(wire::put_varint(wire::put_tag(head, kMetric, wire::kBytes),
                               labels.size() + wire::bytes_field_size(value)));
  metrics_ += labels;
  append_head(wire::put_varint(wire::put_tag(head, field, wire::kBytes), value.size()));
  metrics_ += value;
  if (metrics_.size() > kMessageBytes) hand_on_message();
}

void ProtobufEncoder::sample(std::string_view labels, double value) {
  char message[1 + sizeof value];
  message[0] = static_cast<char>(1 << 3 | wire::kFixed64);
  std::memcpy(message + 1, &value, sizeof value);
  metric(labels, value_field_, {message, sizeof message});
}

void ProtobufEncoder::histogram(std::string_view labels, const HistogramValue& value) {
  std::uint64_t count = 0;
  for (const std::uint64_t bucket : value.counts) count += bucket;
  value_.clear();
  wire::append_unsigned(value_, kSampleCount, count);
  wire::append_double(value_, kSampleSum, value.sum);
  append_classic(value_, value);
  if (value.native) append_native(value_, value, *value.native);
  metric(labels, kHistogram, value_);
}

void ProtobufEncoder::summary(std::string_view labels, std::uint64_t count, double sum) {
  value_.clear();
  wire::append_unsigned(value_, 1, count);
  wire::append_double(value_, 2, sum);
  metric(labels, kSummary, value_);
}

void ProtobufEncoder::hand_on_message() {
  if (metrics_.empty()) return;
  std::string length;
  wire::append_varint(length, header_.size() + metrics_.size());
  out_.append(length);
  out_.append(header_);
  out_.append(metrics_);
  metrics_.clear();
}

}  // namespace hopscope::exporter
