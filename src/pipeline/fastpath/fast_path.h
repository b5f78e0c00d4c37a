#pragma once
// The path of most reports: frames of a known shape (report_shape.h), of a flow that is in the
// table and whose path did not change: values are newer, and some may have left their intervals.
// Frames wait in a line, and what each of them needs is fetched step by step while those before it
// are processed: the bucket of its flow, the flow's record, the rows of its ports. All other frames
// go the checked path when it is their turn, so that events are in the order of the frames.

#include <array>
#include <cstdint>

#include "base/assert.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/fastpath/report_shape.h"
#include "pipeline/simd/hop_columns.h"
#include "pipeline/simd/instruction_set.h"
#include "pipeline/tables/key_share.h"
#include "pipeline/tables/tables.h"

namespace hopscope::pipeline {

/// What becomes of a frame that leaves the fast path.
enum class Fate : std::uint8_t {
  kTaken,    ///< its values are in the tables
  kChecked,  ///< it is to go the checked path now
  kForeign,  ///< its flow is another worker's; nothing was done with it
};

class FastPath {
 public:
  struct Context {
    const Decoder& decoder;
    const UnitTable& units;
    Tables& tables;
    const HashSeed& seed;
    KeyShare share;
    bool is_on;
  };

  explicit FastPath(const Context& context);

  /// A frame as the caller has it.
  struct Frame {
    Bytes bytes;
    FrameTime time;
    std::uint64_t handle;  ///< the caller's
    bool is_borrowed;      ///< from another worker, which has verified its checksums
  };

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

  /// Puts a frame at the end of the line; the frame at the head may leave. False: the frame is not
  /// for the fast path (no known shape, wrong checksums, or borrowed for a flow that is not this
  /// worker's): the caller calls flush() and takes it the checked path. `exit` has
  ///   on_exit(const Item&, Fate)  for each frame that leaves, in the order of push(). The item is
  ///                               valid during the call only; push() and flush() are not called.
  ///   on_sequence(const Item&)    before a frame of its own that will be taken, where the caller
  ///                               is to note the sequence number: it is not just the next one.
  template <InstructionSet kSet, typename Exit>
  [[nodiscard]] bool push(const Frame& frame, Exit&& exit) noexcept;

  /// All frames of the line leave, because no frame is to follow soon.
  template <InstructionSet kSet, typename Exit>
  void flush(Exit&& exit) noexcept;

  [[nodiscard]] bool is_empty() const noexcept { return head_ == end_; }

  [[nodiscard]] static SequenceNumber sequence_of(const Item& item) noexcept;

  /// Remembers the shape of a frame that was read without an error. Only where the line is_empty():
  /// shapes of waiting frames may be replaced.
  void learn(Bytes frame, const OuterHeaders& outer, const Report& report) noexcept;

 protected:
  // The steps of push() and flush(). Protected for bench/fast_path_bed.h, which runs the first N.

  /// The shape of the frame; null: no known one, or its checksums are wrong, unless another worker
  /// `has_verified` them.
  template <InstructionSet kSet>
  [[nodiscard]] const ReportShape* shape_of(Bytes frame, bool has_verified) noexcept;
  /// Fills the place for the next frame of the line, which keep() then appends. The caller sets
  /// handle, time, now_s and the flags.
  [[nodiscard]] Item& read(Bytes frame, const ReportShape& shape) noexcept;
  /// Appends the frame that read() read, and the frames before it get one step further. True: the
  /// head of the line has been fetched for long enough, and leaves before the next keep().
  [[nodiscard]] bool keep() noexcept;
  /// Does what is left to be fetched for all frames of the line.
  void fetch_all() noexcept;
  [[nodiscard]] const Item& head() const noexcept {
    HOPSCOPE_ASSERT(!is_empty());
    return items_[head_ % kLine];
  }
  /// Whether the head of the line, which is not foreign, may be taken; reads its stack.
  template <InstructionSet kSet>
  [[nodiscard]] bool is_regular(const Item& head) noexcept;
  /// Writes what is_regular() has read into the tables. Only after is_regular() of the same item.
  template <InstructionSet kSet>
  void take(const Item& head) noexcept;
  void leave() noexcept {
    HOPSCOPE_ASSERT(!is_empty());
    ++head_;
  }

 private:
  template <InstructionSet kSet, typename Exit>
  void finish_head(Exit&& exit) noexcept;
  /// The head of the line went the checked path: flows of those after it may have moved. For speed
  /// only: is_regular() compares keys, and a frame whose flow is not found goes the checked path.
  void refresh_places() noexcept;
  template <typename Key>
  void find(Item& item, const Key& key) noexcept;
  void find(Item& item) noexcept;
  void fetch_ports(const Item& item) const noexcept;
  [[nodiscard]] std::uint64_t places_changed() const noexcept;
  template <InstructionSet kSet, typename Key>
  [[nodiscard]] bool is_regular_of(const Item& item, const Key& key) noexcept;
  template <InstructionSet kSet, typename Key>
  void take_of(const Item& item, const Key& key) noexcept;
  /// The part of take() for the flow where a latency may have left its interval.
  template <typename Key>
  [[gnu::noinline]] void take_moved(const Item& item, const Key& key) noexcept;
  /// The report, with what the tables need of it.
  [[nodiscard]] static Report report_of(const Item& item) noexcept;
  [[gnu::noinline]] void take_irregular_hop(const Item& item, unsigned hop,
                                            std::uint32_t slot) noexcept;
  [[nodiscard]] bool is_dialect_of(const ReportShape& shape, Bytes frame) const noexcept;
  [[nodiscard]] bool checksums_are_right(const ReportShape& shape,
                                         const std::uint8_t* frame) const noexcept;

  /// The number of the first of the last `count` frames of the line.
  [[nodiscard]] std::size_t all_but(std::size_t count) const noexcept;

  /// A frame takes one step for each kLag frames that follow it: its flow is looked up, its ports
  /// are fetched, it leaves.
  static constexpr std::size_t kLag = 4;
  static constexpr std::size_t kLine = 16;  ///< room in the line
  static_assert(3 * kLag + 1 <= kLine);

  static constexpr std::size_t kShapes = 16;
  /// Frames that learn() ignores after one that had no new shape.
  static constexpr std::uint32_t kPause = 63;

  const Decoder& decoder_;
  Tables& tables_;
  const HashSeed seed_;
  const KeyShare share_;
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
  bool is_fetched_ = false;   ///< fetch_all() was called since the line was empty
  std::uint64_t places_ = 0;  ///< places_changed() when flows were looked up
  std::array<Item, kLine> items_;
  HopColumns columns_;  ///< of the frame that is_regular() was asked about
  struct {
    std::int64_t now_ns;
    std::uint32_t now_s;
  } second_{};  ///< of the newest frame of the line
};

template <InstructionSet kSet, typename Exit>
bool FastPath::push(const Frame& frame, Exit&& exit) noexcept {
  const ReportShape* shape = shape_of<kSet>(frame.bytes, frame.is_borrowed);
  if (shape == nullptr) return false;
  Item& item = read(frame.bytes, *shape);
  const bool is_foreign = !share_.owns(item.hash);
  if (is_foreign && frame.is_borrowed) return false;
  if (second_.now_ns != frame.time.now_ns) [[unlikely]] {
    second_ = {.now_ns = frame.time.now_ns, .now_s = seconds_of(frame.time.now_ns)};
  }
  item.time = frame.time;
  item.now_s = second_.now_s;
  item.handle = frame.handle;
  item.is_foreign = is_foreign;
  item.is_borrowed = frame.is_borrowed;
  if (keep()) [[likely]]
    finish_head<kSet>(exit);
  return true;
}

template <InstructionSet kSet, typename Exit>
void FastPath::flush(Exit&& exit) noexcept {
  fetch_all();
  while (!is_empty()) finish_head<kSet>(exit);
}

template <InstructionSet kSet, typename Exit>
void FastPath::finish_head(Exit&& exit) noexcept {
  const Item& item = head();
  if (item.is_foreign) [[unlikely]] {
    exit.on_exit(item, Fate::kForeign);
  } else if (is_regular<kSet>(item)) [[likely]] {
    if (!item.is_borrowed) [[likely]] {
      // Senders that are recent here are accounted for by this worker.
      const bool is_next = tables_.observe_next_sequence(
          sender_in(*item.shape, item.frame), sequence_in(*item.shape, item.frame), item.now_s);
      if (!is_next) [[unlikely]]
        exit.on_sequence(item);
    }
    take<kSet>(item);
    exit.on_exit(item, Fate::kTaken);
  } else {
    exit.on_exit(item, Fate::kChecked);
    refresh_places();
  }
  leave();
}

}  // namespace hopscope::pipeline
