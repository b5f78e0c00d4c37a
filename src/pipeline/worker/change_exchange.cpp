#include "pipeline/worker/change_exchange.h"

namespace hopscope::pipeline {

bool ChangeExchange::route(const RowChange& change) noexcept {
  const unsigned owner = owner_of(change);
  if (owner != share_.index()) return channels_.send(owner, Message::Kind::kChange, change);
  RowChange decided = change;
  const Authority::Verdict verdict = authority_.decide(decided);
  if (verdict == Authority::Verdict::kAccepted) send_interval(decided, share_.index());
  return verdict != Authority::Verdict::kRefused;
}

bool ChangeExchange::decide(RowChange& change, unsigned from) noexcept {
  HOPSCOPE_ASSERT(from != share_.index());
  HOPSCOPE_ASSERT(owner_of(change) == share_.index());
  switch (authority_.decide(change)) {
    case Authority::Verdict::kAccepted:
      send_interval(change, from);
      return true;
    case Authority::Verdict::kRefused:
      channels_.send(from, Message::Kind::kInterval, change);
      return false;
    case Authority::Verdict::kKnown:
      break;
  }
  return false;
}

void ChangeExchange::send_interval(const RowChange& change, unsigned except) noexcept {
  for (unsigned to = 0; to < channels_.to().size(); ++to) {
    if (to == except || to == share_.index()) continue;
    channels_.send(to, Message::Kind::kInterval, change);
  }
}

}  // namespace hopscope::pipeline
