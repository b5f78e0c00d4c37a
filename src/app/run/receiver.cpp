#include "app/run/receiver.h"

#include "io/udp/udp_sockets.h"
#include "io/udp/udp_source.h"

namespace hopscope::app {

Receiver::Receiver(const Config& config) : interface_(config.receive.af_xdp.interface) {
  std::vector<std::uint16_t> ports = config.decode.report_udp_port;
  std::vector<std::uint16_t> ethertypes;
  for (const pipeline::CustomHeaderConfig& format : config.decode.formats) {
    if (format.udp_port) ports.push_back(*format.udp_port);
    if (format.ethertype) ethertypes.push_back(*format.ethertype);
  }
  std::vector<unsigned> queues;
  for (const io::WorkerOptions& worker : config.workers) queues.push_back(worker.queue);
  if (config.receive.source == io::SourceKind::kAfXdp) {
    io::Redirect redirect(ports);
    redirect.ethertypes = ethertypes;
    redirect.data_packets = config.decode.data_packets == pipeline::DataPackets::kOn;
    af_xdp_ = std::make_unique<io::AfXdpInterface>(config.receive.af_xdp, queues, redirect);
    return;
  }
  io::UdpOptions udp = config.receive.udp;
  io::require_free_udp_ports(udp, ports);
  udp.shared = queues.size() > 1;
  for (const unsigned queue : queues)
    udp_.push_back(std::make_unique<io::UdpSource>(udp, ports, queue));
}

std::vector<io::FrameSource*> Receiver::sources() const {
  std::vector<io::FrameSource*> sources;
  for (std::size_t i = 0; af_xdp_ && i < af_xdp_->size(); ++i) {
    sources.push_back(&af_xdp_->source(i));
  }
  for (const auto& source : udp_) sources.push_back(source.get());
  return sources;
}

std::vector<std::string> Receiver::check() {
  return af_xdp_ ? af_xdp_->check() : std::vector<std::string>{};
}

bool Receiver::alive() const {
  return !af_xdp_ || !af_xdp_->gone();
}

std::vector<exporter::XdpCount> Receiver::xdp_counts() const {
  std::vector<exporter::XdpCount> counts;
  if (!af_xdp_) return counts;
  for (const io::XdpVerdict& verdict : af_xdp_->verdicts()) {
    counts.push_back(
        {.interface = interface_, .verdict = std::string(verdict.name), .frames = verdict.frames});
  }
  return counts;
}

void Receiver::detach() noexcept {
  if (af_xdp_) af_xdp_->detach();
}

}  // namespace hopscope::app
