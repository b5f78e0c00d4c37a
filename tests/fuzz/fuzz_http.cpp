// Any bytes as requests: each is whole, refused or unfinished, and what is whole was unfinished at
// every byte before.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "export/http/http_request.h"

namespace {

void expect(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using hopscope::exporter::HttpHead;
  constexpr std::size_t kMaxHeadBytes = 512;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  while (true) {
    const HttpHead head = hopscope::exporter::parse_http_head(bytes, kMaxHeadBytes);
    if (head.state != HttpHead::State::kWhole) {
      expect(head.state == HttpHead::State::kMore || head.status >= 400, "refused without status");
      expect(head.state == HttpHead::State::kRefused || bytes.size() <= kMaxHeadBytes + 6,
             "more bytes wanted than there may be");
      return 0;
    }
    expect(head.length >= 4 && head.length <= bytes.size(), "longer than what there is");
    expect(head.length <= kMaxHeadBytes + 6, "longer than allowed");
    expect(!head.request.path.empty() && !head.request.method.empty(), "empty request");
    for (std::size_t n = 0; n < head.length; ++n) {
      expect(hopscope::exporter::parse_http_head(bytes.substr(0, n), kMaxHeadBytes).state ==
                 HttpHead::State::kMore,
             "decided before its end");
    }
    bytes.remove_prefix(head.length);
  }
}
