#pragma once
// The way of most reports: frames of a known shape (report_shape.h), of a flow that is in the table
// and goes the way it went before: values are newer, and some may have left their intervals. Frames
// are collected into groups so that the memory of one is fetched while another is worked on.
// Whatever is not of this kind goes the checked way, in its turn, and events come in the order of
// the frames.

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
    const ReportShape* shape;
    std::uint32_t length;
    std::uint32_t number;  ///< the caller's
    bool is_foreign;       ///< the flow is another worker's
    bool is_borrowed;      ///< the frame is
    std::uint64_t hash;    ///< of the flow's key
    FrameTime time;
    std::uint32_t now_s;  ///< seconds of `time`
    FlowPlace place;
    FlowKey4 key4;
    FlowKey6 key6;
  };

  /// The shape of the frame; null: none that is known, or checksums are wrong, unless somebody else
  /// `has_verified` them.
  [[nodiscard]] const ReportShape* shape_of(Bytes frame, bool has_verified) noexcept;

  /// The place for the next frame of the group; the caller keeps it with keep() or not.
  [[nodiscard]] Item& read(Bytes frame, const ReportShape& shape) noexcept;
  void keep() noexcept { ++count_; }
  [[nodiscard]] bool is_full() const noexcept { return count_ == kGroup; }
  [[nodiscard]] bool is_empty() const noexcept { return count_ == 0; }

  /// Finds the flows of the group and fetches what they will need.
  void prepare() noexcept;
  /// Whether frame `i` is of that kind, so that it may be taken. In the order of the frames.
  [[nodiscard]] bool is_regular(std::size_t i) noexcept;
  /// The frame that is_regular() was asked about just before.
  void take(std::size_t i) noexcept;
  /// Frame `i` went the checked way: flows may be elsewhere now.
  void look_again_behind(std::size_t i) noexcept;

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] const Item& item(std::size_t i) const noexcept { return items_[i]; }
  void clear() noexcept { count_ = 0; }

  /// Remembers the shape of a frame that was read without an error. The group is empty.
  void learn(Bytes frame, const OuterHeaders& outer, const Report& report) noexcept;

 private:
  template <typename Key>
  void find(Item& item, const Key& key) noexcept;
  void find(Item& item) noexcept;
  void fetch_ports(const Item& item) const noexcept;
  [[nodiscard]] std::uint64_t places_changed() const noexcept;
  template <typename Key>
  [[nodiscard]] bool is_regular(const Item& item, const Key& key) noexcept;
  template <typename Key>
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
  const ReadStack read_stack_;
  const IsEqual is_equal_;
  const StayAtPorts stay_at_ports_;
  std::array<ReportShape, kShapes> shapes_;
  std::size_t shape_count_ = 0;
  std::size_t last_shape_ = 0;
  std::size_t next_place_ = 0;
  // Lengths that were found to fit, and whose.
  std::size_t fitting_shape_ = kShapes;
  std::uint64_t fitting_lengths_ = 0;
  std::uint32_t pause_ = 0;

  std::size_t count_ = 0;
  std::uint64_t places_ = 0;  ///< places_changed() when the flows were looked up
  std::array<Item, kGroup> items_;
  HopColumns columns_;  ///< of the frame that is_regular() was asked about
};

}  // namespace hopscope::pipeline
