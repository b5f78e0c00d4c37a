#include "pipeline/report/key.h"

namespace hopscope::pipeline {

FlowKey widen(const FlowKey4& key) noexcept {
  FlowKey wide;
  wide.source.version = 4;
  wide.destination.version = 4;
  std::memcpy(wide.source.bytes.data(), &key.source, sizeof key.source);
  std::memcpy(wide.destination.bytes.data(), &key.destination, sizeof key.destination);
  wide.source_port = key.source_port;
  wide.destination_port = key.destination_port;
  wide.protocol = key.protocol;
  return wide;
}

FlowKey widen(const FlowKey6& key) noexcept {
  FlowKey wide;
  wide.source.version = 6;
  wide.destination.version = 6;
  wide.source.bytes = key.source;
  wide.destination.bytes = key.destination;
  wide.source_port = key.source_port;
  wide.destination_port = key.destination_port;
  wide.protocol = key.protocol;
  return wide;
}

}  // namespace hopscope::pipeline
