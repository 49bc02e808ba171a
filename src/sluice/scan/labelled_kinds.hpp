// How the columns of the labelled set are made: a row a kind. Only labelled.cpp uses it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::scan {

// SplitMix64: the same columns on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  int between(int from, int to) { return from + static_cast<int>(next() % static_cast<std::uint64_t>(to - from + 1)); }
  bool one_in(int n) { return between(1, n) == 1; }
  std::string pick(std::string_view words) {  // separated by |
    std::size_t count = 1;
    for (const char c : words) count += c == '|' ? 1U : 0U;
    std::size_t skip = next() % count;
    std::size_t at = 0;
    for (; skip > 0; --skip) at = words.find('|', at) + 1;
    return std::string(words.substr(at, words.find('|', at) - at));
  }
  std::string digits(int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += static_cast<char>('0' + between(0, 9));
    return out;
  }
  std::string of(std::string_view characters, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += characters[next() % characters.size()];
    return out;
  }

 private:
  std::uint64_t state_;
};

// How one kind of column is made: its names, and a value in one of a few styles, which a whole column shares.
struct KindRow {
  std::string_view kind;
  std::string_view tag;
  int weight;
  std::string_view names;
  std::string (*value)(Random&, int style);
};

std::span<const KindRow> kinds();

}  // namespace sluice::scan
