#pragma once
// Changes of ports and queues between the workers: to the owner of the key, which decides, and the
// decision back to the others. Used by one worker only.

#include "pipeline/tables/change_router.h"
#include "pipeline/tables/key_share.h"
#include "pipeline/worker/authority.h"
#include "pipeline/worker/worker_channel.h"

namespace hopscope::pipeline {

class ChangeExchange final : public ChangeRouter {
 public:
  ChangeExchange(const KeyShare& share, const HashSeed& seed, Authority& authority,
                 WorkerChannels& channels) noexcept
      : share_(share), seed_(seed), authority_(authority), channels_(channels) {}

  /// A change of this worker's own tables.
  [[nodiscard]] bool route(const RowChange& change) noexcept override;

  /// A change that worker `from` sent, of a key that this worker owns. True: accepted, and the own
  /// tables are to have change.interval.
  [[nodiscard]] bool decide(RowChange& change, unsigned from) noexcept;

 private:
  [[nodiscard]] unsigned owner_of(const RowChange& change) const noexcept {
    return share_.owner_of(hash_of(port_key(change.switch_id, change.port), seed_));
  }
  /// To all workers but this one and `except`.
  void send_interval(const RowChange& change, unsigned except) noexcept;

  const KeyShare share_;
  const HashSeed seed_;
  Authority& authority_;
  WorkerChannels& channels_;
};

}  // namespace hopscope::pipeline
