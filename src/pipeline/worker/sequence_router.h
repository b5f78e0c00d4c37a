#pragma once
// Sequence numbers go to the worker that keeps the account of their sender (sender_owners.h).

#include "pipeline/tables/key_share.h"
#include "pipeline/tables/tables.h"
#include "pipeline/worker/sender_owners.h"
#include "pipeline/worker/worker_channel.h"

namespace hopscope::pipeline {

/// Used by one worker only.
class SequenceRouter {
 public:
  struct Context {
    const KeyShare& share;
    const HashSeed& seed;
    SenderOwners& senders;
    Tables& tables;
    WorkerChannels& channels;
  };

  explicit SequenceRouter(const Context& context) noexcept
      : share_(context.share),
        seed_(context.seed),
        senders_(context.senders),
        tables_(context.tables),
        channels_(context.channels) {}

  [[gnu::noinline]] void route(const SequenceNumber& number) noexcept {
    const unsigned owner = share_.workers() == 1
                               ? share_.index()
                               : senders_.owner_of(hash_of(number.sender(), seed_), share_.index());
    if (owner == share_.index()) {
      tables_.observe_sequence(number);
    } else {
      channels_.send(owner, number);
    }
  }

 private:
  const KeyShare share_;
  const HashSeed seed_;
  SenderOwners& senders_;
  Tables& tables_;
  WorkerChannels& channels_;
};

}  // namespace hopscope::pipeline
