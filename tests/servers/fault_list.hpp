// Which faults a test has asked for, and whether one strikes a call. What each does is its server's own.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::servers {

using Parameters = std::map<std::string, std::string, std::less<>>;  // of a URL's query

// Reads "a=1&b=2"; `separator` is ',' on the command line. Values stay as they are encoded.
Parameters read_parameters(std::string_view text, char separator = '&');
std::int64_t number_of(const Parameters& parameters, std::string_view name, std::int64_t otherwise);
std::string text_of(const Parameters& parameters, std::string_view name);

class FaultList {
 public:
  explicit FaultList(std::uint64_t seed) : random_(seed) {}

  struct Strike {
    std::string_view name;
    std::chrono::milliseconds time;
  };

  // Of choice: action=ACTION (any; `only` wins), count=N (for ever), skip=N calls first, probability=P (1), ms=N (100).
  void add(std::string name, const Parameters& parameters, std::string_view only = {});
  void clear() { faults_.clear(); }
  std::vector<Strike> on(std::string_view action);
  const std::map<std::string, std::uint64_t>& struck() const { return struck_; }

 private:
  struct Fault {
    std::string name;
    std::string action;
    std::int64_t count;
    std::int64_t skip;
    double probability;
    std::chrono::milliseconds time;
  };
  std::vector<Fault> faults_;
  std::map<std::string, std::uint64_t> struck_;  // how often each did
  std::mt19937_64 random_;
};

}  // namespace sluice::servers
