// Any bytes as a frame: decoded in full, put through the pipeline, and accounted for. The first
// byte chooses what the decoder is told about the traffic.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <vector>

#include "app/decode/json.h"
#include "pipeline/worker/engine.h"
#include "support/memory_source.h"

namespace {

using hopscope::pipeline::CustomHeaderConfig;
using hopscope::pipeline::CustomHeaderField;
using hopscope::pipeline::CustomHeaderStart;
using hopscope::pipeline::DecodeConfig;
using hopscope::pipeline::Engine;
using hopscope::pipeline::Int10Layout;

/// Headers of one's own in every way that one may be declared, in the place of reports.
DecodeConfig with_formats() {
  DecodeConfig config;
  config.report_udp_port = {1};
  CustomHeaderConfig chain;
  chain.name = "chain";
  chain.udp_port = 32766;
  chain.fields = {{.name = "flags", .bits = 3},
                  {.name = "count", .bits = 5},
                  {.name = "id", .bits = 128},
                  {.name = "vlan", .bits = 13, .condition = "flags", .condition_bit = 1}};
  CustomHeaderField hops;
  hops.name = "hops";
  hops.count = "count";
  hops.repeated = {{.name = "node", .bits = 17}, {.name = "depth", .bits = 40}};
  chain.fields.push_back(hops);
  chain.fields.push_back({.name = "end", .bits = 9});
  chain.key = {"id"};
  chain.measurements.resize(2);
  chain.measurements[0].field = "hops.depth";
  chain.measurements[1].field = "end";
  chain.drop = "flags";
  CustomHeaderConfig by_hop = chain;
  by_hop.name = "by_hop";
  by_hop.udp_port = 1234;
  by_hop.start = CustomHeaderStart::kInnerL4;
  by_hop.key = {"hops.node", "vlan"};
  CustomHeaderConfig last;
  last.name = "last";
  last.udp_port = 5900;
  last.start = CustomHeaderStart::kEnd;
  last.fields = {{.name = "a", .bits = 7}, {.name = "t", .bits = 64}};
  last.key = {"a"};
  last.timestamp = "t";
  CustomHeaderConfig raw = last;
  raw.name = "raw";
  raw.udp_port.reset();
  raw.ethertype = 0x88B5;
  raw.start = CustomHeaderStart::kPayload;
  config.formats = {chain, by_hop, last, raw};
  return config;
}

std::vector<DecodeConfig> make_configs() {
  DecodeConfig base;
  base.report_udp_port = {32766, 1234, 5900, 6000};
  std::vector<DecodeConfig> configs(8, base);
  configs[1].int_udp_port = 5000;
  configs[1].int_dscp.reset();
  configs[2].int_gre_proto = 0x88EE;
  configs[2].int_dscp = 0x20;
  configs[3].int_probe_marker = 0xAAAAAAAABBBBBBBB;
  configs[4].dialect.tr10_dqf_before_reserved = true;
  configs[5].dialect.int10_layout = Int10Layout::kGeant;
  configs[5].int_dscp = 0x20;
  configs[6].dialect.int_before_tcp_options = true;
  configs[6].int_dscp = 1;
  configs[6].int_dscp_mask = 1;
  configs[7].domains[0x5453].source_only[0x8000] = 8;
  configs[7].vxlan_gpe_next = {5};
  configs.push_back(with_formats());
  return configs;
}

/// A pipeline that stays, so that tables fill and rows are met again.
struct Pipeline {
  hopscope::test::MemorySource source;
  Engine engine;
  hopscope::pipeline::Decoder decoder;
  std::int64_t now_ns = 1;

  explicit Pipeline(const DecodeConfig& config)
      : engine({.decode = config,
                .tables = {.flows_ipv4 = 64,
                           .flows_ipv6 = 64,
                           .ports = 64,
                           .queue_overflow = 16,
                           .switches = 16,
                           .sequences = 16,
                           .formats = 16,
                           .drop_reasons = 16},
                .events = {},
                .switches = {},
                .queues = {},
                .seed = {},
                .cpus = {}},
               {&source}),
        decoder(config) {}
};

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::unique_ptr<Pipeline>> pipelines = [] {
    std::vector<std::unique_ptr<Pipeline>> made;
    for (const DecodeConfig& config : make_configs()) {
      made.push_back(std::make_unique<Pipeline>(config));
    }
    return made;
  }();
  if (size == 0) return 0;
  Pipeline& pipeline = *pipelines[data[0] % pipelines.size()];
  const std::vector<std::uint8_t> frame(data + 1, data + size);
  (void)hopscope::app::decode_to_json(pipeline.decoder, {frame.data(), frame.size()}).dump();

  pipeline.source.items().assign(1, {.bytes = frame, .time_ns = pipeline.now_ns += 1'000'000});
  pipeline.source.rewind();
  pipeline.engine.run_inline();
  std::array<hopscope::pipeline::Event, 64> events;
  while (pipeline.engine.take_events(events) != 0) {
  }
  const auto total = pipeline.engine.total();
  const auto dropped =
      std::accumulate(total.dropped.begin(), total.dropped.end(), std::uint64_t{0});
  require(total.frames == total.decoded + dropped, "frames = decoded + dropped");
  require(pipeline.source.held() == 0, "every frame is given back");
  return 0;
}
