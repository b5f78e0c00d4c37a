#pragma once
// The way of most reports: frames of a known shape (report_shape.h), of a flow that is in the table
// and with which nothing happens but that values are newer. Frames are collected into groups so
// that the memory of one is fetched while another is worked on. Whatever is not of this kind goes
// the checked way, in its turn, and events come in the order of the frames.

#include <array>
#include <cstdint>

#include "pipeline/decode.h"
#include "pipeline/hop_columns.h"
#include "pipeline/report_shape.h"
#include "pipeline/tables.h"

namespace hopscope::pipeline {

class FastPath {
 public:
  static constexpr std::size_t kGroup = 32;

  FastPath(const Decoder& decoder, const UnitTable& units, Tables& tables, const HashSeed& seed,
           InstructionSet set, bool is_on);

  /// A frame that waits in the group.
  struct Item {
    const std::uint8_t* frame;
    std::uint32_t length;
    std::uint32_t number;  ///< the caller's
    std::uint32_t now_s;   ///< seconds of `time`
    const ReportShape* shape;
    std::uint64_t hash;  ///< of the flow's key
    FrameTime time;
    FlowTable<FlowKey4>::Place place4;
    FlowTable<FlowKey6>::Place place6;
    FlowKey4 key4;
    FlowKey6 key6;
  };

  /// The shape of the frame; null: none that is known, or checksums are wrong.
  [[nodiscard]] const ReportShape* shape_of(Bytes frame) noexcept;

  /// The place for the next frame of the group; the caller keeps it with keep() or not.
  [[nodiscard]] Item& read(Bytes frame, const ReportShape& shape) noexcept;
  void keep() noexcept { ++count_; }
  [[nodiscard]] bool is_full() const noexcept { return count_ == kGroup; }
  [[nodiscard]] bool is_empty() const noexcept { return count_ == 0; }

  /// Looks up the flows of the group and reads and compares its stacks.
  void prepare() noexcept;
  /// Whether nothing happens with frame `i`, so that it may be taken.
  [[nodiscard]] bool is_regular(std::size_t i) noexcept;
  void take(std::size_t i) noexcept;
  /// After something else went through the tables: what prepare() saw of later frames may be old.
  void look_again_from(std::size_t i) noexcept { stale_from_ = i; }

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] const Item& item(std::size_t i) const noexcept { return items_[i]; }
  void clear() noexcept;

  /// Remembers the shape of a frame that was read without an error. The group is empty.
  void learn(Bytes frame, const OuterHeaders& outer, const Report& report) noexcept;

 private:
  template <typename Key>
  void look_up(const Item& item, const Key& key, StackJob& job) noexcept;
  void look_up(const Item& item, StackJob& job) noexcept;
  template <typename Key>
  [[nodiscard]] bool is_regular(const Item& item, const Key& key,
                                const StackResult& result) noexcept;
  template <typename Key>
  void take(const Item& item, const Key& key, const StackResult& result) noexcept;
  void take_irregular_hop(const Item& item, unsigned hop, std::uint32_t slot) noexcept;
  [[nodiscard]] bool is_dialect_of(const ReportShape& shape, Bytes frame) const noexcept;
  [[nodiscard]] bool checksums_are_right(const ReportShape& shape,
                                         const std::uint8_t* frame) const noexcept;

  /// False: its hops would all be irregular.
  [[nodiscard]] bool is_worth(const ColumnPlan& columns) const noexcept;

  static constexpr std::size_t kShapes = 16;
  /// After a frame that brought no new shape, so many are not looked at.
  static constexpr std::uint32_t kPause = 63;

  const Decoder& decoder_;
  const UnitTable& units_;
  Tables& tables_;
  const HashSeed seed_;
  const bool is_usable_;
  const bool verifies_;
  const LatencyRule latency_rule_;
  const ReadStacks read_stacks_;
  const IsEqual is_equal_;
  std::array<ReportShape, kShapes> shapes_;
  std::size_t shape_count_ = 0;
  std::size_t last_shape_ = 0;
  std::size_t next_place_ = 0;
  std::uint32_t pause_ = 0;

  std::size_t count_ = 0;
  std::size_t stale_from_ = kGroup;
  std::array<Item, kGroup> items_;
  std::array<StackJob, kGroup> jobs_;
  std::array<StackResult, kGroup> results_;
};

}  // namespace hopscope::pipeline
