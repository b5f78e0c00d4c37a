#pragma once
// The checked path of a frame through a worker: decoded whole, its reports counted, applied to the
// tables or lent to the owners of their flows. Used by one worker only.

#include <cstdint>

#include "pipeline/decode/decoder.h"
#include "pipeline/fastpath/fast_path.h"
#include "pipeline/tables/key_share.h"
#include "pipeline/tables/tables.h"
#include "pipeline/worker/lender.h"
#include "pipeline/worker/message.h"
#include "pipeline/worker/sequence_router.h"
#include "pipeline/worker/worker_counters.h"

namespace hopscope::pipeline {

class CheckedPath {
 public:
  struct Context {
    const Decoder& decoder;
    const HashSeed& seed;
    const KeyShare& share;
    Tables& tables;
    FastPath& fast;
    Lender& lender;
    SequenceRouter& sequences;
    WorkerCounters& counters;
  };

  explicit CheckedPath(const Context& context) noexcept;

  /// A frame of the worker's own. May lend it; the caller passes it to Lender::finish() then.
  [[gnu::noinline]] void process(OwnFrame& frame) noexcept;

  /// A borrowed frame: only the keys that this worker owns, since the lender has counted the frame
  /// and its reports. The caller returns it.
  [[gnu::noinline]] void process(const FrameLoan& loan) noexcept;

 private:
  /// The workers that the frame at hand was lent to, and whether each had room.
  struct Lending {
    std::uint64_t to = 0;  ///< bit per worker
    bool all_taken = true;
  };

  /// False: an owner of one of the reports had no room.
  [[nodiscard]] bool process_reports(OwnFrame& frame, const OuterHeaders& outer,
                                     std::uint32_t& reports, DecodeError& error) noexcept;
  [[nodiscard]] bool process_format(OwnFrame& frame, const OuterHeaders& outer,
                                    DecodeError& error) noexcept;
  /// Reads a custom header; `is_own(owner)` tells of each record whether it is applied here.
  template <typename IsOwn>
  DecodeError read_format(const OuterHeaders& outer, const FrameTime& time,
                          const IsOwn& is_own) noexcept;
  /// A frame of `reports` reports was read.
  void learn_from(Bytes frame, const OuterHeaders& outer, std::uint32_t reports,
                  DecodeError error) noexcept;
  void count_report(const Report& report) noexcept;
  void count_error(DecodeError error) noexcept;
  void note_sequence(const Report& report, const OuterHeaders& outer,
                     const FrameTime& time) noexcept;
  [[nodiscard]] std::uint64_t flow_hash(const Report& report) const noexcept;
  /// True: this worker is the owner. Otherwise the frame is lent to the owner, once.
  bool is_own_or_lent(OwnFrame& frame, unsigned owner, Lending& lending) noexcept;

  const Decoder& decoder_;
  const HashSeed seed_;
  const KeyShare share_;
  Tables& tables_;
  FastPath& fast_;
  Lender& lender_;
  SequenceRouter& sequences_;
  WorkerCounters& counters_;
  Report report_;
};

}  // namespace hopscope::pipeline
