#pragma once
// gzip (level 1) in front of whoever takes an answer piece by piece. One thread.

#include <memory>
#include <string_view>

#include "export/metrics/encoding/output_buffer.h"

namespace hopscope::exporter {

class GzipStream {
 public:
  /// Throws std::bad_alloc.
  explicit GzipStream(PieceSink sink);
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;
  ~GzipStream();

  /// False once the sink refused something.
  bool write(std::string_view piece) { return deflate(piece, false); }
  /// The end of the answer: what is left, and the trailer.
  bool finish() { return deflate({}, true); }

 private:
  struct State;

  bool deflate(std::string_view piece, bool is_last);

  PieceSink sink_;
  std::unique_ptr<State> state_;
  bool alive_ = true;
};

}  // namespace hopscope::exporter
