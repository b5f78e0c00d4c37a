// Custom headers: bits at any offset, optional fields, repeated groups, where a header starts,
// and their rows in the tables of one worker or several.

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "pipeline/decode/custom_header_plan.h"
#include "pipeline/encode/encode.h"
#include "pipeline/worker/engine.h"
#include "support/memory_source.h"

namespace hopscope::pipeline {
namespace {

using Frame = std::vector<std::uint8_t>;

/// Appends bits one by one, the obvious way.
class BitWriter {
 public:
  void put(std::uint64_t value, unsigned bits) {
    for (unsigned i = bits; i > 0; --i) put_bit(i > 64 ? 0 : (value >> (i - 1)) & 1);
  }
  void put_bit(std::uint64_t bit) {
    if (count_ % 8 == 0) bytes_.push_back(0);
    if (bit != 0) bytes_.back() = static_cast<std::uint8_t>(bytes_.back() | 0x80U >> (count_ % 8));
    ++count_;
  }
  [[nodiscard]] const Frame& bytes() const { return bytes_; }

 private:
  Frame bytes_;
  std::size_t count_ = 0;
};

TEST(ReadBits, AnyWidth_AtAnyBit_IsRead) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto at = static_cast<std::size_t>(random() % 40);
    const auto bits = static_cast<unsigned>(1 + random() % 128);
    const WideValue wanted{.high = bits > 64 ? random() >> (128 - bits) : 0,
                           .low = bits >= 64 ? random() : random() & ((1ULL << bits) - 1)};
    BitWriter out;
    for (std::size_t j = 0; j < at; ++j) out.put_bit(random() & 1);
    if (bits > 64) out.put(wanted.high, bits - 64);
    out.put(wanted.low, std::min(bits, 64U));
    out.put(random(), static_cast<unsigned>(random() % 9));
    ASSERT_EQ(read_bits(out.bytes().data(), at, bits), wanted) << at << ' ' << bits;
  }
}

CustomHeaderField field(const char* name, unsigned bits, const char* condition = "",
                        std::optional<unsigned> bit = std::nullopt) {
  CustomHeaderField field;
  field.name = name;
  field.bits = bits;
  field.condition = condition;
  field.condition_bit = bit;
  return field;
}

/// flags 3, count 5, [extra 7 if flags.1], [more 9 if flags], {id 11, depth 13} * count, end 4.
CustomHeaderConfig shifting() {
  CustomHeaderConfig config{.name = "mine", .udp_port = 8192};
  CustomHeaderField group;
  group.name = "hops";
  group.count = "count";
  group.repeated = {field("id", 11), field("depth", 13)};
  config.fields = {field("flags", 3),
                   field("count", 5),
                   field("extra", 7, "flags", 1),
                   field("more", 9, "flags"),
                   group,
                   field("end", 4)};
  config.key = {"hops.id", "extra"};
  config.measurements = {{.field = "hops.depth"}, {.field = "end"}, {.field = "more"}};
  return config;
}

TEST(CustomHeaderPlan, OptionalFieldsAndGroups_AtAnyBit_AreRead) {
  const CustomHeaderPlan plan(shifting(), 0);
  std::mt19937 random(2);
  for (int i = 0; i < 5'000; ++i) {
    const unsigned flags = random() % 8;
    const unsigned count = random() % 32;
    const unsigned extra = random() % 128;
    const unsigned more = random() % 512;
    const unsigned end = random() % 16;
    BitWriter out;
    out.put(flags, 3);
    out.put(count, 5);
    if ((flags & 2) != 0) out.put(extra, 7);
    if (flags != 0) out.put(more, 9);
    std::vector<std::pair<unsigned, unsigned>> hops;
    for (unsigned j = 0; j < count; ++j) {
      hops.emplace_back(random() % 2048, random() % 8192);
      out.put(hops.back().first, 11);
      out.put(hops.back().second, 13);
    }
    out.put(end, 4);
    std::size_t seen = 0;
    ASSERT_EQ(plan.read(out.bytes(),
                        [&](const FormatRecord& record) {
                          EXPECT_EQ(record.key[0].low, hops[seen].first);
                          EXPECT_EQ(record.key[1].low, (flags & 2) != 0 ? extra : 0);
                          EXPECT_EQ(record.value[0], hops[seen].second);
                          EXPECT_EQ(record.value[1], end);
                          EXPECT_EQ(record.present, flags != 0 ? 7 : 3);
                          EXPECT_EQ(record.value[2], flags != 0 ? more : 0);
                          ++seen;
                        }),
              DecodeError::kNone);
    EXPECT_EQ(seen, count);
    // Cut anywhere: refused as a whole, nothing is read beyond the end.
    Frame cut = out.bytes();
    cut.resize(random() % cut.size());
    cut.shrink_to_fit();
    EXPECT_EQ(plan.read(cut, [](const FormatRecord&) { ADD_FAILURE(); }),
              DecodeError::kShortFormat);
  }
}

TEST(CustomHeaderPlan, Group_NotNeeded_IsSkipped) {
  CustomHeaderConfig config = shifting();
  config.key = {"flags"};
  config.measurements = {{.field = "end"}};
  const CustomHeaderPlan plan(config, 0);
  for (const unsigned count : {0U, 3U}) {
    BitWriter out;
    out.put(0, 3);
    out.put(count, 5);
    for (unsigned i = 0; i < count; ++i) out.put(1, 24);
    out.put(9, 4);
    int records = 0;
    EXPECT_EQ(plan.read(out.bytes(),
                        [&](const FormatRecord& record) {
                          EXPECT_EQ(record.value[0], 9U);
                          ++records;
                        }),
              DecodeError::kNone);
    EXPECT_EQ(records, 1);
  }
}

TEST(CustomHeaderPlan, Header_WithKeyOutsideTheGroup_CountsOnce) {
  CustomHeaderConfig config = shifting();
  config.key = {"flags"};
  config.drop = "end";
  const CustomHeaderPlan plan(config, 0);
  for (const unsigned count : {0U, 1U, 3U}) {
    BitWriter out;
    out.put(0, 3);
    out.put(count, 5);
    for (unsigned i = 0; i < count; ++i) out.put(i, 24);
    out.put(9, 4);
    unsigned headers = 0;
    unsigned depths = 0;
    EXPECT_EQ(plan.read(out.bytes(),
                        [&](const FormatRecord& record) {
                          EXPECT_TRUE(record.dropped);
                          headers += record.further ? 0 : 1;
                          depths += record.present & 1U;
                        }),
              DecodeError::kNone);
    EXPECT_EQ(headers, 1U) << count;
    EXPECT_EQ(depths, count);
  }
}

TEST(CustomHeaderPlan, Condition_OnAnyOf128Bits_IsTested) {
  for (const int bit : {124, 3, -1}) {
    const bool there = bit != 3;
    CustomHeaderConfig config{.name = "mine", .udp_port = 8192};
    config.fields = {field("wide", 128),
                     field("more", 8, "wide",
                           bit < 0 ? std::nullopt : std::optional(static_cast<unsigned>(bit)))};
    config.key = {"wide"};
    config.measurements = {{.field = "more"}};
    Frame header(17, 0);
    header[0] = 0x10;  // bit 124
    EXPECT_EQ(CustomHeaderPlan(config, 0).read(header,
                                               [&](const FormatRecord& record) {
                                                 EXPECT_EQ(record.present != 0, there) << bit;
                                               }),
              DecodeError::kNone);
  }
}

Frame udp_frame(const Frame& payload, std::uint16_t port = 8192) {
  encode::Packet packet{.destination_port = port};
  packet.payload = payload;
  packet.l4_checksum = false;
  encode::ByteWriter out;
  put_packet(out, packet);
  return {out.bytes().begin(), out.bytes().end()};
}

DecodeConfig with(CustomHeaderConfig format) {
  DecodeConfig config;
  config.formats = {std::move(format)};
  return config;
}

/// What the decoder finds in the frame: the first measurement of every record.
std::vector<std::uint64_t> values(const DecodeConfig& config, const Frame& frame) {
  const Decoder decoder(config);
  OuterHeaders outer;
  std::vector<std::uint64_t> found;
  if (decoder.outer(frame, outer) != DecodeError::kNone || outer.format == nullptr) return found;
  (void)outer.format->read(outer.format->locate(outer.payload),
                           [&](const FormatRecord& record) { found.push_back(record.value[0]); });
  return found;
}

TEST(CustomHeaderStart, Header_AtEveryStart_IsLocated) {
  CustomHeaderConfig format{.name = "mine", .udp_port = 8192};
  format.fields = {field("id", 8), field("value", 16)};
  format.key = {"id"};
  format.measurements = {{.field = "value"}};
  const Frame header{7, 0x12, 0x34};
  EXPECT_EQ(values(with(format), udp_frame(header)), std::vector<std::uint64_t>{0x1234});
  EXPECT_TRUE(values(with(format), udp_frame(header, 8193)).empty());

  Frame longer{1, 2, 3, 4};
  longer.insert(longer.end(), header.begin(), header.end());
  format.start = CustomHeaderStart::kEnd;
  EXPECT_EQ(values(with(format), udp_frame(longer)), std::vector<std::uint64_t>{0x1234});
  EXPECT_TRUE(values(with(format), udp_frame({7, 0x12})).empty());

  format.start = CustomHeaderStart::kInnerL4;
  EXPECT_EQ(values(with(format), udp_frame(udp_frame(header, 53))),
            std::vector<std::uint64_t>{0x1234});
  EXPECT_TRUE(values(with(format), udp_frame(header)).empty()) << "no packet is in there";

  format.start = CustomHeaderStart::kPayload;
  format.udp_port.reset();
  format.ethertype = 0x88B5;
  Frame ethernet(12, 2);
  ethernet.insert(ethernet.end(), {0x81, 0x00, 0, 5, 0x88, 0xB5});
  ethernet.insert(ethernet.end(), header.begin(), header.end());
  EXPECT_EQ(values(with(format), ethernet), std::vector<std::uint64_t>{0x1234});
}

class CustomHeaderTables : public testing::TestWithParam<unsigned> {};

TEST_P(CustomHeaderTables, Rows_ForAnyNumberOfWorkers_AreTheSame) {
  const unsigned workers = GetParam();
  CustomHeaderConfig format{.name = "mine", .udp_port = 8192};
  format.fields = {field("id", 16), field("value", 32), field("drop", 8)};
  format.key = {"id"};
  format.measurements = {
      {.field = "value",
       .interval = {.enabled = true, .width = 100, .edges = {}, .hysteresis = 0}}};
  format.drop = "drop";
  EngineOptions options;
  options.decode = with(format);

  struct Row {
    std::uint64_t reports = 0, drops = 0, value = 0, moved = 0;
  };
  std::map<std::uint64_t, Row> model;
  test::MemorySource source;
  std::mt19937 random(3);
  constexpr int kFrames = 20'000;
  for (int i = 0; i < kFrames; ++i) {
    const auto id = static_cast<unsigned>(random() % 300);
    const auto value = static_cast<unsigned>(random() % 250);
    const unsigned drop = random() % 10 == 0 ? 1 : 0;
    BitWriter out;
    out.put(id, 16);
    out.put(value, 32);
    out.put(drop, 8);
    source.add(udp_frame(out.bytes()), 1'700'000'000'000'000'000 + i);
    Row& row = model[id];
    if (row.reports != 0 && row.value / 100 != value / 100) ++row.moved;
    ++row.reports;
    row.drops += drop;
    row.value = value;
  }
  for (int i = 0; i < 10; ++i) source.add(udp_frame({1, 2, 3}), 1'700'000'001'000'000'000);

  std::vector<io::FrameSource*> sources(workers, nullptr);
  sources[0] = &source;
  source.limit_batch(16);
  Engine engine(options, sources);
  std::map<EventKind, std::uint64_t> events;
  std::vector<Event> taken(1024);
  const auto take = [&] {
    while (const std::size_t count = engine.take_events(taken)) {
      for (std::size_t i = 0; i < count; ++i) {
        ++events[taken[i].kind];
        EXPECT_TRUE(taken[i].has_format);
      }
    }
  };
  while (engine.run_inline() != 0) take();
  take();

  const CounterSnapshot total = engine.total();
  EXPECT_EQ(total.frames, kFrames + 10U);
  EXPECT_EQ(total.decoded, std::uint64_t{kFrames});
  EXPECT_EQ(total.format_records, std::uint64_t{kFrames});
  EXPECT_EQ(total.dropped[static_cast<std::size_t>(DecodeError::kShortFormat)], 10U);
  std::uint64_t moved = 0;
  std::uint64_t drops = 0;
  std::size_t rows = 0;
  engine.for_each_format([&](const FormatSnapshot& snapshot) {
    ++rows;
    const Row& row = model.at(snapshot.key[1]);
    EXPECT_EQ(snapshot.reports, row.reports);
    EXPECT_EQ(snapshot.drops, row.drops);
    EXPECT_EQ(snapshot.value[0], row.value);
  });
  for (const auto& [id, row] : model) {
    moved += row.moved;
    drops += row.drops;
  }
  EXPECT_EQ(rows, model.size());
  EXPECT_EQ(events[EventKind::kNewKey], model.size());
  EXPECT_EQ(events[EventKind::kValueMoved], moved);
  EXPECT_EQ(events[EventKind::kDrop], drops);
  EXPECT_EQ(source.held(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Workers, CustomHeaderTables, testing::Values(1U, 2U, 4U),
                         [](const auto& parameter) { return std::to_string(parameter.param); });

}  // namespace
}  // namespace hopscope::pipeline
