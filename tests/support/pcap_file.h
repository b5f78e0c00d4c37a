#pragma once
// All frames of a pcap file, for tests.

#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <cstdint>
#include <string>
#include <vector>

namespace hopscope::test {

struct CapturedFrame {
  std::uint64_t time_ns = 0;
  std::vector<std::uint8_t> bytes;
};

inline std::vector<CapturedFrame> read_pcap(const std::string& path) {
  std::vector<CapturedFrame> frames;
  char error[PCAP_ERRBUF_SIZE] = {};
  pcap_t* pcap =
      pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error);
  if (pcap == nullptr) {
    ADD_FAILURE() << error;
    return frames;
  }
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  while (pcap_next_ex(pcap, &header, &bytes) == 1) {
    frames.push_back({.time_ns = static_cast<std::uint64_t>(header->ts.tv_sec) * 1'000'000'000 +
                                 static_cast<std::uint64_t>(header->ts.tv_usec),
                      .bytes = {bytes, bytes + header->caplen}});
  }
  pcap_close(pcap);
  return frames;
}

}  // namespace hopscope::test
