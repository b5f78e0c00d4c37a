#pragma once
// The way of most reports: frames of a known shape (report_shape.h), of a flow that is in the table
// and goes the way it went before: values are newer, and some may have left their intervals. Frames
// wait in a line, and what each of them needs is fetched step by step while those before it are
// worked on: the bucket of its flow, the flow's record, the rows of its ports. Whatever is not of
// this kind goes the checked way, in its turn, and events come in the order of the frames.

#include <array>
#include <cstdint>

#include "pipeline/decode/decoder.h"
#include "pipeline/fastpath/report_shape.h"
#include "pipeline/simd/hop_columns.h"
#include "pipeline/simd/instruction_set.h"
#include "pipeline/tables/tables.h"

namespace hopscope::pipeline {

class FastPath {
 public:
  FastPath(const Decoder& decoder, const UnitTable& units, Tables& tables, const HashSeed& seed,
           bool is_on);

  /// A frame that waits in the line.
  struct alignas(kNoShare) Item {
    const std::uint8_t* frame;
    const ReportShape* shape;
    std::uint64_t handle;  ///< the caller's
    std::uint64_t hash;    ///< of the flow's key
    std::uint32_t length;
    FrameTime time;
    std::uint32_t now_s;  ///< seconds of `time`
    bool is_foreign;      ///< the flow is another worker's
    bool is_borrowed;     ///< the frame is
    FlowPlace place;
    union {
      FlowKey4 key4;
      FlowKey6 key6;  ///< where shape->inner_ipv6
    };

    Item() noexcept : key4{} {}
  };
  static_assert(sizeof(Item) == 128);  // that a place in the line is found by a shift

  /// The shape of the frame; null: none that is known, or checksums are wrong, unless somebody else
  /// `has_verified` them.
  template <InstructionSet kSet>
  [[nodiscard]] const ReportShape* shape_of(Bytes frame, bool has_verified) noexcept;

  /// The place for the next frame of the line; the caller keeps it with keep() or not.
  [[nodiscard]] Item& read(Bytes frame, const ReportShape& shape) noexcept;
  /// It waits, and those before it get a step further. True: the head of the line has been fetched
  /// for long enough and is to leave() before the next frame.
  [[nodiscard]] bool keep() noexcept;
  /// No frame is to follow soon: all that wait are fetched, to leave() one after the other before
  /// the next one comes.
  void fetch_all() noexcept;

  [[nodiscard]] bool is_empty() const noexcept { return head_ == end_; }

  // For the head of the line, once it is fetched.
  [[nodiscard]] const Item& head() const noexcept { return items_[head_ % kLine]; }
  /// Whether it is of that kind, so that it may be taken.
  template <InstructionSet kSet>
  [[nodiscard]] bool is_regular(const Item& head) noexcept;
  /// Only behind is_regular().
  template <InstructionSet kSet>
  void take(const Item& head) noexcept;
  /// It went the checked way: the flows of those behind it may be elsewhere now. For speed only:
  /// is_regular() compares keys, and what is not where it was goes the checked way.
  void look_again() noexcept;
  void leave() noexcept { ++head_; }

  /// Remembers the shape of a frame that was read without an error. The line is empty.
  void learn(Bytes frame, const OuterHeaders& outer, const Report& report) noexcept;

 private:
  template <typename Key>
  void find(Item& item, const Key& key) noexcept;
  void find(Item& item) noexcept;
  void fetch_ports(const Item& item) const noexcept;
  [[nodiscard]] std::uint64_t places_changed() const noexcept;
  template <InstructionSet kSet, typename Key>
  [[nodiscard]] bool is_regular(const Item& item, const Key& key) noexcept;
  template <InstructionSet kSet, typename Key>
  void take(const Item& item, const Key& key) noexcept;
  /// What take() does with the flow where a latency may have left its interval.
  template <typename Key>
  [[gnu::noinline]] void take_moved(const Item& item, const Key& key) noexcept;
  /// The report as far as the tables ask for it.
  [[nodiscard]] static Report report_of(const Item& item) noexcept;
  [[gnu::noinline]] void take_irregular_hop(const Item& item, unsigned hop,
                                            std::uint32_t slot) noexcept;
  [[nodiscard]] bool is_dialect_of(const ReportShape& shape, Bytes frame) const noexcept;
  [[nodiscard]] bool checksums_are_right(const ReportShape& shape,
                                         const std::uint8_t* frame) const noexcept;

  /// Frames of the line but for the last `count`: the number behind them.
  [[nodiscard]] std::size_t all_but(std::size_t count) const noexcept;

  /// A frame gets a step further when so many have come behind it: its flow is looked up, its ports
  /// are fetched, it leaves.
  static constexpr std::size_t kLag = 4;
  static constexpr std::size_t kLine = 16;  ///< room in the line
  static_assert(3 * kLag + 1 <= kLine);

  static constexpr std::size_t kShapes = 16;
  /// After a frame that brought no new shape, so many are not looked at.
  static constexpr std::uint32_t kPause = 63;

  const Decoder& decoder_;
  Tables& tables_;
  const HashSeed seed_;
  const bool is_usable_;
  const bool has_dialects_;
  const bool verifies_;
  const LatencyRule latency_rule_;
  std::array<ReportShape, kShapes> shapes_;
  std::size_t shape_count_ = 0;
  const ReportShape* last_shape_ = nullptr;
  std::size_t next_place_ = 0;
  // Lengths that were found to fit, and whose.
  const ReportShape* fitting_shape_ = nullptr;
  std::uint64_t fitting_lengths_ = 0;
  std::uint32_t pause_ = 0;

  // Numbers of frames; their place is number % kLine.
  std::size_t head_ = 0;  ///< the next to be taken
  std::size_t end_ = 0;
  bool is_fetched_ = false;   ///< all of them are
  std::uint64_t places_ = 0;  ///< places_changed() when flows were looked up
  std::array<Item, kLine> items_;
  HopColumns columns_;  ///< of the frame that is_regular() was asked about
};

}  // namespace hopscope::pipeline
