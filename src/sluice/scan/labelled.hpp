// Columns made from a seed, each with what it truly holds: what `sluice scan` is measured by.
//
// Nothing here calls a detector: check digits are computed by code of its own, and names of columns are what people
// call them, not what the detectors' table lists.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sluice/scan/column.hpp"

namespace sluice::scan {

enum class Named { well, vaguely };  // "client_email", "field_7"

struct LabelledColumn {
  std::string kind;  // what it was made as: "e-mail address"
  std::string tag;   // what it holds, as `pii:` says it; empty: nothing personal
  Named named = Named::well;
  std::string name;
  std::vector<std::string> values;
};

void make_columns(std::uint64_t seed, std::size_t count, const std::function<void(const LabelledColumn&)>& each);

// What a scan of such columns found.
struct Measured {
  struct Count {
    std::uint64_t columns = 0;
    std::uint64_t right = 0;                       // with the right tag; of nothing personal: without one
    std::map<std::string, std::uint64_t> wrong{};  // by what was proposed instead: "" is nothing
    std::map<std::string, std::uint64_t> names{};  // of those columns, in lower case
  };
  std::map<std::string, Count> well;     // by kind, of columns that are well named
  std::map<std::string, Count> vaguely;  // and of the others
  std::map<std::string, std::string> tags;
  std::uint64_t personal = 0;
  std::uint64_t found = 0;     // of those, with the right tag
  std::uint64_t tagged = 0;    // of those, with any tag
  std::uint64_t proposed = 0;  // tags in all

  double recall() const { return static_cast<double>(found) / static_cast<double>(personal); }
  double precision() const { return static_cast<double>(found) / static_cast<double>(proposed); }
};
Measured measure(std::uint64_t seed, std::size_t count);

}  // namespace sluice::scan
