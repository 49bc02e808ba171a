// Faults that a test asks for: what to do wrong, in which action, how often.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "http_loop.hpp"
#include "queue_answer.hpp"

namespace sluice::servers {

using Parameters = std::map<std::string, std::string, std::less<>>;  // of a URL's query

// Reads "a=1&b=2"; `separator` is ',' on the command line.
Parameters read_parameters(std::string_view text, char separator = '&');
std::int64_t number_of(const Parameters& parameters, std::string_view name, std::int64_t otherwise);

// What the faults that strike one call change about it.
struct Effects {
  const ErrorKind* error = nullptr;  // answered instead of doing the work
  bool cut_before = false;           // the connection closes and nothing was done
  Ending ending = Ending::keep;
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds drip{0};
  bool not_json = false;
  bool wrong_md5 = false;
  bool duplicate = false;     // what is delivered stays in the queue a second time, under its message id
  bool foreign_url = false;   // queue URLs name a host that cannot be reached
  bool fail_entries = false;  // every second entry of a batch, from the first on, fails and has no effect
  bool empty = false;         // a receive finds nothing, though messages are there
};

class Faults {
 public:
  explicit Faults(std::uint64_t seed) : random_(seed) {}

  // fault=NAME, and of choice: action=ACTION (any), count=N (for ever), skip=N calls first,
  // probability=P (1), ms=N (for delay and slow_body). False, with the reason, when it cannot be.
  bool add(const Parameters& parameters, std::string& problem);
  void clear() { faults_.clear(); }
  Effects on(std::string_view action);
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
