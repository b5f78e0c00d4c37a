// A frame, and changes to it: where a shape is learnt from the first and the second is still of
// that shape, the checked decoder must find in it what the shape says.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "support/shape_check.h"

namespace {

using hopscope::pipeline::DecodeConfig;
using hopscope::pipeline::Decoder;

std::vector<DecodeConfig> make_configs() {
  DecodeConfig base;
  base.report_udp_port = {32766, 1234, 5900, 6000};
  std::vector<DecodeConfig> configs(6, base);
  configs[1].int_udp_port = 5000;
  configs[2].int_probe_marker = 0xAAAAAAAABBBBBBBB;
  configs[3].int_dscp_mask = 1;
  configs[3].int_dscp = 1;
  configs[4].dialect.int_before_tcp_options = true;
  configs[5].int_dscp = 0x20;
  configs[5].dialect.tr20_no_lengths = true;
  configs[5].dialect.tr20_hw_id_4_bits = true;
  return configs;
}

}  // namespace

// One byte chooses the configuration, one says how many changes stand at the end: offset, value.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::unique_ptr<Decoder>> decoders = [] {
    std::vector<std::unique_ptr<Decoder>> made;
    for (const DecodeConfig& config : make_configs()) {
      made.push_back(std::make_unique<Decoder>(config));
    }
    return made;
  }();
  if (size < 2) return 0;
  const Decoder& decoder = *decoders[data[0] % decoders.size()];
  const std::size_t changes = data[1] % 16;
  if (size < 2 + 2 * changes) return 0;
  const std::uint8_t* change = data + size - 2 * changes;
  std::vector<std::uint8_t> frame(data + 2, change);
  const auto shape = hopscope::test::shape_of(decoder, {frame.data(), frame.size()});
  if (!shape) return 0;
  for (std::size_t i = 0; i < changes; ++i, change += 2)
    frame[change[0] % frame.size()] = change[1];
  if (!hopscope::test::is_of(*shape, frame)) return 0;
  const std::string what = hopscope::test::disagreement(decoder, *shape, frame);
  if (what.empty()) return 0;
  std::fprintf(stderr, "they disagree on: %s\n", what.c_str());
  std::abort();
}
