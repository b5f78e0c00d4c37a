#include "pipeline/decode/custom_header_plan.h"

#include <algorithm>

#include "pipeline/decode/decode_config.h"
#include "pipeline/decode/inner.h"

namespace hopscope::pipeline {

WideValue read_bits(const std::uint8_t* bytes, std::size_t at, unsigned bits) noexcept {
  HOPSCOPE_ASSERT(bits > 0 && bits <= kMaxFieldBits);
  __extension__ using Wide = unsigned __int128;
  const std::size_t first = at / 8;
  const std::size_t last = (at + bits - 1) / 8;
  const auto unused = static_cast<unsigned>((last + 1) * 8 - (at + bits));
  // Up to 17 bytes: the last one is added after the shift.
  Wide value = 0;
  for (std::size_t i = first; i < last; ++i) value = value << 8 | bytes[i];
  value = value << (8 - unused) | static_cast<Wide>(bytes[last] >> unused);
  if (bits < kMaxFieldBits) value &= (static_cast<Wide>(1) << bits) - 1;
  return {.high = static_cast<std::uint64_t>(value >> 64),
          .low = static_cast<std::uint64_t>(value)};
}

std::uint8_t CustomHeaderPlan::slot_of(const std::string& field) {
  if (field.empty()) return kNoSlot8;
  const auto found = std::find(slot_names_.begin(), slot_names_.end(), field);
  if (found == slot_names_.end()) slot_names_.push_back(field);
  HOPSCOPE_ASSERT(slot_names_.size() <= kSlots);
  return static_cast<std::uint8_t>(std::find(slot_names_.begin(), slot_names_.end(), field) -
                                   slot_names_.begin());
}

void CustomHeaderPlan::add_step(std::vector<Step>& to, const CustomHeaderField& field,
                                const std::string& prefix) {
  HOPSCOPE_ASSERT(field.bits > 0 && field.bits <= kMaxFieldBits);
  HOPSCOPE_ASSERT(!field.condition_bit || *field.condition_bit < kMaxFieldBits);
  Step step;
  step.field = static_cast<std::uint16_t>(names_.size());
  step.bits = static_cast<std::uint8_t>(field.bits);
  names_.push_back(prefix + field.name);
  const auto wanted = std::find(slot_names_.begin(), slot_names_.end(), names_.back());
  if (wanted != slot_names_.end()) {
    step.slot = static_cast<std::uint8_t>(wanted - slot_names_.begin());
  }
  if (!field.condition.empty()) {
    step.condition = slot_of(field.condition);
    constexpr std::uint64_t kAll = ~std::uint64_t{0};
    const unsigned bit = field.condition_bit.value_or(0);
    if (!field.condition_bit) {
      step.condition_mask = {.high = kAll, .low = kAll};
    } else if (bit < 64) {
      step.condition_mask.low = std::uint64_t{1} << bit;
    } else {
      step.condition_mask.high = std::uint64_t{1} << (bit - 64);
    }
  }
  to.push_back(step);
}

void CustomHeaderPlan::find_slots() {
  HOPSCOPE_ASSERT(config_.key.size() <= kMaxFormatKeys);
  HOPSCOPE_ASSERT(config_.measurements.size() <= kMaxFormatValues);
  key_slot_.fill(kNoSlot8);
  value_slot_.fill(kNoSlot8);
  for (std::size_t i = 0; i < config_.key.size(); ++i) key_slot_[i] = slot_of(config_.key[i]);
  for (std::size_t i = 0; i < config_.measurements.size(); ++i) {
    value_slot_[i] = slot_of(config_.measurements[i].field);
  }
  drop_slot_ = slot_of(config_.drop);
  time_slot_ = slot_of(config_.timestamp);
  // Only names of a group's fields contain a dot.
  const auto is_of_group = [](const std::string& name) {
    return name.find('.') != std::string::npos;
  };
  by_element_ = std::any_of(slot_names_.begin(), slot_names_.end(), is_of_group);
  key_in_group_ = std::any_of(config_.key.begin(), config_.key.end(), is_of_group);
  for (const CustomHeaderField& field : config_.fields) {
    (void)slot_of(field.condition);
    if (field.bits == 0) count_slot_ = slot_of(field.count);
  }
}

CustomHeaderPlan::CustomHeaderPlan(const CustomHeaderConfig& config, unsigned number)
    : config_(config), number_(number) {
  HOPSCOPE_ASSERT(number < kMaxFormats);
  find_slots();
  for (const CustomHeaderField& field : config_.fields) {
    if (field.bits != 0) {
      add_step(has_group_ ? tail_ : head_, field, "");
      fixed_bits_ += field.bits;
      continue;
    }
    HOPSCOPE_ASSERT(!has_group_ && !field.repeated.empty());
    has_group_ = true;
    for (const CustomHeaderField& inner : field.repeated) {
      add_step(element_, inner, field.name + ".");
      element_bits_ += inner.bits;
    }
  }
}

Bytes CustomHeaderPlan::locate(Bytes payload) const noexcept {
  switch (config_.start) {
    case CustomHeaderStart::kPayload:
      return payload;
    case CustomHeaderStart::kEnd: {
      const std::size_t bytes = (fixed_bits_ + 7) / 8;
      return payload.size() < bytes ? Bytes{} : payload.subspan(payload.size() - bytes);
    }
    case CustomHeaderStart::kInnerL4: {
      static const DecodeConfig kPlain;
      Report report;
      (void)read_inner(payload, InnerStart::kEthernet, false, kPlain, kPlain.dialect, report);
      if (report.inner.l4 == nullptr) return {};
      HOPSCOPE_ASSERT(report.inner.l4 >= payload.data() &&
                      report.inner.l4 <= payload.data() + payload.size());
      const auto at = static_cast<std::size_t>(report.inner.l4 - payload.data());
      return payload.subspan(std::min(payload.size(), at + report.inner.l4_length));
    }
  }
  return {};
}

std::uint64_t CustomHeaderPlan::repeats(const Values& values) const noexcept {
  HOPSCOPE_ASSERT(has_group_ && count_slot_ < kSlots);
  if (((values.present >> count_slot_) & 1) == 0) return 0;
  const WideValue& count = values.value[count_slot_];
  return count.high != 0 ? ~std::uint64_t{0} : count.low;
}

FormatRecord CustomHeaderPlan::record_of(const Values& values) const noexcept {
  const auto has = [&values](std::uint8_t slot) {
    return slot != kNoSlot8 && ((values.present >> slot) & 1) != 0;
  };
  FormatRecord record;
  for (unsigned i = 0; i < kMaxFormatKeys; ++i) {
    if (has(key_slot_[i])) record.key[i] = values.value[key_slot_[i]];
  }
  for (unsigned i = 0; i < kMaxFormatValues; ++i) {
    if (!has(value_slot_[i])) continue;
    record.value[i] = values.value[value_slot_[i]].low;
    record.present = static_cast<std::uint8_t>(record.present | 1U << i);
  }
  if (has(drop_slot_)) {
    const WideValue& drop = values.value[drop_slot_];
    record.dropped = (drop.low | drop.high) != 0;
  }
  record.has_time = has(time_slot_);
  if (record.has_time) record.time = values.value[time_slot_].low;
  return record;
}

std::uint64_t CustomHeaderPlan::hash(const FormatKey& key, const HashSeed& seed) const noexcept {
  std::uint64_t mixed = seed.a;
  for (std::size_t i = 0; i < config_.key.size(); ++i) {
    mixed = multiply_fold(mixed ^ key[i].high ^ seed.b, (key[i].low ^ seed.a) | 1) ^ key[i].low;
  }
  return multiply_fold(mixed ^ number_ ^ seed.a, seed.b | 1);
}

}  // namespace hopscope::pipeline
