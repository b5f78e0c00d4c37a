#include "pipeline/decode/int_stack.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "pipeline/report/wire.h"

namespace hopscope::pipeline {
namespace {

constexpr std::size_t kShimBytes = 4;
constexpr std::size_t kHeader1Bytes = 8;   // INT-MD 0.5 and 1.0
constexpr std::size_t kHeader2Bytes = 12;  // INT-MD and -MX 2.x
constexpr unsigned kHopByHop = 1;
constexpr unsigned kDestination = 2;
constexpr unsigned kMx = 3;
constexpr unsigned kHostInt = 3;  // 0.5 shim of host-int: a flow sequence word follows the stack

std::size_t left(const std::uint8_t* at, const std::uint8_t* end) noexcept {
  return at < end ? static_cast<std::size_t>(end - at) : 0;
}

unsigned bit_set(std::uint16_t bitmap, unsigned instruction) noexcept {
  HOPSCOPE_ASSERT(instruction < 16);
  return (bitmap >> (15 - instruction)) & 1U;
}

unsigned hop_words(std::uint16_t bitmap, HopLayout layout) noexcept {
  const auto words = static_cast<unsigned>(std::popcount(bitmap));
  const unsigned times = bit_set(bitmap, 4) + bit_set(bitmap, 5);
  switch (layout) {
    case HopLayout::kInt05:
    case HopLayout::kMri:
      return words;
    case HopLayout::kInt10:
      return words + bit_set(bitmap, 6);
    case HopLayout::kInt10Geant:
      return words + times;
    case HopLayout::kInt2x:
      return words + times + bit_set(bitmap, 6);
  }
  return words;
}

/// Divides the stack of `stack_words` at `hops` into hops of `words_per_hop`. Only hops that are
/// complete before `end` are kept.
DecodeError cut_hops(IntStack& stack, const std::uint8_t* hops, const std::uint8_t* end,
                     std::size_t stack_words, unsigned words_per_hop) noexcept {
  HOPSCOPE_ASSERT(words_per_hop <= 0x1F && stack_words <= 0xFF);
  stack.hops = hops;
  stack.hop_bytes = static_cast<std::uint16_t>(words_per_hop * 4);
  if (words_per_hop == 0) return stack_words == 0 ? DecodeError::kNone : DecodeError::kBadHopMl;
  const std::size_t present = std::min(stack_words, left(hops, end) / 4);
  stack.hop_count = static_cast<std::uint16_t>(present / words_per_hop);
  HOPSCOPE_ASSERT(std::size_t{stack.hop_count} * stack.hop_bytes <= left(hops, end));
  if (present < stack_words) return DecodeError::kStackTruncated;
  return stack_words % words_per_hop == 0 ? DecodeError::kNone : DecodeError::kStackNotMultiple;
}

/// Header and stack of 0.5 at `header`; `stack_words`: the length that the shim or option states.
DecodeError read_stack05(const std::uint8_t* header, const std::uint8_t* end,
                         std::size_t stack_words, IntStack& stack) noexcept {
  HOPSCOPE_ASSERT(left(header, end) >= kHeader1Bytes);
  const unsigned count = header[1] & 0x1F;
  stack.version = IntVersion::k05;
  stack.layout = HopLayout::kInt05;
  if (count != static_cast<unsigned>(std::popcount(stack.bitmap))) {
    return DecodeError::kHopMlMismatch;
  }
  const DecodeError error = cut_hops(stack, header + kHeader1Bytes, end, stack_words, count);
  if (error != DecodeError::kNone) return error;
  const unsigned total_hops = header[3];
  return total_hops * count == stack_words ? DecodeError::kNone : DecodeError::kHopCountMismatch;
}

DecodeError read_stack10(const std::uint8_t* header, const std::uint8_t* end,
                         std::size_t stack_words, const Dialect& dialect,
                         IntStack& stack) noexcept {
  HOPSCOPE_ASSERT(left(header, end) >= kHeader1Bytes);
  const unsigned hop_ml = header[2] & 0x1F;
  stack.version = IntVersion::k10;
  stack.layout = HopLayout::kInt10;
  if (hop_ml == 0) return stack_words == 0 ? DecodeError::kNone : DecodeError::kBadHopMl;
  const bool fits_spec = hop_ml == hop_words(stack.bitmap, HopLayout::kInt10);
  const bool fits_geant = hop_ml == hop_words(stack.bitmap, HopLayout::kInt10Geant);
  const bool geant = dialect.int10_layout == Int10Layout::kGeant ||
                     (dialect.int10_layout == Int10Layout::kAuto && !fits_spec);
  if (geant ? !fits_geant : !fits_spec) return DecodeError::kHopMlMismatch;
  if (geant) stack.layout = HopLayout::kInt10Geant;
  return cut_hops(stack, header + kHeader1Bytes, end, stack_words, hop_ml);
}

/// Bytes of source-only metadata that the domain-specific instruction of `header` requests.
std::size_t source_only_bytes(const DecodeConfig& config, const std::uint8_t* header) noexcept {
  if (config.domains.empty()) return 0;
  const auto domain = config.domains.find(be16(header + 6));
  if (domain == config.domains.end()) return 0;
  const std::uint16_t instruction = be16(header + 8);
  std::size_t bytes = 0;
  for (const auto& [mask, size] : domain->second.source_only) {
    if ((instruction & mask) != 0) bytes += size;
  }
  return bytes;
}

DecodeError read_stack2x(const std::uint8_t* header, const std::uint8_t* end,
                         std::size_t stack_words, const DecodeConfig& config,
                         IntStack& stack) noexcept {
  HOPSCOPE_ASSERT(left(header, end) >= kHeader2Bytes);
  stack.version = IntVersion::k2x;
  stack.layout = HopLayout::kInt2x;
  const unsigned hop_ml = header[2] & 0x1F;
  const std::uint8_t* hops = header + kHeader2Bytes;
  if (hop_ml == 0) return stack_words == 0 ? DecodeError::kNone : DecodeError::kBadHopMl;
  if (hop_ml < hop_words(stack.bitmap, HopLayout::kInt2x)) return DecodeError::kHopMlMismatch;
  const std::size_t source_only = source_only_bytes(config, header);
  if (source_only == 0 || source_only > stack_words * 4) {
    return cut_hops(stack, hops, end, stack_words, hop_ml);
  }
  const std::size_t node_words = stack_words - (source_only + 3) / 4;
  const DecodeError error = cut_hops(stack, hops, end, node_words, hop_ml);
  const std::uint8_t* bottom = hops + node_words * 4;
  if (left(bottom, end) < source_only) {
    return error == DecodeError::kNone ? DecodeError::kStackTruncated : error;
  }
  stack.source_only = Bytes(bottom, source_only);
  return error;
}

DecodeError read_mx(const std::uint8_t* header, const std::uint8_t* end, std::size_t words,
                    IntStack& stack) noexcept {
  HOPSCOPE_ASSERT(left(header, end) >= kHeader2Bytes);
  stack.version = IntVersion::k2xMx;
  stack.layout = HopLayout::kInt2x;
  const std::uint8_t* inserted = header + kHeader2Bytes;
  const std::size_t bytes = std::min(words * 4, left(inserted, end));
  stack.source_inserted = Bytes(inserted, bytes);
  return bytes < words * 4 ? DecodeError::kStackTruncated : DecodeError::kNone;
}

/// 0.5 or 1.0 after the shim, which states the length in words, shim included.
DecodeError read_old(const std::uint8_t* shim, const std::uint8_t* end, IntCarrier carrier,
                     const Dialect& dialect, IntStack& stack) noexcept {
  HOPSCOPE_ASSERT(left(shim, end) >= kShimBytes + kHeader1Bytes);
  const unsigned type = shim[0];
  const std::uint8_t* header = shim + kShimBytes;
  const bool known_type = type == kHopByHop || type == kDestination || type == kHostInt;
  const bool is_05 = header[0] >> 4 == 0 && (header[1] & 0x1F) != 0;
  if (!known_type || header[0] >> 4 > 1 || (type == kHostInt && !is_05)) {
    return DecodeError::kNotInt;
  }
  const std::size_t words = shim[2];
  stack.bitmap = be16(header + 4);
  if (stack.bitmap == 0) return DecodeError::kNotInt;
  if (words < 3) return DecodeError::kBadShimLength;
  if (type == kDestination) return DecodeError::kNone;  // for the sink, without a hop stack
  if (!is_05) return read_stack10(header, end, words - 3, dialect, stack);
  const bool has_tail = carrier == IntCarrier::kL4;
  if (has_tail && words < 4) return DecodeError::kBadShimLength;
  const std::size_t stack_words = words - (has_tail ? 4 : 3);
  const DecodeError error = read_stack05(header, end, stack_words, stack);
  const std::uint8_t* tail = header + kHeader1Bytes + stack_words * 4;
  if (has_tail && left(tail, end) >= 4) {
    if (type == kHostInt) {
      stack.has_flow_seq = true;
      stack.flow_seq = be32(tail);
    } else {
      stack.tail = tail;
    }
  }
  return error;
}

void clear(IntStack& stack) noexcept {
  const bool has_marker = stack.has_marker;
  stack = IntStack{};
  stack.has_marker = has_marker;
}

/// Errors of the policy no_int leave nothing of the header in `stack`.
IntResult finish(IntResult result, DecodeError error, IntStack& stack) noexcept {
  result.error = error;
  if (error != DecodeError::kNone && info(error).policy == Policy::kNoInt) clear(stack);
  return result;
}

}  // namespace

IntResult read_int(const std::uint8_t* at, const std::uint8_t* end, IntCarrier carrier,
                   const DecodeConfig& config, const Dialect& dialect, IntStack& stack) noexcept {
  IntResult result;
  const std::size_t present = left(at, end);
  if (present < kShimBytes) return finish(result, DecodeError::kNotInt, stack);
  stack.shim = at;
  stack.header = at + kShimBytes;
  if (at[0] >> 4 == 0) {
    if (present < kShimBytes + kHeader1Bytes) return finish(result, DecodeError::kNotInt, stack);
    result.after = left(at, end) >= std::size_t{at[2]} * 4 ? at + std::size_t{at[2]} * 4 : nullptr;
    return finish(result, read_old(at, end, carrier, dialect, stack), stack);
  }
  const unsigned type = at[0] >> 4;
  const bool plain_shim = carrier == IntCarrier::kL4;
  result.npt = plain_shim ? (at[0] >> 2) & 3 : 0;
  if (type > kMx || result.npt > 2 || present < kShimBytes + kHeader2Bytes ||
      stack.header[0] >> 4 != 2) {
    return finish(result, DecodeError::kNotInt, stack);
  }
  result.shim_word = be16(at + 2);
  result.shim_byte3 = at[3];
  const std::size_t words = at[1];
  if (words < 3) return finish(result, DecodeError::kBadShimLength, stack);
  const std::size_t total = kShimBytes + words * 4;
  if (present >= total) result.after = at + total;
  stack.bitmap = be16(stack.header + 4);
  if (type == kDestination) return result;
  const DecodeError error = type == kMx ? read_mx(stack.header, end, words - 3, stack)
                                        : read_stack2x(stack.header, end, words - 3, config, stack);
  return finish(result, error, stack);
}

IntResult read_int_option(const std::uint8_t* at, const std::uint8_t* end, unsigned type,
                          unsigned words, const DecodeConfig& config, const Dialect& dialect,
                          IntStack& stack) noexcept {
  IntResult result;
  stack.header = at;
  if (left(at, end) < kHeader1Bytes || words < 2) {
    return finish(result, DecodeError::kNotInt, stack);
  }
  stack.bitmap = be16(at + 4);
  if (type == kDestination) return result;
  if (at[0] >> 4 == 2) {
    if (left(at, end) < kHeader2Bytes || words < 3) {
      return finish(result, DecodeError::kNotInt, stack);
    }
    if (type == kMx) return finish(result, read_mx(at, end, words - 3, stack), stack);
    return finish(result, read_stack2x(at, end, words - 3, config, stack), stack);
  }
  if (at[0] >> 4 > 1 || stack.bitmap == 0) return finish(result, DecodeError::kNotInt, stack);
  const bool is_05 = at[0] >> 4 == 0 && (at[1] & 0x1F) != 0;
  const DecodeError error = is_05 ? read_stack05(at, end, words - 2, stack)
                                  : read_stack10(at, end, words - 2, dialect, stack);
  return finish(result, error, stack);
}

DecodeError read_mri(const std::uint8_t* option, IntStack& stack) noexcept {
  HOPSCOPE_ASSERT(option[1] >= 2);  // type and length, as find_ipv4_option() checks
  constexpr unsigned kFixedBytes = 4;
  constexpr unsigned kHopBytes = 8;
  const unsigned length = option[1];
  if (length < kFixedBytes) return DecodeError::kNotInt;
  const unsigned room = (length - kFixedBytes) / kHopBytes;
  const unsigned count = be16(option + 2);
  stack.version = IntVersion::kMri;
  stack.layout = HopLayout::kMri;
  stack.bitmap = 0x9000;  // node id and queue
  stack.header = option;
  stack.hops = option + kFixedBytes;
  stack.hop_bytes = kHopBytes;
  stack.hop_count = static_cast<std::uint16_t>(std::min(count, room));
  return count == room ? DecodeError::kNone : DecodeError::kHopCountMismatch;
}

}  // namespace hopscope::pipeline
