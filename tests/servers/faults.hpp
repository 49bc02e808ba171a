// Faults that a test asks for: what to do wrong, in which action, how often.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "fault_list.hpp"
#include "http_loop.hpp"
#include "queue_answer.hpp"

namespace sluice::servers {

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
  explicit Faults(std::uint64_t seed) : list_(seed) {}

  // fault=NAME, and what FaultList takes. False, with the reason, when it cannot be.
  bool add(const Parameters& parameters, std::string& problem);
  void clear() { list_.clear(); }
  Effects on(std::string_view action);
  const std::map<std::string, std::uint64_t>& struck() const { return list_.struck(); }

 private:
  FaultList list_;
};

}  // namespace sluice::servers
