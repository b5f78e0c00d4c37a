// Every golden vector, value for value; then each of them damaged in every place.

#include <gtest/gtest.h>

#include <numeric>

#include "app/decode/json.h"
#include "pipeline/worker/engine.h"
#include "support/memory_source.h"
#include "support/vectors.h"

namespace hopscope::test {
namespace {

using nlohmann::ordered_json;

/// Where `got` lacks or contradicts what `want` has. More than wanted is fine.
void compare(const ordered_json& want, const ordered_json& got, const std::string& path,
             std::vector<std::string>& differences) {
  if (want.is_object() && got.is_object()) {
    for (const auto& [key, value] : want.items()) {
      if (got.contains(key)) {
        compare(value, got.at(key), path + "." + key, differences);
      } else {
        differences.push_back(path + "." + key + " is missing, wanted " + value.dump());
      }
    }
  } else if (want.is_array() && got.is_array() && want.size() == got.size()) {
    for (std::size_t i = 0; i < want.size(); ++i) {
      compare(want[i], got[i], path + "[" + std::to_string(i) + "]", differences);
    }
  } else if (want != got) {
    differences.push_back(path + " is " + got.dump() + ", wanted " + want.dump());
  }
}

/// Decodes the frame and puts it through the pipeline; checks that it is accounted for once.
class Damage {
 public:
  explicit Damage(const Vector& vector)
      : decoder_(vector.config),
        engine_({.decode = vector.config,
                 .tables = {.flows_ipv4 = 256, .flows_ipv6 = 256, .ports = 256},
                 .events = {},
                 .switches = {},
                 .queues = {},
                 .seed = {},
                 .cpus = {}},
                {&source_}) {}

  void feed(const std::vector<std::uint8_t>& frame) {
    // A copy of exactly this size, so that a read past its end is one past the allocation.
    const std::vector<std::uint8_t> exact(frame.begin(), frame.end());
    const ordered_json json = app::decode_to_json(decoder_, {exact.data(), exact.size()});
    if (json.contains("error")) ++with_error_;
    source_.items().assign(1, {.bytes = exact, .time_ns = ++now_ns_});
    source_.rewind();
    engine_.run_inline();
    ++fed_;
    std::array<pipeline::Event, 64> events;
    while (engine_.take_events(events) != 0) {
    }
  }

  void check() const {
    const pipeline::CounterSnapshot total = engine_.total();
    const std::uint64_t dropped =
        std::accumulate(total.dropped.begin(), total.dropped.end(), std::uint64_t{0});
    const std::uint64_t errors =
        std::accumulate(total.errors.begin(), total.errors.end(), std::uint64_t{0});
    EXPECT_EQ(total.frames, fed_);
    EXPECT_EQ(total.decoded + dropped, fed_) << "each frame is decoded or refused for one reason";
    EXPECT_GE(errors, dropped);
    EXPECT_EQ(source_.held(), 0U);
    for (std::size_t i = 0; i < total.dropped.size(); ++i) {
      if (total.dropped[i] == 0) continue;
      EXPECT_TRUE(pipeline::rejects(static_cast<pipeline::DecodeError>(i)));
    }
  }

  [[nodiscard]] std::uint64_t with_error() const { return with_error_; }

 private:
  pipeline::Decoder decoder_;
  MemorySource source_;
  pipeline::Engine engine_;
  std::int64_t now_ns_ = 1;
  std::uint64_t fed_ = 0;
  std::uint64_t with_error_ = 0;
};

TEST(DecodeVectors, EveryValueOfEveryVector) {
  const std::vector<Vector> vectors = read_vectors();
  ASSERT_GE(vectors.size(), 64U);
  for (const Vector& vector : vectors) {
    const pipeline::Decoder decoder(vector.config);
    const ordered_json got =
        app::decode_to_json(decoder, {vector.frame.data(), vector.frame.size()});
    std::vector<std::string> differences;
    compare(vector.expected, got, "", differences);
    for (const std::string& difference : differences) {
      ADD_FAILURE() << vector.name << ": " << difference;
    }
  }
}

TEST(DecodeVectors, Frame_TruncatedAtEveryByte_IsHandled) {
  for (const Vector& vector : read_vectors()) {
    SCOPED_TRACE(vector.name);
    Damage damage(vector);
    for (std::size_t length = 0; length <= vector.frame.size(); ++length) {
      damage.feed({vector.frame.begin(), vector.frame.begin() + static_cast<long>(length)});
    }
    damage.check();
    EXPECT_GE(damage.with_error(), 42U) << "no whole IPv4/UDP header, no report";
  }
}

TEST(DecodeVectors, EveryByte_SetToBadLengths_IsHandled) {
  for (const Vector& vector : read_vectors()) {
    SCOPED_TRACE(vector.name);
    Damage damage(vector);
    for (std::size_t at = 0; at < vector.frame.size(); ++at) {
      for (const int value : {0x00, 0x01, 0x02, 0x03, 0xFE, 0xFF}) {
        std::vector<std::uint8_t> frame = vector.frame;
        frame[at] = static_cast<std::uint8_t>(value);
        damage.feed(frame);
      }
    }
    damage.check();
  }
}

TEST(DecodeVectors, Frame_WithWrongLengthAndTruncated_IsHandled) {
  for (const Vector& vector : read_vectors()) {
    SCOPED_TRACE(vector.name);
    Damage damage(vector);
    // Every second cut behind the outer headers, every byte of the 24 in front of it.
    for (std::size_t length = 42; length < vector.frame.size(); length += 2) {
      for (std::size_t at = length > 24 ? length - 24 : 0; at < length; ++at) {
        std::vector<std::uint8_t> frame(vector.frame.begin(),
                                        vector.frame.begin() + static_cast<long>(length));
        frame[at] = 0xFF;
        damage.feed(frame);
      }
    }
    damage.check();
  }
}

}  // namespace
}  // namespace hopscope::test
