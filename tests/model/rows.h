#pragma once
// A table of rows found by key, with the policy of row_table.h: a row number that was given back is
// handed out before a fresh one, the last one first; a full table looks at the next eight rows for
// one that it may give up.

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace hopscope::test::model {

template <typename Key, typename Row>
class Rows {
 public:
  explicit Rows(std::uint32_t capacity) : capacity_(capacity) { rows_.reserve(capacity); }

  /// Null: refused. `is_spare(row)`: a full table may give it up.
  template <typename IsSpare>
  Row* find_or_add(const Key& key, const IsSpare& is_spare) {
    if (const auto known = by_key_.find(key); known != by_key_.end()) {
      return &rows_[known->second].row;
    }
    if (by_key_.size() == capacity_) give_one_up(is_spare);
    if (by_key_.size() == capacity_) {
      ++refused_;
      return nullptr;
    }
    std::uint32_t number = 0;
    if (!free_.empty()) {
      number = free_.back();
      free_.pop_back();
    } else {
      number = static_cast<std::uint32_t>(rows_.size());
      rows_.push_back({});
    }
    rows_[number] = {.key = key, .row = {}};
    by_key_[key] = number;
    return &rows_[number].row;
  }
  Row* find_or_add(const Key& key) {
    return find_or_add(key, [](const Row&) { return false; });
  }

  void erase(std::uint32_t number) {
    by_key_.erase(*rows_[number].key);
    rows_[number] = {};
    free_.push_back(number);
    ++expired_;
  }

  /// Numbers that were ever handed out are below.
  [[nodiscard]] std::uint32_t end() const { return static_cast<std::uint32_t>(rows_.size()); }
  /// Null: erased.
  [[nodiscard]] Row* at(std::uint32_t number) {
    return rows_[number].key ? &rows_[number].row : nullptr;
  }
  [[nodiscard]] Row* find(const Key& key) {
    const auto known = by_key_.find(key);
    return known == by_key_.end() ? nullptr : &rows_[known->second].row;
  }
  [[nodiscard]] const Key& key(std::uint32_t number) const { return *rows_[number].key; }

  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (const auto& [key, number] : by_key_) visit(key, rows_[number].row);
  }

  [[nodiscard]] std::uint64_t entries() const { return by_key_.size(); }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  [[nodiscard]] std::uint64_t expired() const { return expired_; }

 private:
  static constexpr std::uint32_t kTries = 8;

  struct Entry {
    std::optional<Key> key;
    Row row;
  };

  template <typename IsSpare>
  void give_one_up(const IsSpare& is_spare) {
    for (std::uint32_t i = 0; i < std::min(kTries, end()); ++i) {
      look_at_ = (look_at_ + 1) % end();
      if (!is_spare(rows_[look_at_].row)) continue;
      erase(look_at_);
      return;
    }
  }

  std::uint32_t capacity_;
  std::map<Key, std::uint32_t> by_key_;
  std::vector<Entry> rows_;
  std::vector<std::uint32_t> free_;
  std::uint32_t look_at_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t expired_ = 0;
};

/// Walks rows in turn, round and round.
class Walk {
 public:
  /// The next of `end` rows.
  std::uint32_t next(std::uint32_t end) { return at_ = at_ + 1 < end ? at_ + 1 : 0; }

 private:
  std::uint32_t at_ = 0;
};

}  // namespace hopscope::test::model
