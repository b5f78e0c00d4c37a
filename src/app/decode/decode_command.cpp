#include "app/decode/decode_command.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "app/capture.h"
#include "app/config/load.h"
#include "app/decode/filter.h"
#include "app/decode/json.h"
#include "app/decode/text.h"
#include "app/standard_output.h"
#include "pipeline/decode/decoder.h"

namespace hopscope::app {
namespace {

constexpr const char* kFooter =
    "One JSON object a line, for each UDP datagram to a report port: `outer` (addresses, ports),\n"
    "`report` (every field that is on the wire, raw integers, hops from the sink to the source),\n"
    "and for errors `error` with `policy`, which says how much of the report is kept.\n"
    "Other frames are counted on the standard error; --all prints them as well.\n"
    "\n"
    "  hopscope decode reports.pcap | jq -c '.report.inner.int.hops[] | [.node_id, .hop_latency]'\n"
    "  hopscope decode --format text --filter switch=3 reports.pcap | less";

struct Arguments {
  std::string config;
  std::vector<std::string> captures;
  std::vector<std::string> filter;
  std::string format = "json";
  bool all = false;
};

/// Frames of other traffic, in contrast to reports with an error.
bool is_other_traffic(pipeline::DecodeError error) noexcept {
  return error == pipeline::DecodeError::kNotUdp || error == pipeline::DecodeError::kOtherPort;
}

bool is_without_telemetry(const pipeline::Decoder& decoder, const pipeline::OuterHeaders& outer) {
  pipeline::Report report;
  return outer.data_packet && !decoder.reports(outer).next(report);
}

bool has_report_for(const pipeline::Decoder& decoder, const pipeline::OuterHeaders& outer,
                    const DecodeFilter& filter) {
  if (outer.format != nullptr) return false;
  pipeline::Report report;
  pipeline::ReportReader reader = decoder.reports(outer);
  while (reader.next(report)) {
    if (!report.is_skipped() && filter.passes(report)) return true;
  }
  return false;
}

int run(const Arguments& arguments) {
  const DecodeFilter filter(arguments.filter);
  const Config config = load_config(arguments.config, Use::kOffline);
  const pipeline::Decoder decoder(config.decode);
  const auto source = open_captures(arguments.captures);
  io::FrameBatch batch;
  const bool as_text = arguments.format == "text";
  std::uint64_t number = 0;
  std::uint64_t other = 0;
  bool written = true;
  while (written && source->receive(batch) != 0) {
    for (std::size_t i = 0; i < batch.count; ++i) {
      const pipeline::Bytes frame(batch.data[i], batch.length[i]);
      pipeline::OuterHeaders outer;
      ++number;
      const pipeline::DecodeError error = decoder.outer(frame, outer);
      const bool is_other = is_other_traffic(error) || is_without_telemetry(decoder, outer);
      if (!arguments.all && is_other) {
        ++other;
        continue;
      }
      if (!filter.empty() &&
          (error != pipeline::DecodeError::kNone || !has_report_for(decoder, outer, filter))) {
        continue;
      }
      const nlohmann::ordered_json json = decode_to_json(decoder, frame);
      const std::string line = as_text ? decode_to_text(json, number) : json.dump() + "\n";
      written = write_output(line) && written;
    }
    source->release(batch.handle.data(), batch.count);
  }
  const int status = finish_output(written);
  for (const std::string& warning : source->warnings()) {
    fmt::print(stderr, "hopscope: {}\n", warning);
  }
  if (other > 0) {
    fmt::print(stderr, "hopscope: {} frames were not datagrams to a report port (UDP {})\n", other,
               fmt::join(config.decode.report_udp_port, ", "));
  }
  return status;
}

}  // namespace

void add_decode_command(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("decode", "Print the reports in captures");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("--config", arguments->config, "Configuration; its decode: section is used")
      ->check(CLI::ExistingFile);
  command->add_option("--format", arguments->format, "json: one object per line; text: a tree")
      ->check(CLI::IsMember({"json", "text"}))
      ->capture_default_str();
  command
      ->add_option(
          "--filter", arguments->filter,
          "Only datagrams with a report of version=0.5|1.0|2.0|in-band, that crossed switch=ID, of "
          "flow=ADDRESS or ADDRESS:PORT (either end); may be repeated, all must hold")
      ->allow_extra_args(false);
  command->add_flag("--all", arguments->all, "Print frames that are not reports as well");
  command->add_option("CAPTURE", arguments->captures, "pcap or pcapng files")
      ->required()
      ->check(CLI::ExistingFile);
  command->footer(kFooter);
  command->callback([arguments, &status] { status = run(*arguments); });
}

}  // namespace hopscope::app
