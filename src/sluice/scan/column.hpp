// One column looked at value by value, and what it most likely holds.
//
// Keeps counts and hashes only: no value can be got out of it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "sluice/scan/detectors.hpp"

namespace sluice::scan {

struct Verdict {
  const Detector* detector = nullptr;  // null: nothing was found
  bool inside = false;                 // among the words of longer texts
  bool named = false;                  // the column's name says so
  double sure = 0;                     // 0 to 1
  double share = 0;                    // of the values that match
  std::string_view tag() const;        // empty: none is proposed
  std::string what() const;            // "telephone number", "text with a telephone number"
};

class Column {
 public:
  static constexpr std::size_t detectors_max = 32;
  static constexpr std::size_t value_bytes_max = 4096;  // of a longer value the rest is not looked at
  // Less sure than this is nothing to tell.
  static constexpr double sure_enough = 0.5;

  explicit Column(std::string name);

  void add(std::string_view value);
  Verdict judge() const;

  const std::string& name() const { return name_; }
  std::uint64_t values() const { return values_; }  // without NULL, empty ones and words for nothing

 private:
  double sure(std::size_t detector, double share) const;

  std::string name_;
  std::array<bool, detectors_max> named_{};
  std::array<bool, detectors_max> against_{};
  std::array<std::uint32_t, detectors_max> matches_{};
  std::array<std::uint32_t, detectors_max> inside_{};
  std::uint64_t values_ = 0;
  std::unordered_set<std::size_t> distinct_;  // hashes
};

// A name that is itself such a value: a map's key, or a cell of a line that is no header (header.hpp).
bool is_value(std::string_view name);

}  // namespace sluice::scan
