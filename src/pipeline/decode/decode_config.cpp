#include "pipeline/decode/decode_config.h"

namespace hopscope::pipeline {

Dialect dialect_of(Preset preset) {
  Dialect dialect{.preset = preset, .tr10_dqf_before_reserved = std::nullopt};
  switch (preset) {
    case Preset::kSpec:
      dialect.tr10_dqf_before_reserved = false;
      dialect.int10_layout = Int10Layout::kSpec;
      break;
    case Preset::kOnos:
    case Preset::kMandaryoshi:
      dialect.tr10_dqf_before_reserved = true;
      break;
    case Preset::kGeant:
      dialect.int10_layout = Int10Layout::kGeant;
      break;
    case Preset::kTofinoSwitch:
      dialect.tr20_hw_id_4_bits = true;
      break;
    case Preset::kHostInt:
    case Preset::kNoviflow:
      dialect.int_before_tcp_options = true;
      break;
    case Preset::kBmv2ZeroLength:
      dialect.tr20_no_lengths = true;
      break;
    case Preset::kNone:
    case Preset::kFabricTna:
      break;
  }
  return dialect;
}

}  // namespace hopscope::pipeline
