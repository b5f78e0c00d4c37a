#pragma once
// Flows by key, and which of them a table of a given size can hold: eight places to a bucket, two
// buckets to a key, the first one preferred. Of the pipeline only the hash is used; the policy is
// that of flow_table.h and docs/configuration.md, with a map in the place of tags and indices.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "pipeline/events/options.h"
#include "pipeline/report/key.h"

namespace hopscope::test::model {

struct FlowHop {
  std::uint32_t switch_id = 0;
  std::uint32_t port = 0;
  std::optional<std::uint32_t> latency{};   ///< raw
  std::optional<std::uint64_t> interval{};  ///< of the latency
};

struct Flow {
  std::uint64_t hash = 0;
  std::uint32_t seen_s = 0;

  std::uint64_t reports = 0;
  std::uint64_t drops = 0;
  std::uint32_t path_changes = 0;
  std::int64_t last_seen_ns = 0;
  bool announced = false;
  std::optional<std::uint32_t> last_event_s;

  std::uint64_t length = 0;   ///< hops of the path, those that are not kept among them
  std::vector<FlowHop> hops;  ///< at most eight, [0] nearest to the sink
  bool postcards = false;     ///< the hops come from separate reports
  bool longer = false;

  bool has_latency = false;
  bool timed = false;
  std::uint64_t latency_ns = 0;  ///< the newest one that there was
  std::optional<std::uint64_t> interval;

  [[nodiscard]] bool has_path() const { return length != 0 && !postcards; }
};

class Flows {
 public:
  Flows(std::uint32_t capacity, const pipeline::TableOptions& options)
      : capacity_(capacity),
        evicts_(options.when_full == pipeline::FullPolicy::kEvictOldest),
        idle_s_(options.idle_timeout_s),
        buckets_(std::bit_ceil(capacity / 8 * 5 / 4 + 1)) {}

  /// Null: refused.
  Flow* find_or_add(const pipeline::FlowKey& key, std::uint64_t hash, std::uint32_t now_s) {
    if (const auto known = flows_.find(key); known != flows_.end()) {
      known->second.seen_s = now_s;
      return &known->second;
    }
    const std::uint32_t first = first_bucket(hash);
    const bool has_room =
        flows_.size() < capacity_ || evict(first, second_bucket(first, hash), now_s);
    if (!has_room) {
      ++refused;
      return nullptr;
    }
    const auto fresh = flows_.try_emplace(key).first;
    fresh->second.hash = hash;
    fresh->second.seen_s = now_s;
    if (place(fresh)) return &fresh->second;
    flows_.erase(fresh);
    ++refused;
    return nullptr;
  }

  /// Looks at so many buckets more for flows that were idle for too long.
  void sweep(std::uint32_t buckets, std::uint32_t now_s) {
    for (; buckets > 0; --buckets, sweep_at_ = (sweep_at_ + 1) % bucket_count()) {
      for (Place& place : buckets_[sweep_at_]) {
        if (!place || now_s - (*place)->second.seen_s < idle_s_) continue;
        flows_.erase(*place);
        place.reset();
        ++expired;
      }
    }
  }

  [[nodiscard]] std::uint32_t bucket_count() const {
    return static_cast<std::uint32_t>(buckets_.size());
  }
  [[nodiscard]] const std::map<pipeline::FlowKey, Flow>& all() const { return flows_; }

  std::uint64_t refused = 0, evicted = 0, expired = 0;

 private:
  using Map = std::map<pipeline::FlowKey, Flow>;
  using Place = std::optional<Map::iterator>;
  using Bucket = std::array<Place, 8>;

  [[nodiscard]] std::uint32_t first_bucket(std::uint64_t hash) const {
    return static_cast<std::uint32_t>(hash) % bucket_count();
  }
  /// Either one from the other: by the upper 16 bits of the hash, which are never taken for 0.
  [[nodiscard]] std::uint32_t second_bucket(std::uint32_t other, std::uint64_t hash) const {
    const auto mark = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(hash >> 48));
    return (other ^ (mark * 0x5BD1'E995U)) % bucket_count();
  }

  /// The idlest flow of both buckets goes; of several the first.
  bool evict(std::uint32_t first, std::uint32_t second, std::uint32_t now_s) {
    Place* idlest = nullptr;
    for (const std::uint32_t at : {first, second}) {
      for (Place& place : buckets_[at]) {
        if (!place) continue;
        if (idlest == nullptr ||
            now_s - (*place)->second.seen_s > now_s - (**idlest)->second.seen_s) {
          idlest = &place;
        }
      }
    }
    if (!evicts_ || idlest == nullptr) return false;
    flows_.erase(**idlest);
    idlest->reset();
    ++evicted;
    return true;
  }

  static bool put(Bucket& bucket, const Map::iterator& flow) {
    const auto free = std::find(bucket.begin(), bucket.end(), std::nullopt);
    if (free == bucket.end()) return false;
    *free = flow;
    return true;
  }

  /// Where both buckets are full, others move to the second one of theirs; after 128 moves all of
  /// them go back.
  bool place(Map::iterator flow) {
    std::uint32_t at = first_bucket(flow->second.hash);
    if (put(buckets_[at], flow)) return true;
    at = second_bucket(at, flow->second.hash);
    std::vector<std::pair<std::uint32_t, unsigned>> moves;
    while (!put(buckets_[at], flow)) {
      if (moves.size() == 128) {
        for (; !moves.empty(); moves.pop_back()) {
          std::swap(*buckets_[moves.back().first][moves.back().second], flow);
        }
        return false;
      }
      const auto slot = static_cast<unsigned>((at + moves.size()) % 8);
      std::swap(*buckets_[at][slot], flow);
      moves.emplace_back(at, slot);
      at = second_bucket(at, flow->second.hash);
    }
    return true;
  }

  std::uint32_t capacity_;
  bool evicts_;
  std::uint32_t idle_s_;
  Map flows_;
  std::vector<Bucket> buckets_;
  std::uint32_t sweep_at_ = 0;
};

}  // namespace hopscope::test::model
