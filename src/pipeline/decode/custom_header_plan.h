#pragma once
// A custom header, compiled from its declaration: steps over a bit cursor, each with the slot that
// its value is stored in, if any. Made at start; immutable, shared by all workers.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/assert.h"
#include "pipeline/decode/custom_header_config.h"
#include "pipeline/report/decode_error.h"
#include "pipeline/report/hash.h"
#include "pipeline/report/report.h"

namespace hopscope::pipeline {

/// Up to 128 bits.
struct WideValue {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend bool operator==(const WideValue&, const WideValue&) = default;
};

using FormatKey = std::array<WideValue, kMaxFormatKeys>;

/// The values of one header, or of one element of its repeated group.
struct FormatRecord {
  FormatKey key{};
  std::array<std::uint64_t, kMaxFormatValues> value{};
  std::uint8_t present = 0;  ///< bit per measurement
  bool dropped = false;
  bool further = false;  ///< a later element of a header that has been counted already
  bool has_time = false;
  std::uint64_t time = 0;
};

/// The `bits` (1 to 128) that start at bit `at`, big endian. The caller has checked the bounds.
[[nodiscard]] WideValue read_bits(const std::uint8_t* bytes, std::size_t at,
                                  unsigned bits) noexcept;

class CustomHeaderPlan {
 public:
  /// `config` was checked; `number` distinguishes the headers that share a table.
  CustomHeaderPlan(const CustomHeaderConfig& config, unsigned number);

  [[nodiscard]] const CustomHeaderConfig& config() const noexcept { return config_; }
  [[nodiscard]] unsigned number() const noexcept { return number_; }

  /// The header in `payload`; empty where it cannot be located.
  [[nodiscard]] Bytes locate(Bytes payload) const noexcept;

  /// Calls take(record) for the header at the start of `header`, or for each element of its
  /// repeated group. kShortFormat: the bytes end inside a field; take() was not called.
  template <typename Take>
  [[nodiscard]] DecodeError read(Bytes header, const Take& take) const noexcept;

  /// Calls take(field name, value) for every field that is present, in order; those of a group once
  /// for each element. For output; workers use read().
  template <typename Take>
  [[nodiscard]] DecodeError read_all(Bytes header, const Take& take) const;

  [[nodiscard]] std::uint64_t hash(const FormatKey& key, const HashSeed& seed) const noexcept;

 private:
  static constexpr std::uint8_t kNoSlot8 = 0xFF;
  static constexpr unsigned kSlots = 32;

  struct Step {
    std::uint16_t field = 0;  ///< in names_
    std::uint8_t bits = 0;
    std::uint8_t slot = kNoSlot8;       ///< where the value is stored; kNoSlot8: it is not needed
    std::uint8_t condition = kNoSlot8;  ///< slot of the field that decides whether it is present
    WideValue condition_mask{};
  };
  struct Values {
    std::array<WideValue, kSlots> value;
    std::uint32_t present = 0;
  };
  struct Cursor {
    const std::uint8_t* bytes;
    std::size_t at;   ///< bit
    std::size_t end;  ///< bit
  };

  [[nodiscard]] std::uint8_t slot_of(const std::string& field);
  void add_step(std::vector<Step>& to, const CustomHeaderField& field, const std::string& prefix);
  void find_slots();
  [[nodiscard]] static bool is_present(const Step& step, const Values& values) noexcept {
    if (step.condition == kNoSlot8) return true;
    HOPSCOPE_ASSERT(step.condition < kSlots);
    const WideValue& flag = values.value[step.condition];
    return ((flag.low & step.condition_mask.low) | (flag.high & step.condition_mask.high)) != 0;
  }
  /// Calls seen(step, cursor) for every field that is present. False: the header ends inside one.
  template <typename Seen>
  [[nodiscard]] static bool run(const std::vector<Step>& steps, Cursor& cursor, Values& values,
                                const Seen& seen);
  [[nodiscard]] std::uint64_t repeats(const Values& values) const noexcept;
  [[nodiscard]] FormatRecord record_of(const Values& values) const noexcept;

  CustomHeaderConfig config_;
  unsigned number_;
  std::vector<std::string> names_;
  std::vector<std::string> slot_names_;
  std::vector<Step> head_, element_, tail_;
  std::uint8_t count_slot_ = kNoSlot8;  ///< of the repeated group
  bool has_group_ = false;
  bool by_element_ = false;  ///< a field of the group is needed: a record for each element
  bool key_in_group_ = false;
  std::size_t fixed_bits_ = 0;  ///< of head and tail without optional fields
  std::size_t element_bits_ = 0;
  std::array<std::uint8_t, kMaxFormatKeys> key_slot_{};
  std::array<std::uint8_t, kMaxFormatValues> value_slot_{};
  std::uint8_t drop_slot_ = kNoSlot8;
  std::uint8_t time_slot_ = kNoSlot8;
};

template <typename Seen>
bool CustomHeaderPlan::run(const std::vector<Step>& steps, Cursor& cursor, Values& values,
                           const Seen& seen) {
  for (const Step& step : steps) {
    HOPSCOPE_ASSERT(step.slot < kSlots || step.slot == kNoSlot8);
    HOPSCOPE_ASSERT(step.bits > 0 && step.bits <= kMaxFieldBits);
    if (!is_present(step, values)) {
      if (step.slot != kNoSlot8) values.present &= ~(1U << step.slot);
      continue;
    }
    if (cursor.at + step.bits > cursor.end) return false;
    if (step.slot != kNoSlot8) {
      values.value[step.slot] = read_bits(cursor.bytes, cursor.at, step.bits);
      values.present |= 1U << step.slot;
    }
    seen(step, cursor);
    cursor.at += step.bits;
  }
  return true;
}

template <typename Take>
DecodeError CustomHeaderPlan::read(Bytes header, const Take& take) const noexcept {
  const auto ignore = [](const Step&, const Cursor&) noexcept {};
  Values values{};
  Cursor cursor{.bytes = header.data(), .at = 0, .end = header.size() * 8};
  if (!run(head_, cursor, values, ignore)) return DecodeError::kShortFormat;
  if (!has_group_) {
    take(record_of(values));
    return DecodeError::kNone;
  }
  const std::uint64_t count = repeats(values);
  Cursor elements = cursor;
  HOPSCOPE_ASSERT(element_bits_ > 0 && cursor.at <= cursor.end);
  if (count > (cursor.end - cursor.at) / element_bits_) return DecodeError::kShortFormat;
  cursor.at += count * element_bits_;
  if (!run(tail_, cursor, values, ignore)) return DecodeError::kShortFormat;
  if (!by_element_) {
    take(record_of(values));
    return DecodeError::kNone;
  }
  // Where no key field is in the group, a header counts once, also one without elements.
  if (count == 0 && !key_in_group_) take(record_of(values));
  for (std::size_t i = 0; i < count; ++i) {
    [[maybe_unused]] const bool whole = run(element_, elements, values, ignore);
    HOPSCOPE_ASSERT(whole);  // by the check of `count`
    FormatRecord record = record_of(values);
    record.further = i > 0 && !key_in_group_;
    take(record);
  }
  return DecodeError::kNone;
}

template <typename Take>
DecodeError CustomHeaderPlan::read_all(Bytes header, const Take& take) const {
  const auto take_field = [&](const Step& step, const Cursor& cursor) {
    HOPSCOPE_ASSERT(step.field < names_.size());
    take(names_[step.field], read_bits(cursor.bytes, cursor.at, step.bits));
  };
  Values values{};
  Cursor cursor{.bytes = header.data(), .at = 0, .end = header.size() * 8};
  bool whole = run(head_, cursor, values, take_field);
  if (has_group_) {
    const std::uint64_t count = repeats(values);
    for (std::uint64_t i = 0; whole && i < count; ++i) {
      whole = run(element_, cursor, values, take_field);
    }
    whole = whole && run(tail_, cursor, values, take_field);
  }
  return whole ? DecodeError::kNone : DecodeError::kShortFormat;
}

}  // namespace hopscope::pipeline
